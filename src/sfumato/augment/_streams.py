"""Where chance comes from, when no generator is handed in.

A stream belongs to one process. After a fork, or in a worker of a data loader, the streams
of the parent are dropped and new ones are made, so that no two workers see the same chance.
"""

from __future__ import annotations

import os
import sys
from typing import Any, TypeAlias

import numpy as np

__all__ = ["RngLike", "ambient", "as_generator", "process", "root_stream"]

Rng: TypeAlias = np.random.Generator
RngLike: TypeAlias = Rng | int | tuple[int, ...] | None

_process = [os.getpid()]
_ambient: list[Rng] = []


def _after_fork() -> None:
    _process[0] = os.getpid()
    _ambient.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def process() -> int:
    """Tell this process from the one that a stream was made in."""
    return _process[0]


def ambient() -> Rng:
    """Give the stream of this process for operators that were given none."""
    if not _ambient:
        _ambient.append(root_stream(None))
    return _ambient[0]


def as_generator(rng: Any) -> Rng:
    """Read a seed, a tuple of whole numbers such as (seed, epoch, index), or a generator."""
    if rng is None:
        return ambient()
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(rng)


def root_stream(seed: int | None) -> Rng:
    """Begin a stream for this process: from (seed, worker) if there is a seed.

    In a worker of torch's data loader the worker's own seed takes part: it differs from
    worker to worker and from epoch to epoch, and follows from ``torch.manual_seed``.
    """
    worker = _worker_seed()
    if seed is None:
        # The entropy of the system keeps workers apart without torch's help.
        return np.random.default_rng()
    return np.random.default_rng(seed if worker is None else (seed, worker))


def _worker_seed() -> int | None:
    data = sys.modules.get("torch.utils.data")  # never import torch for this
    info = data.get_worker_info() if data is not None else None
    return None if info is None else int(info.seed)
