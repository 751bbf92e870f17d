"""Compiled loops between outlines and pixels.

Here pixel (row i, column j) covers the square from (j, i) to (j + 1, i + 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.core.compiled import compiled

__all__ = ["add_areas", "add_crossings", "nearest_stroke", "trace"]


@compiled
def trace(padded: Any, joined: bool, points: Any, ends: Any, pixels: Any) -> Any:
    """Walk around every region with the region on the right hand.

    Args:
        padded: (h + 2, w + 2) uint8, the mask with a rim of zeros.
        joined: whether pixels that touch at a corner are one region.
        points: (k, 2), receives the corners, x then y.
        ends: (k,), receives where each ring ends in ``points``.
        pixels: (k, 2), receives row and column of a pixel at each ring.

    Returns:
        the number of rings.
    """
    height, width = padded.shape
    seen = np.zeros((height, width), np.uint8)
    # Steps of the four headings right, down, left, up; then the pixels ahead of a
    # corner on the right and on the left hand, as offsets from the one below right.
    step_x, step_y = (1, 0, -1, 0), (0, 1, 0, -1)
    right_y, right_x = (0, 0, -1, -1), (0, -1, -1, 0)
    left_y, left_x = (-1, 0, 0, -1), (0, 0, -1, -1)
    rings, count = 0, 0
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            if not padded[row, column] or padded[row - 1, column] or seen[row, column]:
                continue
            x, y, heading = column, row, 0
            pixels[rings, 0], pixels[rings, 1] = row - 1, column - 1
            while True:
                if heading == 0:
                    if seen[y, x]:
                        break
                    seen[y, x] = 1
                x += step_x[heading]
                y += step_y[heading]
                right = padded[y + right_y[heading], x + right_x[heading]]
                left = padded[y + left_y[heading], x + left_x[heading]]
                if right and not left:
                    continue
                points[count, 0], points[count, 1] = x - 1, y - 1
                count += 1
                turn_left = left and (right or joined)
                heading = (heading + 3) % 4 if turn_left else (heading + 1) % 4
            ends[rings] = count
            rings += 1
    return rings


@compiled
def add_crossings(ring: Any, left: int, top: int, turns: Any) -> None:
    """Note for each row where a ring passes it: +1 downwards, -1 upwards.

    The sum along a row is then the winding number of the pixel centers. A center on
    the ring belongs to what lies right of or below it.

    Args:
        ring: (k, 2) float64.
        left: column of the picture where ``turns`` begins.
        top: row of the picture where ``turns`` begins.
        turns: (rows, columns + 1) int32, added to.
    """
    rows, columns = turns.shape[0], turns.shape[1] - 1
    for k in range(ring.shape[0]):
        xa, ya = ring[k - 1, 0] - left - 0.5, ring[k - 1, 1] - top - 0.5
        xb, yb = ring[k, 0] - left - 0.5, ring[k, 1] - top - 0.5
        way = 1
        if ya > yb:
            xa, ya, xb, yb, way = xb, yb, xa, ya, -1
        first = int(np.ceil(max(ya, 0.0)))
        last = int(np.ceil(min(yb, float(rows))))
        for row in range(first, min(last, rows)):
            x = xa + (row - ya) * ((xb - xa) / (yb - ya))
            column = int(np.ceil(min(max(x, 0.0), float(columns))))
            turns[row, column] += way


@compiled
def add_areas(ring: Any, left: int, top: int, areas: Any) -> None:
    """Note what a ring covers, so that the sum along a row is each pixel's signed share.

    Args:
        ring: (k, 2) float64.
        left: column of the picture where ``areas`` begins.
        top: row of the picture where ``areas`` begins.
        areas: (rows, columns + 1) float64, added to.
    """
    rows, columns = areas.shape[0], areas.shape[1] - 1
    for k in range(ring.shape[0]):
        xa, ya = ring[k - 1, 0] - left, ring[k - 1, 1] - top
        xb, yb = ring[k, 0] - left, ring[k, 1] - top
        way = 1.0
        if ya > yb:
            xa, ya, xb, yb, way = xb, yb, xa, ya, -1.0
        if ya == yb:
            continue
        slope = (xb - xa) / (yb - ya)
        for row in range(int(np.floor(max(ya, 0.0))), rows):
            upper, lower = max(ya, float(row)), min(yb, row + 1.0)
            if upper >= lower:
                break
            x0, x1 = xa + (upper - ya) * slope, xa + (lower - ya) * slope
            _add_piece(x0, x1, way * (lower - upper), columns, areas[row])


@compiled
def _add_piece(x0: float, x1: float, drop: float, columns: int, areas: Any) -> None:
    """Spread a piece of outline within one row over the columns that it passes."""
    low, high = min(x0, x1), max(x0, x1)
    if low >= columns:
        return
    if high <= 0.0:
        areas[0] += drop
        return
    per_column = drop / (high - low) if high > low else 0.0
    if low < 0.0:
        areas[0] += per_column * -low
    begin, end = max(low, 0.0), min(high, float(columns))
    for column in range(int(begin), columns):
        from_x, to_x = max(begin, float(column)), min(end, column + 1.0)
        share = drop if high == low else per_column * (to_x - from_x)
        beyond = 0.5 * (from_x + to_x) - column
        areas[column] += share * (1.0 - beyond)
        areas[column + 1] += share * beyond
        if end <= column + 1.0:
            break


@compiled
def nearest_stroke(points: Any, reach: float, squares: Any) -> None:
    """Lower each pixel's squared distance to a chain of lines, as far as ``reach``.

    Args:
        points: (k, 2) float64, pixel centers at whole numbers.
        reach: pixels farther away are left alone.
        squares: (h, w) float64, changed in place.
    """
    height, width = squares.shape
    for k in range(max(1, points.shape[0] - 1)):
        xa, ya = points[k, 0], points[k, 1]
        other = min(k + 1, points.shape[0] - 1)
        dx, dy = points[other, 0] - xa, points[other, 1] - ya
        length = dx * dx + dy * dy
        top = max(0.0, np.ceil(min(ya, ya + dy) - reach))
        bottom = min(height - 1.0, np.floor(max(ya, ya + dy) + reach))
        start = max(0.0, np.ceil(min(xa, xa + dx) - reach))
        end = min(width - 1.0, np.floor(max(xa, xa + dx) + reach))
        for i in range(int(top), int(bottom) + 1):
            for j in range(int(start), int(end) + 1):
                along = ((j - xa) * dx + (i - ya) * dy) / length if length > 0.0 else 0.0
                along = min(max(along, 0.0), 1.0)
                ex, ey = j - xa - along * dx, i - ya - along * dy
                squares[i, j] = min(squares[i, j], ex * ex + ey * ey)
