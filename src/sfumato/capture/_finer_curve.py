"""The curve between two exposures to a fraction of a code, from values finer than codes."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["finer_curve"]

Curves: TypeAlias = NDArray[np.float64]

AGREES = 2.0
"""Codes outside the interval up to which a pair of values still says something of the curve."""
STEADY = 1.0
"""Weight of the first guess, in pairs of values."""
SMOOTH = 30.0
"""Weight of a second difference of one code, in pairs of values."""


def finer_curve(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    curves: tuple[Curves, Curves, Curves],
    plateau: float,
) -> Curves:
    """Fit the middle of the curve to pairs of values, by least squares.

    The curve is straight between codes. Pairs that lie outside the interval moved, and
    clipped ones say nothing; where no pair is left the first guess stays.

    Args:
        first: values of one frame, in codes, not rounded.
        second: those of the other.
        curves: low, middle and high at each code.
        plateau: width of an interval that is clipping.

    Shape:
        first, second (n,); low, middle, high and the result (256,).
    """
    low, middle, high = curves
    codes = len(middle)
    cell = np.clip(first.astype(np.int64), 0, codes - 2)
    after = first - cell
    near = np.clip(np.rint(first).astype(np.int64), 0, codes - 1)
    sure = high[near] - low[near] < plateau
    sure &= (second > 0.5) & (second < codes - 1.5) & (first < codes - 1.5)
    sure &= (second >= low[near] - AGREES) & (second <= high[near] + AGREES)
    if not sure.any():
        return middle
    cell, after, light = cell[sure], after[sure].astype(np.float64), second[sure]
    before = 1.0 - after

    def total(weight: NDArray[Any], shift: int) -> Curves:
        return np.asarray(np.bincount(cell + shift, weight, minlength=codes), np.float64)

    diagonal = total(before * before, 0) + total(after * after, 1) + STEADY
    beside = total(before * after, 0)[:-1]
    bend = np.diff(np.eye(codes), 2, axis=0)
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    right = STEADY * middle
    right = right + total(before * light, 0) + total(after * light, 1)
    fitted = np.linalg.solve(matrix + SMOOTH * bend.T @ bend, right)
    told = np.convolve(diagonal > 2.0 * STEADY, np.ones(3), "same") > 0
    told &= high - low < plateau
    return np.maximum.accumulate(np.where(told, np.clip(fitted, low, high), middle))
