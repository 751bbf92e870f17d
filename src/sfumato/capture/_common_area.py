"""The largest upright rectangle that every aligned frame covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.features.homography import map_points

__all__ = ["common_area", "covered"]

SUPPORT_PX = 1.0
"""Cubic interpolation looks one pixel beyond the pixels it lies between."""
COARSE_STEPS = 48


def common_area(
    matrices: Sequence[NDArray[Any] | None], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Find the largest rectangle that is real picture in all frames.

    Every frame covers a convex quadrilateral, what they share is convex too, and in
    a convex shape the widths at the first and last row bound the rectangle.

    Args:
        matrices: from each frame to the reference; None for one that is not resampled.
        size: height and width of the frames.

    Returns:
        top, left, height, width in reference pixels; height 0 where nothing is shared.
    """
    height, width = size
    left, right = np.zeros(height), np.full(height, width - 1.0)
    for matrix in matrices:
        if matrix is not None:
            low, high = covered(matrix, size)
            left, right = np.maximum(left, low), np.minimum(right, high)
    first, last = np.ceil(left - 1e-6), np.floor(right + 1e-6)
    rows = np.flatnonzero(last >= first)
    if not len(rows):
        return 0, 0, 0, 0
    top, bottom = _best_rows(first, last, int(rows[0]), int(rows[-1]))
    x0 = int(max(first[top], first[bottom]))
    x1 = int(min(last[top], last[bottom]))
    return top, x0, bottom - top + 1, x1 - x0 + 1


def covered(
    matrix: NDArray[Any], size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the first and last column of each row that a warped frame fills."""
    height, width = size
    x0, y0, x1, y1 = SUPPORT_PX, SUPPORT_PX, width - 1 - SUPPORT_PX, height - 1 - SUPPORT_PX
    quad = map_points(matrix, np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]))
    rows = np.arange(height, dtype=np.float64)
    low, high = np.full(height, np.inf), np.full(height, -np.inf)
    for start, stop in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        (xa, ya), (xb, yb) = (start, stop) if start[1] <= stop[1] else (stop, start)
        inside = (rows >= ya) & (rows <= yb)
        slope = (xb - xa) / (yb - ya) if yb > ya else 0.0
        x = xa + (rows - ya) * slope
        # A level edge spans its whole length at once.
        near, far = (np.minimum(xa, xb), np.maximum(xa, xb)) if yb == ya else (x, x)
        low = np.where(inside, np.minimum(low, near), low)
        high = np.where(inside, np.maximum(high, far), high)
    return low, high


def _best_rows(
    first: NDArray[np.float64], last: NDArray[np.float64], low: int, high: int
) -> tuple[int, int]:
    # The logarithm of the area is concave in the two rows: coarse to fine cannot be led astray.
    tops = bottoms = np.unique(np.linspace(low, high, COARSE_STEPS).astype(int))
    step = max(1, -(-(high - low) // (COARSE_STEPS - 1)))
    while True:
        top, bottom = _largest(first, last, tops, bottoms)
        if step == 1:
            return top, bottom
        fine = max(1, step // 8)
        around = np.arange(-2 * step, 2 * step + 1, fine)
        tops = np.unique(np.clip(top + around, low, high))
        bottoms = np.unique(np.clip(bottom + around, low, high))
        step = fine


def _largest(
    first: NDArray[np.float64],
    last: NDArray[np.float64],
    tops: NDArray[np.int64],
    bottoms: NDArray[np.int64],
) -> tuple[int, int]:
    start = np.maximum(first[tops][:, None], first[bottoms][None, :])
    stop = np.minimum(last[tops][:, None], last[bottoms][None, :])
    heights = bottoms[None, :] - tops[:, None] + 1
    area = np.maximum(stop - start + 1, 0) * np.maximum(heights, 0)
    a, b = np.unravel_index(int(area.argmax()), area.shape)
    return int(tops[a]), int(bottoms[b])
