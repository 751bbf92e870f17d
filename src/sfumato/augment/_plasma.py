"""Clouds of the diamond-square algorithm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import STRIDE, stirred
from sfumato.core.compiled import compiled

__all__ = ["plasma"]


def plasma(height: int, width: int, roughness: float, seed: int) -> NDArray[np.float32]:
    """Give a cloud from 0 to 1: corners drawn, then middles of squares, then of edges, ever finer.

    The k-th halving adds uniform noise of the size roughness^k to the mean of the neighbors:
    well below 1 gives smooth clouds, above 1 the finest noise wins.

    References:
        A. Fournier, D. Fussell, L. Carpenter. Computer Rendering of Stochastic Models.
        Communications of the ACM, 1982. doi:10.1145/358523.358553
    """
    side = 2
    while side + 1 < max(height, width):
        side *= 2
    grid = np.empty((side + 1, side + 1), np.float32)
    # Sizes are taken relative to the last, so that no power overflows.
    halvings = side.bit_length() - 1
    relative = [
        float(roughness) ** (k - halvings if roughness > 1.0 else k) for k in range(halvings + 1)
    ]
    _grow(grid, np.array(relative, np.float32), np.uint64(seed))
    cloud = grid[:height, :width]
    low, high = float(cloud.min()), float(cloud.max())
    if high <= low:
        return np.full((height, width), 0.5, np.float32)
    return (cloud - np.float32(low)) * np.float32(1.0 / (high - low))


@compiled
def _noise(state: Any) -> Any:
    return np.float32(np.int64(stirred(state) >> np.uint64(40)) - 8388608) * np.float32(2.0**-23)


@compiled
def _grow(grid: Any, sizes: Any, seed: Any) -> None:
    last = grid.shape[0] - 1
    state = stirred(seed + STRIDE)
    quarter = np.float32(0.25)
    for y in (0, last):
        for x in (0, last):
            state += STRIDE
            grid[y, x] = sizes[0] * _noise(state)
    step, k = last, 0
    while step > 1:
        half, k = step // 2, k + 1
        size = sizes[k]
        for y in range(half, last, step):
            for x in range(half, last, step):
                state += STRIDE
                upper = grid[y - half, x - half] + grid[y - half, x + half]
                lower = grid[y + half, x - half] + grid[y + half, x + half]
                grid[y, x] = (upper + lower) * quarter + size * _noise(state)
        for y in range(0, last + 1, half):
            first = half if (y // half) % 2 == 0 else 0
            for x in range(first, last + 1, step):
                state += STRIDE
                # Beyond an edge the neighbor on the other side counts twice.
                left = grid[y, x - half] if x > 0 else grid[y, x + half]
                right = grid[y, x + half] if x < last else left
                above = grid[y - half, x] if y > 0 else grid[y + half, x]
                below = grid[y + half, x] if y < last else above
                grid[y, x] = (left + right + above + below) * quarter + size * _noise(state)
        step = half
