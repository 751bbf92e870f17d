"""The density of a Poisson count plus a normal number, summed count by count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

__all__ = ["log_density"]

NEGLIGIBLE = 1e-17
"""Share of the largest term below which terms are left out."""
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
def _log_ratio(count: float, electrons: float, seen: float, spread: float) -> float:
    """Logarithm of the term of one count more over that of this count."""
    return float(math.log(electrons / (count + 1.0)) + (seen - count - 0.5) / spread**2)


@compiled
def _largest(electrons: float, seen: float, spread: float) -> float:
    """Find the count of the largest term: Newton steps for the root of its slope, then by ones."""
    place = max((seen + spread**2) * electrons / (electrons + spread**2), 0.5)
    for _ in range(4):
        slope = math.log(electrons / place) + (seen - place) / spread**2
        place = max(place + slope / (1.0 / place + 1.0 / spread**2), 0.1 * place)
    count = float(math.floor(place))
    while _log_ratio(count, electrons, seen, spread) > 0.0:
        count += 1.0
    while count > 0.0 and _log_ratio(count - 1.0, electrons, seen, spread) < 0.0:
        count -= 1.0
    return count


@compiled
def _log_sum(electrons: float, seen: float, spread: float) -> float:
    """Sum over counts; the terms are log-concave, so outward from the largest.

    Each term follows from the one before by a ratio, and the ratio's exponential by another.
    """
    mode = _largest(electrons, seen, spread)
    bend = math.exp(-1.0 / spread**2)
    total = 1.0
    count, share = mode, 1.0
    factor = electrons * math.exp((seen - mode - 0.5) / spread**2)
    while share > NEGLIGIBLE:
        count += 1.0
        share *= factor / count
        factor *= bend
        total += share
    count, share = mode, 1.0
    factor = math.exp((mode - 0.5 - seen) / spread**2) / electrons
    while count > 0.0 and share > NEGLIGIBLE:
        share *= factor * count
        factor *= bend
        count -= 1.0
        total += share
    distance = (seen - mode) / spread
    best = mode * math.log(electrons) - electrons - math.lgamma(mode + 1.0) - 0.5 * distance**2
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
