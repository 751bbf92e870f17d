"""The Tukey-lambda law, given by its quantiles Q(u) = (u^l - (1 - u)^l) / l."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.errors import RangeError

__all__ = ["tukey_deviation", "tukey_quantile"]

NEARLY_ZERO = 1e-7
ZETA_2, ZETA_3 = math.pi**2 / 6.0, 1.2020569031595942


def tukey_quantile(u: ArrayLike, tail: float) -> NDArray[np.float64]:
    """Give the quantiles of the law of scale 1; for lambda 0 it is the logistic law.

    Args:
        u: probabilities inside 0..1.
        tail: lambda.
    """
    low = np.log(np.asarray(u, np.float64))
    high: NDArray[Any] = np.log1p(-np.asarray(u, np.float64))
    if abs(tail) < NEARLY_ZERO:
        return np.asarray(low - high)
    return np.asarray((np.expm1(tail * low) - np.expm1(tail * high)) / tail)


def tukey_deviation(tail: float) -> float:
    """Give the standard deviation of the law of scale 1.

    Raises:
        RangeError: lambda is -1/2 or less, where the law has no variance.
    """
    if tail <= -0.5:
        raise RangeError(
            f"Tukey-lambda: with lambda {tail:g} there is no variance, only above -0.5"
        )
    if abs(tail) < 1e-4:  # the closed form loses its digits here: a tangent instead
        return math.pi / math.sqrt(3.0) * (1.0 - tail * (1.0 + ZETA_3 / ZETA_2))
    ratio = math.exp(2.0 * math.lgamma(tail + 1.0) - math.lgamma(2.0 * tail + 2.0))
    return math.sqrt(2.0 / tail**2 * (1.0 / (1.0 + 2.0 * tail) - ratio))
