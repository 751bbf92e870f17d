"""Counts of the Poisson law by table."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import STRIDE, stirred
from sfumato.core.compiled import compiled

__all__ = ["GUIDES", "count_of", "counts_by_level", "poisson_table"]

GUIDES = 256
"""Where to begin in a row is known for this many parts of the unit range."""


@functools.lru_cache(maxsize=8)
def poisson_table(means: tuple[float, ...]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Tabulate the distribution of counts for some means, up to some thousand each.

    Returns:
        cumulative chances in 2^-32, (means, counts), and where to begin, (means, GUIDES).
    """
    rates = np.array(means)[:, None]
    top = float(rates.max())
    size = math.ceil(top + 8.0 * math.sqrt(top) + 12.0)
    counts = np.arange(float(size))
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.maximum(counts[1:], 1.0)))])
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.exp(counts * np.log(rates) - rates - logs)
    chance[rates[:, 0] == 0.0] = counts == 0
    cumulative = np.minimum(np.rint(np.cumsum(chance, axis=1) * 2.0**32), 2.0**32 - 1)
    cumulative[:, -1] = 2.0**32 - 1
    edges = np.arange(GUIDES) * (2.0**32 / GUIDES)
    starts = np.stack([np.searchsorted(row, edges, "right") for row in cumulative])
    return cumulative.astype(np.uint32), np.minimum(starts, size - 1).astype(np.int32)


@compiled
def count_of(bits: Any, cumulative: Any, starts: Any) -> int:
    """Read 32 random bits as a count."""
    count = starts[bits >> np.uint32(24)]
    last = cumulative.size - 1
    while count < last and cumulative[count] <= bits:
        count += 1
    return int(count)


@compiled
def counts_by_level(
    values: Any, seed: Any, cumulative: Any, starts: Any, levels: Any, out: Any
) -> None:
    """Draw a count by the row of each value, and write what stands for the count in ``levels``."""
    state = stirred(seed + STRIDE)
    bits = np.uint64(0)
    last = levels.size - 1
    for j in range(values.size):
        if j & 1 == 0:
            state += STRIDE
            bits = stirred(state)
        else:
            bits = bits >> np.uint64(32)
        row = values[j]
        count = count_of(np.uint32(bits), cumulative[row], starts[row])
        out[j] = levels[min(count, last)]
