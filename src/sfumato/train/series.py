"""Batches to learn from and batches to be judged on, from loaders and from plain iterables."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable
from typing import Any

from sfumato.core.batch import Batch
from sfumato.data.loader import SKIPPED, Loader
from sfumato.errors import DtypeError, RangeError

__all__ = ["skipped_in", "training_series", "validation_batches"]


def training_series(
    data: Loader | Iterable[Batch], seed: int, start: int, stride: int
) -> Generator[Batch, None, None]:
    """Give batch start, start + stride, ... of an endless series.

    Raises:
        RangeError: there is no batch.
        DtypeError: something else than a batch comes.
    """
    if isinstance(data, Loader):
        yield from data.batches(seed=seed, start=start, stride=stride)
        return
    for batch in itertools.islice(_again_and_again(data), start, None, stride):
        if not isinstance(batch, Batch):
            raise DtypeError(
                f"Trainer: expected batches, got {type(batch).__name__}",
                hint="Batch.of(samples) makes one; data.Loader makes many",
            )
        yield batch


def _again_and_again(data: Iterable[Any]) -> Generator[Any, None, None]:
    if iter(data) is iter(data):
        # An iterator can be gone through once; keep what it gives for the next pass.
        data = list(data)
    while True:
        empty = True
        for batch in data:
            empty = False
            yield batch
        if empty:
            raise RangeError("Trainer: there is no batch to learn from")


def validation_batches(data: Loader | Iterable[Batch]) -> Iterable[Batch] | None:
    """Give every batch once; None where there is none."""
    if isinstance(data, Loader):
        return data.once()
    batches = list(data)
    return batches or None


def skipped_in(batch: Batch) -> list[str]:
    """Tell what was broken and passed over on the way to a batch."""
    return [reason for meta in batch.meta for reason in meta.get(SKIPPED, ())]
