# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
"""What the generalised Anscombe transform gives on average, and its inverse as a table.

All is in electrons: a reading is a Poisson count of mean y plus a normal number of
deviation s, the transform is T(x) = 2 sqrt(max(x + 3/8 + s^2, 0)). E{T | y} is a
sum over counts of an integral over the normal number where that matters, and its
expansion by moments where y + s^2 is large; both agree to 1e-6 where they meet.

The inverse is kept as its difference from the asymptotic one, over 1 / D: that is a
smooth curve from 0 at infinitely much light to no light at all.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

__all__ = ["expected_transform", "inverse_table", "invert_by_table"]

Floats = NDArray[np.float64]

SERIES_FROM = 150.0
"""Variance in electrons from which the expansion serves."""
ENTRIES = 1024
NODES = 400
REACH = 9.0
"""Deviations of the normal number that are integrated over."""


def expected_transform(electrons: Floats, sigma: float) -> Floats:
    """Give E{T | y} for each y.

    Args:
        electrons: y, at least 0, in one dimension.
        sigma: s.
    """
    out = np.empty(electrons.shape)
    large = electrons + sigma**2 >= SERIES_FROM
    out[large] = _by_moments(electrons[large], sigma)
    small = electrons[~large]
    if small.size:
        most = small.max()
        counts = np.arange(math.ceil(most + 12.0 * math.sqrt(most) + 30.0), dtype=np.float64)
        each = _mean_over_read_noise(counts, sigma)
        logs = np.array([math.lgamma(n + 1.0) for n in counts])
        with np.errstate(divide="ignore"):
            level = np.log(small)[:, None]
        # 0 counts of no light is certain, and 0 * -inf is not.
        powers = np.where(counts == 0.0, 0.0, level * np.maximum(counts, 1.0))
        out[~large] = np.exp(powers - small[:, None] - logs) @ each
    return out


def _mean_over_read_noise(counts: Floats, sigma: float) -> Floats:
    """Integrate T(n + s z) over the normal law, for each count n.

    With z = edge + t^2, where T begins at the edge, the root is gone, and the
    trapezoid rule converges as it does for smooth functions that vanish at both ends.
    """
    inside = counts + 0.375 + sigma**2
    if sigma < 1e-9:
        return np.asarray(2.0 * np.sqrt(inside))
    edge = -inside / sigma
    first = np.sqrt(np.maximum(-REACH - edge, 0.0))
    last = np.sqrt(np.maximum(REACH - edge, 0.0))
    t = first[:, None] + (last - first)[:, None] * np.linspace(0.0, 1.0, NODES)
    density = np.exp(-0.5 * (edge[:, None] + t**2) ** 2) / math.sqrt(2.0 * math.pi)
    values = 4.0 * math.sqrt(sigma) * t**2 * density
    return np.asarray(np.trapezoid(values, t, axis=1))


def _by_moments(y: Floats, sigma: float) -> Floats:
    m = y + 0.375 + sigma**2
    v = y + sigma**2
    third, fourth, fifth = y, y + 3.0 * v**2, y + 10.0 * y * v
    sixth = y + 15.0 * y * v + 10.0 * y**2 + 15.0 * v**3
    series = (
        1.0
        - v / (8.0 * m**2)
        + third / (16.0 * m**3)
        - 5.0 * fourth / (128.0 * m**4)
        + 7.0 * fifth / (256.0 * m**5)
        - 21.0 * sixth / (1024.0 * m**6)
    )
    return np.asarray(2.0 * np.sqrt(m) * series)


@functools.lru_cache(maxsize=64)
def inverse_table(sigma: float) -> tuple[float, Floats]:
    """Tabulate the exact unbiased inverse for one read noise.

    Returns:
        D of no light, and y - (D^2/4 - 1/8 - s^2) over 1/D from 0 to that of no light.
    """
    darkest = float(expected_transform(np.zeros(1), sigma)[0])
    inverse = np.linspace(0.0, 1.0 / darkest, ENTRIES)
    wanted = 1.0 / inverse[1:]
    base = wanted**2 / 4.0 - 0.125 - sigma**2
    y = np.maximum(base, 0.0)
    for _ in range(8):
        step = 1e-4 * (1.0 + y)
        here = expected_transform(y, sigma)
        slope = (expected_transform(y + step, sigma) - here) / step
        y = np.maximum(y + (wanted - here) / slope, 0.0)
    y[-1] = 0.0
    table = np.concatenate([[0.0], y - base])
    table.flags.writeable = False
    return darkest, table


@compiled
def invert_by_table(
    values: Any, gain: float, sigma: float, darkest: float, table: Any, out: Any
) -> None:
    """Look the unbiased inverse up; what is darker than no light is no light."""
    height, width = values.shape
    scale = (table.size - 1) * darkest
    for i in range(height):
        for j in range(width):
            d = float(values[i, j])
            if d <= darkest:
                out[i, j] = 0.0
                continue
            place = scale / d
            k = int(place) if place < table.size - 1 else table.size - 2  # of NaN too: it stays NaN
            between = table[k] + (place - k) * (table[k + 1] - table[k])
            out[i, j] = gain * (0.25 * d * d - 0.125 - sigma * sigma + between)
