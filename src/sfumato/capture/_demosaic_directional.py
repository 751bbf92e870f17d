# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
"""Demosaicing by color differences, gathered from where they are smooth.

Along a row and along a column each pixel gets an estimate of the color it lacks, corrected by
how its own bends. That gives two planes of green minus color. Where a picture has
structure, the difference is smooth along it and not across it; so at each red and
blue site the difference is a mean over four arms, north, south, west and east, each weighted
by one over the square of how much the difference changes in the window that way.
No threshold decides anything. Green is color plus difference; red and blue follow
from the same differences.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

__all__ = ["BORDER", "fill_directional"]

BORDER = 12
ARM = 4
"""How far an arm reaches from its site."""
LEAST = 1e-8
"""Keeps the weights of flat places finite; far below the steps of any sensor."""


def fill_directional(
    mosaic: NDArray[np.float32], sites: NDArray[np.intp], out: NDArray[np.float32]
) -> None:
    """Fill a picture (h, w, 3) from a mosaic (h + 2 BORDER, w + 2 BORDER)."""
    shape = mosaic.shape
    row, column = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    _differences(mosaic, sites, row, column)
    row_change, column_change = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    _changes(row, column, row_change, column_change)
    green_minus = np.zeros(shape, np.float32)
    _gather(row, column, row_change, column_change, sites, green_minus)
    _fill(mosaic, green_minus, sites, out)


@compiled
def _differences(mosaic: Any, sites: Any, row: Any, column: Any) -> None:
    """Estimate green minus color along rows and along columns."""
    height, width = mosaic.shape
    half, quarter = np.float32(0.5), np.float32(0.25)
    for y in range(2, height - 2):
        for x in range(2, width - 2):
            value = mosaic[y, x]
            across = half * (mosaic[y, x - 1] + mosaic[y, x + 1] + value)
            across -= quarter * (mosaic[y, x - 2] + mosaic[y, x + 2])
            down = half * (mosaic[y - 1, x] + mosaic[y + 1, x] + value)
            down -= quarter * (mosaic[y - 2, x] + mosaic[y + 2, x])
            if sites[(y & 1) * 2 + (x & 1)] == 1:
                row[y, x] = value - across
                column[y, x] = value - down
            else:
                row[y, x] = across - value
                column[y, x] = down - value


@compiled
def _changes(row: Any, column: Any, row_change: Any, column_change: Any) -> None:
    """Sum over five pixels across the direction how much the difference changes along it."""
    height, width = row.shape
    for y in range(5, height - 5):
        for x in range(5, width - 5):
            total = np.float32(0.0)
            for k in range(-2, 3):
                total += abs(row[y + k, x - 1] - row[y + k, x + 1])
            row_change[y, x] = total
            total = np.float32(0.0)
            for k in range(-2, 3):
                total += abs(column[y - 1, x + k] - column[y + 1, x + k])
            column_change[y, x] = total


@compiled
def _gather(
    row: Any, column: Any, row_change: Any, column_change: Any, sites: Any, green_minus: Any
) -> None:
    """Weigh the four arms of each red and blue site."""
    height, width = row.shape
    least, share = np.float32(LEAST), np.float32(1.0 / (ARM + 1))
    for y in range(ARM + 5, height - ARM - 5):
        for x in range(ARM + 5, width - ARM - 5):
            if sites[(y & 1) * 2 + (x & 1)] == 1:
                continue
            north, south, west, east = least, least, least, least
            n, s, w, e = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for k in range(ARM + 1):
                north += column_change[y - k, x]
                south += column_change[y + k, x]
                west += row_change[y, x - k]
                east += row_change[y, x + k]
                n += column[y - k, x]
                s += column[y + k, x]
                w += row[y, x - k]
                e += row[y, x + k]
            wn, ws = 1 / (north * north), 1 / (south * south)
            ww, we = 1 / (west * west), 1 / (east * east)
            mean = share * (wn * n + ws * s + ww * w + we * e)
            green_minus[y, x] = mean / (wn + ws + ww + we)


@compiled
def _fill(mosaic: Any, green_minus: Any, sites: Any, out: Any) -> None:
    """Make green from the differences, then red and blue from green."""
    height, width = out.shape[0], out.shape[1]
    near, far = np.float32(10.0 / 32.0), np.float32(-1.0 / 32.0)
    for i in range(height):
        y = i + BORDER
        for j in range(width):
            x = j + BORDER
            own = sites[(y & 1) * 2 + (x & 1)]
            value = mosaic[y, x]
            out[i, j, own] = value
            if own != 1:
                green = value + green_minus[y, x]
                out[i, j, 1] = green
                # The other color's differences lie on the diagonals.
                corner = far * (
                    green_minus[y - 3, x - 1] + green_minus[y - 3, x + 1]
                    + green_minus[y + 3, x - 1] + green_minus[y + 3, x + 1]
                    + green_minus[y - 1, x - 3] + green_minus[y - 1, x + 3]
                    + green_minus[y + 1, x - 3] + green_minus[y + 1, x + 3]
                )  # fmt: skip
                corner += near * (
                    green_minus[y - 1, x - 1] + green_minus[y - 1, x + 1]
                    + green_minus[y + 1, x - 1] + green_minus[y + 1, x + 1]
                )  # fmt: skip
                out[i, j, 2 - own] = green - corner
            else:
                half = np.float32(0.5)
                beside = sites[(y & 1) * 2 + 1 - (x & 1)]
                out[i, j, beside] = value - half * (green_minus[y, x - 1] + green_minus[y, x + 1])
                out[i, j, 2 - beside] = value - half * (
                    green_minus[y - 1, x] + green_minus[y + 1, x]
                )
