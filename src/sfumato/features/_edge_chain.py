"""Chain edge points into contours, and tell how contours bend."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

__all__ = ["chain_points", "contour_curvature"]

Array = NDArray[np.float64]

REACH = 2
"""Cells around a point where its neighbours on the contour are looked for."""
ALIKE = 0.5
"""Neighbours on a contour have normals whose cosine is at least this."""
CURVATURE_REACH = 5
"""Points to either side that a curvature is measured over."""


def chain_points(
    x: Array,
    y: Array,
    nx: Array,
    ny: Array,
    strength: Array,
    height: int,
    width: int,
    high: float,
    min_points: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Order points along contours with the bright side on the right hand of the walk.

    Two points are linked where each is the other's nearest neighbour in that direction.

    Returns:
        The order of the points that are kept, where each contour starts in that order
        (one more entry at the end), and which contours are closed.
    """
    heads = np.full((height, width), -1, np.int32)
    following = np.full(x.size, -1, np.int32)
    _fill_cells(x, y, heads, following)
    ahead = np.full(x.size, -1, np.int32)
    behind = np.full(x.size, -1, np.int32)
    _nearest(x, y, nx, ny, heads, following, ahead, behind)
    _keep_mutual(ahead, behind)
    order = np.zeros(x.size, np.int64)
    starts = np.zeros(x.size + 1, np.int64)
    closed = np.zeros(x.size, np.bool_)
    contours = _walk(ahead, behind, strength, high, min_points, order, starts, closed)
    return order[: starts[contours]], starts[: contours + 1].copy(), closed[:contours].copy()


@compiled
def _fill_cells(x: Array, y: Array, heads: Any, following: Any) -> None:
    for k in range(x.size):
        row = min(max(math.floor(y[k] + 0.5), 0), heads.shape[0] - 1)
        column = min(max(math.floor(x[k] + 0.5), 0), heads.shape[1] - 1)
        following[k] = heads[row, column]
        heads[row, column] = k


@compiled
def _nearest(
    x: Array, y: Array, nx: Array, ny: Array, heads: Any, following: Any, ahead: Any, behind: Any
) -> None:
    height, width = heads.shape
    for k in range(x.size):
        row = min(max(math.floor(y[k] + 0.5), 0), height - 1)
        column = min(max(math.floor(x[k] + 0.5), 0), width - 1)
        best_ahead, best_behind = 1e9, 1e9
        for r in range(max(row - REACH, 0), min(row + REACH + 1, height)):
            for c in range(max(column - REACH, 0), min(column + REACH + 1, width)):
                other = heads[r, c]
                while other >= 0:
                    if other != k and nx[k] * nx[other] + ny[k] * ny[other] >= ALIKE:
                        dx, dy = x[other] - x[k], y[other] - y[k]
                        along = dx * ny[k] - dy * nx[k]
                        across = dx * nx[k] + dy * ny[k]
                        # Sideways counts more, so that a contour does not jump to a parallel one.
                        cost = along * along + 4.0 * across * across
                        if along > 0.0 and cost < best_ahead:
                            best_ahead, ahead[k] = cost, other
                        elif along <= 0.0 and cost < best_behind:
                            best_behind, behind[k] = cost, other
                    other = following[other]


@compiled
def _keep_mutual(ahead: Any, behind: Any) -> None:
    for k in range(ahead.size):
        if ahead[k] >= 0 and behind[ahead[k]] != k:
            ahead[k] = -1
    for k in range(behind.size):
        if behind[k] >= 0 and ahead[behind[k]] != k:
            behind[k] = -1


@compiled
def _walk(
    ahead: Any,
    behind: Any,
    strength: Array,
    high: float,
    min_points: int,
    order: Any,
    starts: Any,
    closed: Any,
) -> int:
    count, contours = 0, 0
    seen = np.zeros(ahead.size, np.bool_)
    for rings in range(2):
        for first in range(ahead.size):
            if seen[first] or (rings == 0 and behind[first] >= 0):
                continue
            begin, strongest, k = count, 0.0, first
            while k >= 0 and not seen[k]:
                seen[k] = True
                strongest = max(strongest, strength[k])
                order[count] = k
                count += 1
                k = ahead[k]
            if strongest < high or count - begin < min_points:
                count = begin
                continue
            closed[contours] = rings == 1
            contours += 1
            starts[contours] = count
    return contours


def contour_curvature(
    x: Array, y: Array, nx: Array, ny: Array, starts: NDArray[Any], closed: NDArray[Any]
) -> Array:
    """Give how fast the normal turns along each contour, 1 over pixels.

    The slope of the normal's angle over the arc length, by least squares over the
    neighbours on the contour, is exact for circles of any radius; 0 where a contour
    has fewer than three points.
    """
    out = np.zeros(x.size)
    _turning(x, y, nx, ny, starts, closed, out)
    return out


@compiled
def _turning(
    x: Array, y: Array, nx: Array, ny: Array, starts: Any, closed: Any, out: Array
) -> None:
    lengths, turns = np.zeros(x.size), np.zeros(x.size)
    for contour in range(closed.size):
        begin, end = starts[contour], starts[contour + 1]
        count = end - begin
        # From each point to the next, and from the last to the first.
        for a in range(begin, end):
            b = a + 1 if a + 1 < end else begin
            dx, dy = x[b] - x[a], y[b] - y[a]
            lengths[a] = math.sqrt(dx * dx + dy * dy)
            turns[a] = math.atan2(nx[a] * ny[b] - ny[a] * nx[b], nx[a] * nx[b] + ny[a] * ny[b])
        reach = min(CURVATURE_REACH, (count - 1) // 2)
        for k in range(count):
            n, sum_s, sum_t, sum_ss, sum_st = 1.0, 0.0, 0.0, 0.0, 0.0
            for direction in (-1, 1):
                s, turn, here = 0.0, 0.0, k
                for _ in range(reach):
                    there = here + direction
                    if there < 0 or there >= count:
                        if not closed[contour]:
                            break
                        there = there % count
                    link = begin + (here if direction > 0 else there)
                    s += direction * lengths[link]
                    turn += direction * turns[link]
                    n += 1.0
                    sum_s += s
                    sum_t += turn
                    sum_ss += s * s
                    sum_st += s * turn
                    here = there
            spread = sum_ss - sum_s * sum_s / n
            if n >= 3.0 and spread > 0.0:
                out[begin + k] = (sum_st - sum_s * sum_t / n) / spread
