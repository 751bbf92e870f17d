"""The density of a Poisson count plus a normal number, summed count by count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

__all__ = ["log_density"]

NEGLIGIBLE = -40.0
"""Logarithm of the share of the largest term below which terms are left out."""
LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def log_density(
    observed: NDArray[np.float64],
    mean: NDArray[np.float64],
    gain: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give log p(observed) of ``gain * Poisson(mean / gain) + Normal(0, deviation)``.

    A mean below 0 is an offset without photons. All arrays are broadcast to ``observed``.
    """
    shape = observed.shape
    flat = [
        np.ascontiguousarray(np.broadcast_to(a, shape)).reshape(-1)
        for a in (observed, mean, gain, deviation)
    ]
    out = np.empty(flat[0].shape)
    _log_densities(*flat, out)
    return out.reshape(shape)


@compiled
def _log_term(count: float, electrons: float, seen: float, spread: float) -> float:
    distance = (seen - count) / spread
    return float(
        count * math.log(electrons) - electrons - math.lgamma(count + 1.0) - 0.5 * distance**2
    )


@compiled
def _log_sum(electrons: float, seen: float, spread: float) -> float:
    """Sum over counts; the terms are log-concave, so outward from the largest."""
    between = (seen + spread**2) * electrons / (electrons + spread**2)
    mode = max(math.floor(between), 0.0)
    best = _log_term(mode, electrons, seen, spread)
    for direction in (1.0, -1.0):
        while mode + direction >= 0.0:
            beside = _log_term(mode + direction, electrons, seen, spread)
            if beside <= best:
                break
            mode, best = mode + direction, beside
    total = 1.0
    for direction in (1.0, -1.0):
        count = mode + direction
        while count >= 0.0:
            share = _log_term(count, electrons, seen, spread) - best
            if share < NEGLIGIBLE:
                break
            total += math.exp(share)
            count += direction
    return float(best + math.log(total))


@compiled
def _log_densities(observed: Any, mean: Any, gain: Any, deviation: Any, out: Any) -> None:
    for i in range(observed.size):
        if gain[i] <= 0.0 or mean[i] <= 0.0:
            distance = (observed[i] - mean[i]) / deviation[i]
            out[i] = -0.5 * distance**2 - math.log(deviation[i]) - LOG_ROOT_TWO_PI
        else:
            summed = _log_sum(mean[i] / gain[i], observed[i] / gain[i], deviation[i] / gain[i])
            out[i] = summed - math.log(deviation[i]) - LOG_ROOT_TWO_PI
