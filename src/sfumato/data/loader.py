"""Batches of samples: any batch of the endless series can be had by its number."""

from __future__ import annotations

import functools
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.operator import Operator
from sfumato.core.sample import Sample
from sfumato.core.spec import Configured
from sfumato.data.source import SampleList, Source
from sfumato.errors import FileError, SfumatoError

if TYPE_CHECKING:
    from sfumato.core.batch import Batch

__all__ = ["SKIPPED", "Loader"]

SKIPPED = "skipped"
"""In ``meta``: what was broken and passed over before this sample was found."""
SHUFFLING, READING, JUDGING = 1, 2, 3
"""Purposes of random numbers."""

log = logging.getLogger(__name__)


class Loader(Configured):
    """Turn a source into batches, the same ones however often and by how many they are read.

    Training reads an endless series: one shuffled pass through the source after the other.
    Batch k holds the samples k·b to k·b + b - 1 of that series. What is random about a
    sample depends on the seed, the pass and its number alone, so neither workers nor an
    interruption change it, and training resumes at batch k without reading those before.

    Args:
        source: where samples come from.
        batch_size: samples in a batch.
        prepare: an operator for every sample, in training and in validation: scaling.
        augment: an operator for training alone, with dice for each sample and pass.
        workers: processes that decode and augment beside the training; 0 for none.
        shuffle: False reads every pass in the order of the source.
        broken: what to do about a file that cannot be read: ``error`` stops, ``skip``
            takes the next sample of the pass instead and reports it.
        cache_mb: keep that much of the decoded samples in memory, in each worker; for
            sources that give the same sample every time.

    Raises:
        FileError: a file is broken and the policy is ``error``, or nothing can be read.

    Example:
        >>> dark = Sample(np.zeros((2, 2, 1), np.uint8))
        >>> loader = Loader(source=SampleList(samples=(dark, dark, dark)), batch_size=2)
        >>> [len(batch) for batch in loader.once()], len(next(loader.batches(seed=0)))
        ([2, 1], 2)
    """

    source: Source
    batch_size: Annotated[int, Between(1)] = 16
    prepare: Operator | None = None
    augment: Operator | None = None
    workers: Annotated[int, Between(0, 256)] = 0
    shuffle: bool = True
    broken: Literal["error", "skip"] = "error"
    cache_mb: Annotated[int, Between(0)] = 0

    _example = {"source": SampleList.example(), "batch_size": 1}

    def batches(self, *, seed: int = 0, start: int = 0, stride: int = 1) -> Iterator[Batch]:
        """Give the endless series of training batches.

        Args:
            seed: of the order and of all that is random.
            start: number of the first batch.
            stride: give every so many-th batch; several processes share a series so.

        Raises:
            FileError: there is no sample.
        """
        if len(self.source) == 0:
            raise FileError(
                f"Loader: {type(self.source).__name__} holds no sample to learn from",
                hint="check its settings",
            )
        numbers = _Numbers(self.batch_size, start, stride)
        return self._delivered(_Reader(self, seed, training=True), numbers)

    def once(self) -> Iterator[Batch]:
        """Give every sample once, in order, prepared and not augmented; the last batch is short."""
        count = len(self.source)
        size = self.batch_size
        parts = [list(range(k, min(k + size, count))) for k in range(0, count, size)]
        return self._delivered(_Reader(self, 0, training=False), parts)

    def _delivered(self, reader: _Reader, numbers: Any) -> Iterator[Batch]:
        if not self.workers:
            return (_batch(reader, part) for part in numbers)
        import torch  # noqa: PLC0415 (torch comes in)
        from torch.utils.data import DataLoader  # noqa: PLC0415

        loader: Any = DataLoader(
            _Told(reader),  # type: ignore[arg-type]
            batch_sampler=numbers,
            num_workers=self.workers,
            collate_fn=_as_it_is,
            worker_init_fn=_quiet,
            prefetch_factor=4,
            pin_memory=torch.cuda.is_available(),
        )
        return _opened(loader)


class _Numbers:
    """The sample numbers of batch start, start + stride, ..."""

    def __init__(self, size: int, start: int, stride: int) -> None:
        self.size, self.start, self.stride = size, start, stride

    def __iter__(self) -> Iterator[list[int]]:
        number = self.start
        while True:
            yield list(range(number * self.size, (number + 1) * self.size))
            number += self.stride


class _Reader:
    """Sample number p of the series; what workers run."""

    def __init__(self, loader: Loader, seed: int, *, training: bool) -> None:
        self.loader, self.seed, self.training = loader, seed, training
        self.count = len(loader.source)
        self._order = functools.lru_cache(maxsize=2)(self._shuffled)
        self._cache: OrderedDict[int, Sample] = OrderedDict()
        self._cached_bytes = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"loader": self.loader, "seed": self.seed, "training": self.training}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __len__(self) -> int:
        return self.count

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        if not (self.training and self.loader.shuffle):
            return np.arange(self.count)
        return np.random.default_rng([self.seed, SHUFFLING, epoch]).permutation(self.count)

    def __getitem__(self, position: int) -> Sample:
        epoch, place = divmod(position, self.count)
        order = self._order(epoch)
        skipped: list[str] = []
        for k in range(self.count):
            index = int(order[(place + k) % self.count])
            try:
                sample = self._sample(index, epoch)
            except FileError as error:
                if self.loader.broken == "error":
                    raise
                reason = f"{self.loader.source.name_of(index)}: {error.message}"
                log.warning("passed over: %s", reason)
                skipped.append(reason)
                continue
            if skipped:
                return sample.but(meta={**sample.meta, SKIPPED: tuple(skipped)})
            return sample
        raise FileError(
            f"Loader: none of the {self.count} samples can be read; the first: {skipped[0]}"
        )

    def _sample(self, index: int, epoch: int) -> Sample:
        # What is validated is never what training saw, also where samples are drawn by chance.
        purpose = READING if self.training else JUDGING
        dice = np.random.default_rng([self.seed, purpose, epoch, index])
        reading, preparing, augmenting = dice.spawn(3)
        sample = self._read(index, reading)
        if self.loader.prepare is not None:
            sample = self.loader.prepare(sample, preparing)
        if self.training and self.loader.augment is not None:
            sample = self.loader.augment(sample, augmenting)
        return sample

    def _read(self, index: int, dice: np.random.Generator) -> Sample:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        sample = self.loader.source.read(index, dice)
        if self.loader.cache_mb:
            self._cache[index] = sample
            self._cached_bytes += _bytes(sample)
            while self._cached_bytes > self.loader.cache_mb * 2**20:
                self._cached_bytes -= _bytes(self._cache.popitem(last=False)[1])
        return sample


def _bytes(sample: Sample) -> int:
    fields = (getattr(sample, name) for name in sample.fields())
    return sum(field.nbytes for field in fields if isinstance(field, np.ndarray))


class _Told:
    """Read whole batches in a worker, and hand over what went wrong instead of raising it.

    torch would wrap the error and lose the hint.
    """

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return len(self.reader)

    def __getitems__(self, part: list[int]) -> Any:
        try:
            return _batch(self.reader, part)
        except SfumatoError as error:
            return error


def _as_it_is(batch: Any) -> Any:
    return batch


def _opened(loader: Any) -> Iterator[Batch]:
    for found in loader:
        if isinstance(found, SfumatoError):
            raise found
        yield found


def _batch(reader: _Reader, part: Sequence[int]) -> Batch:
    from sfumato.core.batch import Batch  # noqa: PLC0415 (torch comes in)

    return Batch.of([reader[position] for position in part])


def _quiet(_worker: int) -> None:
    """Keep workers to one thread each: there are as many of them as are wanted."""
    from sfumato.core.opencv import cv2  # noqa: PLC0415

    cv2.setNumThreads(0)
