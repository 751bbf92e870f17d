"""Stretch and squeeze the columns and rows of a grid."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._field import Field
from sfumato.augment._motion import Motion, Points
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["GridDistortion"]


class GridDistortion(Resampled):
    """Stretch every column and every row of a grid by a factor of its own.

    Args:
        num_steps: columns, and rows, of the grid.
        distort_limit: the factor is 1 plus what is drawn from here.
        normalized: scale the grid so that it fills the picture again; else what does not fit
            is cut off at the last column and row.
        keypoint_remapping_method: kept for older code; points are always moved exactly.
    """

    num_steps: Annotated[int, Between(1, 1000)] = 5
    distort_limit: Annotated[tuple[float, float], Between(-0.99, 10.0)] = (-0.3, 0.3)
    normalized: bool = True
    keypoint_remapping_method: Literal["direct", "mask"] = "mask"

    order = ("num_steps", "distort_limit", "interpolation", "normalized", "mask_interpolation",
             "keypoint_remapping_method", "p", "border_mode", "fill", "fill_mask")  # fmt: skip
    order_1_3 = ("num_steps", "distort_limit", "interpolation", "border_mode", "fill", "fill_mask",
                 "normalized", "p")  # fmt: skip
    defaults_1_3 = {**Resampled.defaults_1_3, "normalized": False}
    shorthand = {**Resampled.shorthand, "distort_limit": symmetric}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        low, high = self.distort_limit
        factors = 1.0 + rng.uniform(low, high, (2, self.num_steps))
        return {"x_factors": factors[0].tolist(), "y_factors": factors[1].tolist()}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        height, width = size
        x = _knots(params["x_factors"], width, normalized=self.normalized)
        y = _knots(params["y_factors"], height, normalized=self.normalized)
        return _Separable(x, y, size)


def _knots(factors: list[float], length: int, *, normalized: bool) -> NDArray[np.float64]:
    """Give the edges of the grid in the new picture (row 0) and where they come from (row 1)."""
    new = np.linspace(0.0, length, len(factors) + 1)
    widths = np.asarray(factors) * (length / len(factors))
    if normalized:
        widths *= length / widths.sum()
    old = np.concatenate([[0.0], np.cumsum(widths)])
    if not normalized:
        old = np.minimum(old, length)
        old[-1] = length
    return np.stack([new, old]) - 0.5


class _Separable(Field):
    """Where x comes from depends on x alone, and y on y."""

    def __init__(
        self, x: NDArray[np.float64], y: NDArray[np.float64], size: tuple[int, int]
    ) -> None:
        super().__init__(size)
        self.x, self.y = x, y
        self._map: NDArray[np.float32] | None = None

    def places(self) -> NDArray[np.float32]:
        if self._map is None:
            height, width = self.size
            self._map = np.empty((height, width, 2), np.float32)
            self._map[..., 0] = _bend(np.arange(width), self.x[0], self.x[1])
            self._map[..., 1] = _bend(np.arange(height), self.y[0], self.y[1])[:, None]
        return self._map

    def source(self, points: Points) -> Points:
        x, y = points.T
        return np.column_stack([_bend(x, *self.x), _bend(y, *self.y)])

    def points(self, xy: Points) -> Points:
        x, y = xy.T
        return np.column_stack([_bend(x, *self.x[::-1]), _bend(y, *self.y[::-1])])


def _bend(
    values: NDArray[Any], old: NDArray[np.float64], new: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Send values along a broken line; beyond its ends it goes on at slope 1."""
    inside = np.interp(values, old, new)
    beyond = np.minimum(values - old[0], 0.0) + np.maximum(values - old[-1], 0.0)
    return np.asarray(inside + beyond)
