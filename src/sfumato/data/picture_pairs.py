"""Pictures of several folders that belong together by their names."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.files import read_text
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.data.source import Source, files_below
from sfumato.errors import FileError, RangeError, ShapeError
from sfumato.io.picture import read
from sfumato.measure.label_file import read_labels
from sfumato.measure.pairing import READ

__all__ = ["PicturePairs", "check_labels"]


class PicturePairs(Source):
    """Pictures and what belongs to them, in folders side by side.

    Files belong together by the name before the ending: ``in/dusk.jpg`` and
    ``out/dusk.png``. A name that one folder has and another lacks is an error: data that
    went missing is not passed over in silence.

    Args:
        images: the folder of what a method sees.
        targets: the folder of what it should answer, as pictures.
        masks: the folder of label maps: grey or palette PNG, a number each pixel.
        hints: the folder of pictures that guide a generator.
        texts: the folder of captions, a ``.txt`` each; it may be that of the pictures.
        classes: how many labels there are; a label beyond is refused, with its file.
        ignored_label: a label that means nothing and is let through.

    Raises:
        FileError: a folder is missing or empty, a name is alone or stands for two files.
        RangeError: a label map holds a label that there is not.
        ShapeError: a label map is of another size than its picture.

    Example:
        >>> from sfumato.io import write
        >>> place = getfixture("tmp_path")
        >>> for name in ("in", "out"):
        ...     (place / name).mkdir()
        ...     _ = write(place / name / "dusk.png", np.zeros((4, 6, 3), np.uint8))
        >>> PicturePairs(images=place / "in", targets=place / "out")[0].fields()
        ('image', 'target')
    """

    images: Path
    targets: Path | None = None
    masks: Path | None = None
    hints: Path | None = None
    texts: Path | None = None
    classes: Annotated[int, Between(1, 65536)] | None = None
    ignored_label: int = 255

    _example = {"images": Path("in"), "targets": Path("out")}

    @functools.cached_property
    def names(self) -> Sequence[str]:
        """The names, first to last; every folder has all of them."""
        names = sorted(self._images)
        for role, files in self._others.items():
            lonely = sorted(set(names) ^ set(files))
            if lonely:
                here = lonely[0] in files
                has, lacks = getattr(self, role), self.images
                has, lacks = (has, lacks) if here else (lacks, has)
                more = f" (and {len(lonely) - 1} more)" if len(lonely) > 1 else ""
                raise FileError(
                    f"PicturePairs: '{lonely[0]}' is in {has} and not in {lacks}{more}",
                    hint="pictures belong together by the name before the ending",
                )
        return names

    @functools.cached_property
    def _images(self) -> Mapping[str, Path]:
        return _by_stem(self.images)

    @functools.cached_property
    def _others(self) -> Mapping[str, Mapping[str, Path]]:
        found = {}
        for role in ("targets", "masks", "hints", "texts"):
            folder = getattr(self, role)
            if folder is not None:
                found[role] = _by_stem(folder, (".txt",) if role == "texts" else READ)
        return found

    def __len__(self) -> int:
        return len(self.names)

    def name_of(self, index: int) -> str:
        return str(self._images[self.names[index]])

    def read(self, index: int, rng: Rng) -> Sample:
        name = self.names[index]
        sample = read(self._images[name])
        for role, files in self._others.items():
            if role == "masks":
                mask = read_labels(files[name])
                if mask.shape != sample.size:
                    raise ShapeError(
                        f"{files[name]}: the labels are {mask.shape}, the picture {sample.size}"
                    )
                if self.classes is not None:
                    check_labels(mask, self.classes, self.ignored_label, str(files[name]))
                sample = sample.but(mask=mask)
            elif role == "texts":
                sample = sample.but(text=" ".join(read_text(files[name]).split()))
            else:
                sample = sample.but(**{role[:-1]: read(files[name]).image})
        return sample


def check_labels(mask: NDArray[Any], classes: int, ignored: int, who: str) -> None:
    """Refuse labels that there are not.

    Raises:
        RangeError: a label is outside 0 to ``classes - 1`` and not the one that is ignored.
    """
    wrong = (mask != ignored) & ((mask < 0) | (mask >= classes))
    if np.any(wrong):
        raise RangeError(
            f"{who}: label {int(mask[wrong][0])} is outside 0 to {classes - 1}",
            hint=f"raise 'classes', mend the file, or let {ignored} mean nothing",
        )


def _by_stem(folder: Path, endings: Collection[str] = READ) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in files_below(folder, "PicturePairs", endings):
        if path.stem in found:
            raise FileError(
                f"PicturePairs: {found[path.stem].name} and {path.name} of {folder} "
                "have the same name before the ending"
            )
        found[path.stem] = path
    return found
