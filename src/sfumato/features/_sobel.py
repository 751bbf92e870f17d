"""Gaussian and Sobel in one walk over the rows, compiled."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

__all__ = ["half_bell", "smooth_sobel"]

Row = NDArray[np.float32]


def half_bell(sigma: float, gain: float) -> Row:
    """Give the middle and one side of a sampled Gaussian that adds up to ``gain``."""
    if sigma <= 0.0:
        return np.array([gain], np.float32)
    at = np.arange(math.ceil(3.0 * sigma) + 1)
    bell = np.exp(-0.5 * (at / sigma) ** 2)
    return np.asarray(bell * (gain / (2.0 * bell.sum() - bell[0])), np.float32)


@compiled
def _add(target: Row, up: Any, down: Any, weight: np.float32) -> None:
    for x in range(target.size):
        target[x] += weight * (np.float32(up[x]) + np.float32(down[x]))


@compiled
def _smooth_row(plane: Any, y: int, down: Row, across: Row, wide: Row, out: Row) -> None:
    """Give one smoothed row with one more pixel at both ends."""
    height, width = plane.shape
    reach = across.size
    middle = wide[reach : reach + width]
    row = plane[y]
    for x in range(width):
        middle[x] = down[0] * np.float32(row[x])
    for k in range(1, down.size):
        _add(middle, plane[max(y - k, 0)], plane[min(y + k, height - 1)], down[k])
    wide[:reach] = middle[0]
    wide[reach + width :] = middle[width - 1]
    start = wide[reach - 1 : reach + width + 1]
    for x in range(out.size):
        out[x] = across[0] * start[x]
    for k in range(1, across.size):
        left = wide[reach - 1 - k : reach - 1 - k + out.size]
        right = wide[reach - 1 + k : reach - 1 + k + out.size]
        _add(out, left, right, across[k])
    out[0], out[width + 1] = out[1], out[width]


@compiled
def _differences(above: Row, here: Row, below: Row, dx: Any, dy: Any) -> None:
    half = np.float32(0.5)
    two = np.float32(2.0)
    for x in range(dx.size):
        right = above[x + 2] - above[x] + two * (here[x + 2] - here[x]) + below[x + 2] - below[x]
        dx[x] = np.int16(math.floor(right + half))
        down = (
            below[x] - above[x] + two * (below[x + 1] - above[x + 1]) + below[x + 2] - above[x + 2]
        )
        dy[x] = np.int16(math.floor(down + half))


@compiled
def smooth_sobel(plane: Any, down: Row, across: Row, dx: Any, dy: Any) -> None:
    """Smooth a plane and take its Sobel differences; the border is repeated.

    Args:
        plane: (h, w) of any number type.
        down: half the kernel along columns, middle first; its sum may be a gain.
        across: half the kernel along rows.
        dx: filled in, int16.
        dy: filled in, int16.
    """
    height, width = plane.shape
    wide = np.zeros(width + 2 * across.size, np.float32)
    rows = np.zeros((3, width + 2), np.float32)
    _smooth_row(plane, 0, down, across, wide, rows[1])
    rows[0] = rows[1]
    for y in range(height):
        below = rows[(y + 2) % 3]
        if y + 1 < height:
            _smooth_row(plane, y + 1, down, across, wide, below)
        else:
            below[:] = rows[(y + 1) % 3]
        _differences(rows[y % 3], rows[(y + 1) % 3], below, dx[y], dy[y])
