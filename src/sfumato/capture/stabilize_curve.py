# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
"""A stabilising transform for any curve of variance over brightness."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.core.spec import Configured
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["StabilizeCurve"]

KNOTS_OF_INVERSE = 8192
QUADRATURE = 40
GUIDES = 4096


class StabilizeCurve(Configured):
    """Give every brightness the same noise, whatever curve its variance follows.

    ``f(x) = integral of dt / sqrt(v(t))`` from the first level, the delta method's answer. Between
    levels v is a straight line, over which the integral is known: nothing but the curve
    itself is approximate. Beyond both ends v stays what it is there.

    Args:
        levels: brightness at which the variance is known, rising; any unit.
        variances: one above 0 for each level, in the unit squared.

    Shape:
        any; returns the same shape and dtype, float32 or float64.

    Raises:
        ShapeError: fewer than two levels, or not one variance for each.
        RangeError: levels that do not rise, or a variance that is not above 0.

    Example:
        >>> curve = StabilizeCurve(levels=(0.0, 100.0), variances=(4.0, 204.0))
        >>> values = np.array([-3.0, 0.0, 50.0, 300.0])
        >>> np.allclose(curve.inverse(curve.forward(values), "algebraic"), values)
        True
    """

    _example = {"levels": (0.0, 1.0), "variances": (1e-6, 1e-3)}

    levels: tuple[float, ...]
    variances: tuple[float, ...]

    def check(self) -> None:
        if len(self.levels) < 2 or len(self.levels) != len(self.variances):
            raise ShapeError(
                f"StabilizeCurve: expected two levels or more and a variance for each, got "
                f"{len(self.levels)} levels and {len(self.variances)} variances"
            )
        levels, variances = np.array(self.levels), np.array(self.variances)
        if not (np.isfinite(levels).all() and (np.diff(levels) > 0.0).all()):
            raise RangeError("StabilizeCurve.levels: expected finite levels that rise")
        if not (np.isfinite(variances).all() and variances.min() > 0.0):
            raise RangeError(
                "StabilizeCurve.variances: expected finite values above 0",
                hint="a part without noise cannot be stabilised: leave it out",
            )

    @classmethod
    def from_function(
        cls,
        variance: Callable[[NDArray[np.float64]], NDArray[np.float64]],
        low: float,
        high: float,
        *,
        knots: int = 1024,
    ) -> StabilizeCurve:
        """Sample a function of variance, more closely near ``low`` where it bends most.

        Args:
            variance: gives variances of an array of levels.
            low: first level.
            high: last level.
            knots: how many levels; at least 2.

        Raises:
            RangeError: low is not below high, or fewer than 2 knots.
        """
        if not low < high or knots < 2:
            raise RangeError(f"StabilizeCurve: {knots} knots from {low} to {high}")
        levels = low + (high - low) * np.linspace(0.0, 1.0, knots) ** 2
        return cls(levels=tuple(levels.tolist()), variances=tuple(variance(levels).tolist()))

    def forward(self, values: NDArray[Any]) -> NDArray[Any]:
        """Go to noise of standard deviation 1."""
        values = _checked(values, "StabilizeCurve.forward")
        levels, deviations, heights = self._tables
        out = np.empty_like(values)
        guide = self._guides[0]
        _integrate(values.reshape(-1), levels, guide, deviations, heights, out.reshape(-1))
        return out

    def inverse(
        self, values: NDArray[Any], kind: Literal["unbiased", "algebraic"] = "unbiased"
    ) -> NDArray[Any]:
        """Go back to brightness.

        Args:
            values: what `forward` gave, denoised.
            kind: ``unbiased`` gives the brightness y whose readings have the value as their
                mean, if their noise is normal, of variance v(y); it knows levels from the first to
                the last and is algebraic beyond. ``algebraic`` undoes `forward`.

        Raises:
            RangeError: there is no such kind.
        """
        if kind not in ("unbiased", "algebraic"):
            raise RangeError(f"kind: {kind!r} is not one of unbiased, algebraic")
        values = _checked(values, "StabilizeCurve.inverse")
        levels, deviations, heights = self._tables
        out = np.empty_like(values)
        shifts = self._corrections if kind == "unbiased" else np.zeros(3)
        guide = self._guides[1]
        _differentiate(
            values.reshape(-1), shifts, levels, guide, deviations, heights, out.reshape(-1)
        )
        return out

    @cached_property
    def _tables(self) -> tuple[NDArray[np.float64], ...]:
        levels, deviations = np.array(self.levels), np.sqrt(self.variances)
        steps = 2.0 * np.diff(levels) / (deviations[1:] + deviations[:-1])
        return levels, deviations, np.concatenate([[0.0], np.cumsum(steps)])

    @cached_property
    def _guides(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Say of equal parts of the range in which piece each begins."""
        levels, _, heights = self._tables
        starts = (
            np.searchsorted(edges, np.linspace(edges[0], edges[-1], GUIDES + 1), "right") - 1
            for edges in (levels, heights)
        )
        first, second = (np.clip(start, 0, len(levels) - 2).astype(np.int64) for start in starts)
        return first, second

    @cached_property
    def _corrections(self) -> NDArray[np.float64]:
        """Tabulate f(y) - E{f | y} over E{f | y}, in equal steps; the ends of these come first."""
        heights = np.linspace(0.0, self._tables[2][-1], KNOTS_OF_INVERSE)
        y = self.inverse(heights, "algebraic")
        deviation = np.sqrt(np.interp(y, self.levels, self.variances))
        nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE)
        spread = self.forward(y[:, None] + deviation[:, None] * nodes)
        means = np.maximum.accumulate(spread @ (weights / weights.sum()))
        steps = np.linspace(means[0], means[-1], KNOTS_OF_INVERSE)
        return np.concatenate([means[[0, -1]], np.interp(steps, means, heights - means)])


def _checked(values: Any, who: str) -> NDArray[Any]:
    if not isinstance(values, np.ndarray) or values.dtype not in (np.float32, np.float64):
        kind = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
        raise DtypeError(f"{who}: expected an array of float32 or float64, got {kind}")
    return np.ascontiguousarray(values)


@compiled
def _piece(value: float, edges: Any, guide: Any) -> int:
    """Find the piece that a value lies in; -1 before the first, the last index behind all."""
    last = edges.size - 1
    if value >= edges[last]:
        return int(last)
    if not value >= edges[0]:  # of NaN too: it stays NaN
        return -1
    share = (value - edges[0]) / (edges[last] - edges[0])
    k = int(guide[int(share * GUIDES)])
    while k > 0 and value < edges[k]:
        k -= 1
    while value >= edges[k + 1]:
        k += 1
    return k


@compiled
def _integrate(
    values: Any, levels: Any, guide: Any, deviations: Any, heights: Any, out: Any
) -> None:
    last = levels.size - 1
    for i in range(values.size):
        x = float(values[i])
        k = _piece(x, levels, guide)
        if k < 0:
            out[i] = (x - levels[0]) / deviations[0]
        elif k == last:
            out[i] = heights[last] + (x - levels[last]) / deviations[last]
        else:
            start, end = deviations[k] ** 2, deviations[k + 1] ** 2
            along = x - levels[k]
            here = start + (end - start) * along / (levels[k + 1] - levels[k])
            out[i] = heights[k] + 2.0 * along / (deviations[k] + math.sqrt(here))


@compiled
def _differentiate(
    values: Any, shifts: Any, levels: Any, guide: Any, deviations: Any, heights: Any, out: Any
) -> None:
    last, steps = levels.size - 1, shifts.size - 3
    first, width = shifts[0], shifts[1] - shifts[0]
    for i in range(values.size):
        f = float(values[i])
        if width > 0.0 and first <= f <= shifts[1]:
            place = (f - first) / width * steps
            j = min(int(place), steps - 1)
            f += shifts[2 + j] + (place - j) * (shifts[3 + j] - shifts[2 + j])
        k = _piece(f, heights, guide)
        if k < 0:
            out[i] = levels[0] + f * deviations[0]
        elif k == last:
            out[i] = levels[last] + (f - heights[last]) * deviations[last]
        else:
            slope = (deviations[k + 1] ** 2 - deviations[k] ** 2) / (levels[k + 1] - levels[k])
            along = f - heights[k]
            out[i] = levels[k] + along * (deviations[k] + 0.25 * slope * along)
