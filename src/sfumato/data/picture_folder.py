"""The pictures of a folder."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.data.source import Source, files_below
from sfumato.errors import FileError
from sfumato.io.picture import read

__all__ = ["PictureFolder"]


class PictureFolder(Source):
    """The pictures of a folder, in the order of their names.

    Args:
        folder: where they are.
        deep: search the folders inside it too.
        labeled: the folders right inside it are classes: ``meta["label"]`` is the number of
            the folder in the order of names, ``text`` its name.

    Raises:
        FileError: there is no such folder, no picture in it, or no folders for labels.

    Example:
        >>> from sfumato.io import write
        >>> place = getfixture("tmp_path")
        >>> for name in ("cat", "dog"):
        ...     (place / name).mkdir()
        ...     _ = write(place / name / "1.png", np.zeros((4, 6, 3), np.uint8))
        >>> pictures = PictureFolder(folder=place, labeled=True)
        >>> [(s.text, s.meta["label"]) for s in (pictures[0], pictures[1])]
        [('cat', 0), ('dog', 1)]
    """

    folder: Path
    deep: bool = False
    labeled: bool = False

    _example = {"folder": Path("pictures")}

    @functools.cached_property
    def files(self) -> Sequence[Path]:
        """The files, first to last."""
        return files_below(self.folder, "PictureFolder", deep=self.deep or self.labeled)

    @functools.cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, where the folders are classes."""
        loose = [path for path in self.files if path.parent == self.folder]
        if loose:
            raise FileError(
                f"PictureFolder: {loose[0]} lies in no folder that could be its class",
                hint="one folder for each class, or labeled: false",
            )
        return tuple(sorted({path.relative_to(self.folder).parts[0] for path in self.files}))

    def __len__(self) -> int:
        return len(self.files)

    def name_of(self, index: int) -> str:
        return str(self.files[index])

    def read(self, index: int, rng: Rng) -> Sample:
        path = self.files[index]
        sample = read(path)
        if not self.labeled:
            return sample
        name = path.relative_to(self.folder).parts[0]
        return sample.but(text=name, meta={**sample.meta, "label": self.classes.index(name)})
