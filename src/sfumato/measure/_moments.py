"""Mean and covariance of vectors that come in little by little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments", "merged"]

WAITING = 256
"""Rows that are kept before they are worked in: a matrix product each would be slow."""


class Moments:
    """Count, mean and sum of squared deviations in double precision.

    Parts are joined about their own means, so that a large common offset costs no
    digits. Packed they are one array (d + 1, d + 1): the count in the corner, the mean
    along the first row, the squares in the rest.
    """

    def __init__(self, features: int) -> None:
        self.packed = np.zeros((features + 1, features + 1))
        self.waiting: list[NDArray[np.float64]] = []

    @property
    def features(self) -> int:
        """How long the vectors are."""
        return len(self.packed) - 1

    @property
    def count(self) -> int:
        """How many vectors were added."""
        return int(self.packed[0, 0]) + sum(map(len, self.waiting))

    def add(self, rows: NDArray[np.floating]) -> None:
        """Add vectors (n, d)."""
        if len(rows):
            self.waiting.append(np.array(rows, np.float64))
        if sum(map(len, self.waiting)) >= max(WAITING, len(self.packed)):
            self.settled()

    def settled(self) -> NDArray[np.float64]:
        """Give what was added so far, packed."""
        if self.waiting:
            rows = np.concatenate(self.waiting)
            self.waiting = []
            self.packed = merged(self.packed, _packed(rows))
        return self.packed


def _packed(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = rows.mean(axis=0)
    apart = rows - mean
    packed = np.zeros((rows.shape[1] + 1,) * 2)
    packed[0, 0], packed[0, 1:], packed[1:, 1:] = len(rows), mean, apart.T @ apart
    return packed


def merged(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Join two packed parts.

    References:
        T. Chan, G. Golub, R. LeVeque. Updating Formulae and a Pairwise Algorithm for
        Computing Sample Variances. COMPSTAT, 1982.
    """
    if not a[0, 0] or not b[0, 0]:
        return np.array(b if not a[0, 0] else a)
    total = a[0, 0] + b[0, 0]
    step = b[0, 1:] - a[0, 1:]
    packed = np.empty_like(a)
    packed[0, 0], packed[1:, 0] = total, 0.0
    packed[0, 1:] = a[0, 1:] + step * (b[0, 0] / total)
    packed[1:, 1:] = a[1:, 1:] + b[1:, 1:] + np.outer(step, step) * (a[0, 0] * b[0, 0] / total)
    return packed
