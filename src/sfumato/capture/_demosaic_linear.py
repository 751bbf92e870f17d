"""Demosaicing by fixed weights: the mean of neighbours, and Malvar's corrected one.

A pixel has one color of its own. Of the other two, one is that of its neighbours in the
row or the column (at a green site), or on the plus and the diagonals (elsewhere). The mean of
these neighbours is corrected by how much the pixel's own color bends here, times a gain.
"""

from __future__ import annotations

from typing import Any

from sfumato.core.compiled import compiled

__all__ = ["fill_linear"]

PLUS_GAIN, LINE_GAIN, DIAGONAL_GAIN = 0.5, 0.625, 0.75
"""Wiener-optimal gains of the three cases, as multiples of 1/8 (Malvar, He, Cutler)."""


@compiled
def fill_linear(mosaic: Any, sites: Any, corrected: bool, out: Any) -> None:
    """Fill a picture from a mosaic with a border of at least two pixels.

    Args:
        mosaic: (h + 4, w + 4), bordered so that colors go on.
        sites: color of the four sites of the cell.
        corrected: whether to add Malvar's corrections.
        out: (h, w, 3).
    """
    height, width = out.shape[0], out.shape[1]
    for i in range(height):
        y = i + 2
        for j in range(width):
            x = j + 2
            own = sites[(i & 1) * 2 + (j & 1)]
            value = mosaic[y, x]
            out[i, j, own] = value
            far_row = mosaic[y, x - 2] + mosaic[y, x + 2]
            far_column = mosaic[y - 2, x] + mosaic[y + 2, x]
            diagonal = (
                mosaic[y - 1, x - 1] + mosaic[y - 1, x + 1]
                + mosaic[y + 1, x - 1] + mosaic[y + 1, x + 1]
            )  # fmt: skip
            in_row = mosaic[y, x - 1] + mosaic[y, x + 1]
            in_column = mosaic[y - 1, x] + mosaic[y + 1, x]
            if own == 1:
                beside = sites[(i & 1) * 2 + 1 - (j & 1)]
                row, column = in_row * 0.5, in_column * 0.5
                if corrected:
                    row += LINE_GAIN * (value - 0.2 * (far_row + diagonal) + 0.1 * far_column)
                    column += LINE_GAIN * (value - 0.2 * (far_column + diagonal) + 0.1 * far_row)
                out[i, j, beside] = row
                out[i, j, 2 - beside] = column
            else:
                bend = value - 0.25 * (far_row + far_column)
                green = 0.25 * (in_row + in_column)
                other = 0.25 * diagonal
                if corrected:
                    green += PLUS_GAIN * bend
                    other += DIAGONAL_GAIN * bend
                out[i, j, 1] = green
                out[i, j, 2 - own] = other
