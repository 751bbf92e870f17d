"""How far a mean over pictures can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.metric import SetMetric
from sfumato.errors import RangeError

__all__ = ["Estimate", "estimate_mean", "estimate_set", "student_quantile"]

RESAMPLES = 2000
SEED = 0
MOST_TALLIES = 2**20
"""A tally with more entries is finished too slowly to be resampled."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score over a set of pictures with its interval of confidence.

    Args:
        value: the score of the set.
        low: lower end of the interval; None where there is none, as for one picture.
        high: upper end.
        count: the pictures that count.
        method: ``t``: mean and Student's t; ``bootstrap``: quantiles over resampled sets.
    """

    value: float
    low: float | None
    high: float | None
    count: int
    method: Literal["t", "bootstrap"]


def student_quantile(share: float, freedom: int) -> float:
    """Give the value that Student's t stays below with a probability.

    The distribution for whole degrees of freedom is a finite sum of powers of a
    cosine; it is inverted by halving.

    Args:
        share: the probability, within (0, 1).
        freedom: degrees of freedom, 1 at least.

    Raises:
        RangeError: a probability or a number of degrees that cannot be.

    Example:
        >>> round(student_quantile(0.975, 4), 4)
        2.7764
    """
    if not (0.0 < share < 1.0 and freedom >= 1):
        raise RangeError(f"student_quantile: no quantile for {share} with {freedom} degrees")
    tail = abs(2.0 * share - 1.0)
    low, high = 0.0, math.pi / 2.0
    factors = _cosine_factors(freedom)
    while high - low > 1e-15:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if _within(middle, factors, freedom) < tail else (low, middle)
    return math.copysign(math.sqrt(freedom) * math.tan(low), share - 0.5)


def _cosine_factors(freedom: int) -> NDArray[np.float64]:
    """Give the factors of cos², cos⁴, ... in the sum."""
    k = np.arange(1, (freedom - 1) // 2 if freedom % 2 else freedom // 2)
    ratios = (2 * k) / (2 * k + 1) if freedom % 2 else (2 * k - 1) / (2 * k)
    return np.asarray(np.cumprod(ratios), np.float64)


def _within(angle: float, factors: NDArray[np.float64], freedom: int) -> float:
    """Give the probability of |t| below sqrt(freedom) tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    powers = cosine ** (2.0 * np.arange(1, len(factors) + 1))
    total = 1.0 + float((factors * powers).sum())
    if freedom == 1:
        return 2.0 * angle / math.pi
    if freedom % 2:
        return 2.0 / math.pi * (angle + sine * cosine * total)
    return sine * total


def estimate_mean(
    scores: Sequence[float],
    *,
    within: tuple[float, float] = (-math.inf, math.inf),
    confidence: float = 0.95,
) -> Estimate:
    """Give the mean of scores, and the interval in which that of all such pictures lies.

    ``mean ± t s / sqrt(n)`` with Student's t of n - 1 degrees of freedom, cut to the
    range of the score. It takes the pictures for independent: frames of one film
    are not, and theirs is too narrow. Without spread, as for one picture or with an
    infinite score, there is none.

    Args:
        scores: one for each picture.
        within: the range of the score.
        confidence: probability that the interval holds the true mean.

    Raises:
        RangeError: no score, or NaN.

    Example:
        >>> found = estimate_mean([30.0, 32.0, 34.0])
        >>> found.value, round(found.low, 3), round(found.high, 3)
        (32.0, 27.032, 36.968)
    """
    values = np.asarray(scores, np.float64)
    if values.size == 0 or np.isnan(values).any():
        raise RangeError("estimate_mean: expected one score at least, and no NaN")
    mean, count = float(values.mean()), values.size
    if count < 2 or not math.isfinite(mean):
        return Estimate(mean, None, None, count, "t")
    reach = student_quantile(0.5 + confidence / 2, count - 1) * float(values.std(ddof=1))
    reach /= math.sqrt(count)
    return Estimate(mean, max(mean - reach, within[0]), min(mean + reach, within[1]), count, "t")


def estimate_set(
    metric: SetMetric, tallies: Sequence[NDArray[Any]], *, confidence: float = 0.95
) -> Estimate:
    """Give the score of a set whose tallies add up, and its interval.

    The pictures are drawn anew with replacement 2000 times (seed 0), and the quantiles
    of the scores of those sets are the ends: the percentile bootstrap. It is a little
    too narrow for few pictures.

    Args:
        metric: what finishes a sum of tallies.
        tallies: one of each picture.
        confidence: probability that the interval holds the true score.

    Raises:
        RangeError: no tally, or no pixel of the set counts.

    Example:
        >>> from sfumato.measure import Dice
        >>> tallies = [np.array([[0, 1], [1, hits]]) for hits in (6, 8, 10, 12)]
        >>> found = estimate_set(Dice(background=0), tallies)
        >>> round(found.value, 3), found.low < found.value < found.high
        (0.9, True)
    """
    if not tallies:
        raise RangeError("estimate_set: expected one tally at least")
    shape = tuple(max(sizes) for sizes in zip(*(tally.shape for tally in tallies), strict=True))
    held, rows = _gathered(tallies, shape)

    def finished(sums: NDArray[np.float64]) -> float:
        whole = np.zeros(math.prod(shape))
        whole[held] = sums
        return metric.finish(whole.reshape(shape))

    count, value = len(tallies), finished(rows.sum(axis=0))
    if count < 2 or math.prod(shape) > MOST_TALLIES:
        return Estimate(value, None, None, count, "bootstrap")
    rng, drawn = np.random.default_rng(SEED), []
    for _ in range(RESAMPLES):
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        sums = times @ rows
        # A draw may hold no pixel that counts, of which no score can be told.
        if sums.any():
            drawn.append(finished(sums))
    tail = 50.0 * (1.0 - confidence)
    low, high = (float(end) for end in np.percentile(drawn, [tail, 100.0 - tail]))
    return Estimate(value, low, high, count, "bootstrap")


def _gathered(
    tallies: Sequence[NDArray[Any]], shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Put the entries that any tally fills side by side, one row for each tally."""
    filled = [np.nonzero(tally) for tally in tallies]
    places = [np.ravel_multi_index(where, shape) for where in filled]
    held = np.unique(np.concatenate(places))
    rows = np.zeros((len(tallies), len(held)))
    for row, tally, where, place in zip(rows, tallies, filled, places, strict=True):
        row[np.searchsorted(held, place)] = tally[where]
    return held, rows
