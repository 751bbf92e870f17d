"""What a call does to its boxes and key points, in compiled loops over their tables.

A call has tens of rows: as array operations the same steps cost more in being called than in
what they compute.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.core.compiled import compiled

__all__ = [
    "keep_boxes",
    "keep_points",
    "move_affinely",
    "read_boxes",
    "turn_affinely",
    "write_boxes",
]


@compiled
def read_boxes(  # noqa: PLR0917
    rows: Any, centered: bool, spans: bool, x_unit: float, y_unit: float, width: float,
    height: float, slack: float, clip: bool, table: Any,
) -> int:  # fmt: skip
    """Fill a table from boxes of any format; give the first invalid row, or -1.

    The table holds edges less a half, so that pixel centers are at whole numbers.
    """
    bad = -1
    for k in range(len(rows)):
        x0, y0, x1, y1 = rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3]
        if centered:
            x1, y1 = x1 / 2, y1 / 2
            x0, y0, x1, y1 = x0 - x1, y0 - y1, x0 + x1, y0 + y1
        elif spans:
            x1, y1 = x0 + x1, y0 + y1
        x0, y0, x1, y1 = x0 * x_unit, y0 * y_unit, x1 * x_unit, y1 * y_unit
        if clip:
            x0, y0 = min(max(x0, 0.0), width), min(max(y0, 0.0), height)
            x1, y1 = min(max(x1, 0.0), width), min(max(y1, 0.0), height)
        inside = x0 >= -slack and y0 >= -slack and x1 <= width + slack and y1 <= height + slack
        if bad < 0 and not (inside and x1 > x0 and y1 > y0):  # so that NaN is invalid
            bad = k
        table[k, 0], table[k, 1] = x0 - 0.5, y0 - 0.5
        table[k, 2], table[k, 3], table[k, 4] = x1 - 0.5, y1 - 0.5, k
    return bad


@compiled
def keep_boxes(table: Any, limits: Any, width: float, height: float, kept: Any) -> int:
    """Cut boxes to the picture, copy those of which enough is left; give how many.

    The limits are the least area, share, width and height, and the largest ratio of sides.
    """
    count = 0
    for k in range(len(table)):
        x0, y0 = max(table[k, 0], -0.5), max(table[k, 1], -0.5)
        x1, y1 = min(table[k, 2], width - 0.5), min(table[k, 3], height - 0.5)
        across, down = x1 - x0, y1 - y0
        if not (across > 0 and down > 0):
            continue
        area = across * down
        whole = (table[k, 2] - table[k, 0]) * (table[k, 3] - table[k, 1])
        if area < limits[0] - 1e-9 or area < limits[1] * whole * (1 - 1e-9):
            continue
        if across < limits[2] - 1e-9 or down < limits[3] - 1e-9:
            continue
        if max(across, down) > limits[4] * min(across, down) * (1 + 1e-9):
            continue
        kept[count, 0], kept[count, 1], kept[count, 2], kept[count, 3] = x0, y0, x1, y1
        kept[count, 4] = table[k, 4]
        count += 1
    return count


@compiled
def write_boxes(  # noqa: PLR0917
    table: Any, centered: bool, spans: bool, x_unit: float, y_unit: float, rows: Any
) -> None:
    """Fill rows in any format from a table."""
    for k in range(len(table)):
        x0, y0 = (table[k, 0] + 0.5) / x_unit, (table[k, 1] + 0.5) / y_unit
        x1, y1 = (table[k, 2] + 0.5) / x_unit, (table[k, 3] + 0.5) / y_unit
        if centered:
            rows[k, 0], rows[k, 1] = (x0 + x1) / 2, (y0 + y1) / 2
        else:
            rows[k, 0], rows[k, 1] = x0, y0
        if centered or spans:
            rows[k, 2], rows[k, 3] = x1 - x0, y1 - y0
        else:
            rows[k, 2], rows[k, 3] = x1, y1


@compiled
def move_affinely(matrix: Any, table: Any, ellipse: bool, moved: Any) -> None:
    """Give the bound of every box, or of the ellipse in it, moved by an affine map."""
    a, b, c, d = matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]
    for k in range(len(table)):
        x, y = (table[k, 0] + table[k, 2]) / 2, (table[k, 1] + table[k, 3]) / 2
        across, down = (table[k, 2] - table[k, 0]) / 2, (table[k, 3] - table[k, 1]) / 2
        if ellipse:
            half_x = np.sqrt((a * across) ** 2 + (b * down) ** 2)
            half_y = np.sqrt((c * across) ** 2 + (d * down) ** 2)
        else:
            half_x = abs(a) * across + abs(b) * down
            half_y = abs(c) * across + abs(d) * down
        new_x, new_y = a * x + b * y + matrix[0, 2], c * x + d * y + matrix[1, 2]
        moved[k, 0], moved[k, 1] = new_x - half_x, new_y - half_y
        moved[k, 2], moved[k, 3], moved[k, 4] = new_x + half_x, new_y + half_y, table[k, 4]


@compiled
def turn_affinely(matrix: Any, table: Any, moved: Any) -> None:
    """Move key points by an affine map, with their angles and sizes."""
    a, b, c, d = matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]
    growth = np.sqrt(abs(a * d - b * c))
    for k in range(len(table)):
        x, y, angle, size = table[k, 0], table[k, 1], table[k, 2], table[k, 3]
        moved[k, 0] = a * x + b * y + matrix[0, 2]
        moved[k, 1] = c * x + d * y + matrix[1, 2]
        if not np.isnan(angle):  # NaN stands for a point that has neither angle nor size
            cos, sin = np.cos(angle), np.sin(angle)
            angle = np.arctan2(c * cos + d * sin, a * cos + b * sin) % (2 * np.pi)
        moved[k, 2], moved[k, 3], moved[k, 4] = angle, size * growth, table[k, 4]


@compiled
def keep_points(table: Any, low: float, width: float, height: float, kept: Any) -> int:
    """Copy the points that lie in the picture; give how many."""
    count = 0
    for k in range(len(table)):
        x, y = table[k, 0], table[k, 1]
        if low <= x < width and low <= y < height:
            for column in range(5):
                kept[count, column] = table[k, column]
            count += 1
    return count
