"""Where samples come from: something with a length that gives sample k."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.core.spec import Configured
from sfumato.errors import FileError
from sfumato.measure.pairing import READ

__all__ = ["SampleList", "Source", "files_below"]


class Source(Configured, ABC):
    """Give samples by number, the same sample for the same number and the same dice.

    A subclass writes ``__len__`` and `read`. It holds no open files and no
    position, so that several processes may read from it at once.
    """

    @abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abstractmethod
    def read(self, index: int, rng: Rng) -> Sample:
        """Give one sample.

        Args:
            index: from 0 to the length less one.
            rng: where all that is random about the sample comes from.

        Raises:
            FileError: its file cannot be read.
        """

    def __getitem__(self, index: int) -> Sample:
        """Give one sample, with dice that depend on its number alone."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"{type(self).__name__}: there is no sample {index} of {len(self)}")
        index %= len(self)
        return self.read(index, np.random.default_rng(index))

    def name_of(self, index: int) -> str:
        """Say which sample that is, for a report."""
        return f"sample {index}"


class SampleList(Source):
    """Samples that are in memory already.

    Args:
        samples: the samples.

    Example:
        >>> len(SampleList(samples=(Sample(np.zeros((2, 2, 1), np.uint8)),)))
        1
    """

    samples: tuple[Sample, ...]

    _example = {"samples": (Sample(np.zeros((8, 8, 3), np.uint8)),)}

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, index: int, rng: Rng) -> Sample:
        return self.samples[index]


def files_below(
    folder: Path, who: str, endings: Collection[str] = READ, *, deep: bool = False
) -> Sequence[Path]:
    """List files of a folder in the order of their names; hidden files are passed over.

    Args:
        folder: where they are.
        who: asks, as an error says.
        endings: which files count, in small letters; those of pictures by default.
        deep: search the folders inside it too.

    Raises:
        FileError: there is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise FileError(f"{who}: there is no folder {folder}", hint="check the path")
    found = [
        path
        for path in sorted(folder.rglob("*") if deep else folder.iterdir())
        if path.suffix.lower() in endings and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise FileError(
            f"{who}: there is no {'picture' if endings is READ else '/'.join(endings)} in {folder}",
            hint=None if deep else "folders inside it are searched with deep: true",
        )
    return found
