"""The loops behind `MendPixels`: what stands out of its neighbours, and what takes its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.core.compiled import compiled

__all__ = ["mark_outliers", "mend"]


@compiled
def mark_outliers(plane: Any, deviation: Any, sigmas: float, found: Any) -> None:
    """Mark what lies outside all eight neighbours of its color by so much noise.

    Args:
        plane: a mosaic with a border of two pixels.
        deviation: of the noise at each pixel, without border.
        sigmas: how far outside.
        found: set to 1, without border.
    """
    height, width = found.shape
    for i in range(height):
        for j in range(width):
            y, x = i + 2, j + 2
            low, high = np.inf, -np.inf
            for dy in (-2, 0, 2):
                for dx in (-2, 0, 2):
                    if dy != 0 or dx != 0:
                        value = plane[y + dy, x + dx]
                        low, high = min(low, value), max(high, value)
            reach = sigmas * deviation[i, j]
            if plane[y, x] > high + reach or plane[y, x] < low - reach:
                found[i, j] = 1


@compiled
def mend(plane: Any, bad: Any, out: Any) -> int:
    """Replace marked pixels by the pair of neighbours that agree best.

    Pairs lie opposite, of the same color, in four directions; bad ones are not used. Where
    no pair is good the mean of the good neighbours within four pixels serves.

    Args:
        plane: a mosaic with a border of four pixels.
        bad: the marks, with the same border.
        out: the mosaic without border, to be changed.

    Returns:
        how many pixels have no good neighbour and stay.
    """
    height, width = out.shape
    lost = 0
    for i in range(height):
        for j in range(width):
            y, x = i + 4, j + 4
            if not bad[y, x]:
                continue
            best, value = np.inf, 0.0
            for dy, dx in ((0, 2), (2, 0), (2, 2), (2, -2)):
                if bad[y + dy, x + dx] or bad[y - dy, x - dx]:
                    continue
                first, second = plane[y + dy, x + dx], plane[y - dy, x - dx]
                apart = abs(first - second)
                if apart < best:
                    best, value = apart, 0.5 * (first + second)
            if best == np.inf:
                total, count = 0.0, 0
                for dy in (-4, -2, 0, 2, 4):
                    for dx in (-4, -2, 0, 2, 4):
                        if not bad[y + dy, x + dx]:
                            total += plane[y + dy, x + dx]
                            count += 1
                if count == 0:
                    lost += 1
                    continue
                value = total / count
            out[i, j] = value
    return lost
