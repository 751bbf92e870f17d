"""Bend a picture like a thin plate held at a few points."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._field import Field, add_places
from sfumato.augment._motion import Motion, Points
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng

__all__ = ["ThinPlateSpline"]

STEP_PX = 4
"""The plate is computed at every fourth pixel; between, it is as good as cubic."""


class ThinPlateSpline(Resampled):
    """Move the points of a grid by chance, and bend everything between as little as can be.

    Args:
        scale_range: a fifth of what is drawn from here is the standard deviation of the moves,
            a share of the size.
        num_control_points: points along each side of the grid.
        keypoint_remapping_method: kept for older code; points are always moved exactly.

    References:
        F. Bookstein. Principal warps: thin-plate splines and the decomposition of
        deformations. IEEE PAMI 11(6), 1989.
    """

    scale_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.2, 0.4)
    num_control_points: Annotated[int, Between(2, 20)] = 4
    keypoint_remapping_method: Literal["direct", "mask"] = "mask"

    order = ("scale_range", "num_control_points", "interpolation", "mask_interpolation",
             "keypoint_remapping_method", "p", "border_mode", "fill", "fill_mask")  # fmt: skip
    shorthand = {**Resampled.shorthand, "scale_range": from_low(0.0)}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        spread = rng.uniform(*self.scale_range) / 5
        return {"moves": rng.normal(0.0, spread, (self.num_control_points**2, 2))}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return _Plate(np.asarray(params["moves"], np.float64), size)


class _Plate(Field):
    """The spline through the control points, in shares of the size."""

    def __init__(self, moves: NDArray[np.float64], size: tuple[int, int]) -> None:
        super().__init__(size)
        side = round(len(moves) ** 0.5)
        x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
        self.nodes = np.column_stack([x.ravel(), y.ravel()])
        self.extent = np.maximum([size[1] - 1.0, size[0] - 1.0], 1.0)
        count = len(moves)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = _kernel(self.nodes, self.nodes)
        system[:count, count:] = np.column_stack([np.ones(count), self.nodes])
        system[count:, :count] = system[:count, count:].T
        self.weights = np.linalg.solve(system, np.concatenate([moves, np.zeros((3, 2))]))
        self._map: NDArray[np.float32] | None = None

    def _offsets(self, shares: Points) -> Points:
        flat = np.column_stack([np.ones(len(shares)), shares])
        count = len(self.nodes)
        bent = _kernel(shares, self.nodes) @ self.weights[:count]
        return np.asarray((bent + flat @ self.weights[count:]) * self.extent)

    def source(self, points: Points) -> Points:
        return points + self._offsets(points / self.extent)

    def places(self) -> NDArray[np.float32]:
        if self._map is None:
            height, width = self.size
            rows, columns = -(-height // STEP_PX) + 2, -(-width // STEP_PX) + 2
            # Resizing lays edges on edges, so coarse pixels' centers lie at these places; the
            # first and the last lie outside, where resizing would make the rim flat.
            x = (np.arange(columns) - 0.5) * STEP_PX - 0.5
            y = (np.arange(rows) - 0.5) * STEP_PX - 0.5
            at = np.dstack(np.meshgrid(x, y)).reshape(-1, 2)
            coarse = self._offsets(at / self.extent).reshape(rows, columns, 2)
            dense = cv2.resize(
                coarse.astype(np.float32),
                (columns * STEP_PX, rows * STEP_PX),
                interpolation=cv2.INTER_CUBIC,
            )[STEP_PX : STEP_PX + height, STEP_PX : STEP_PX + width]
            self._map = add_places(np.ascontiguousarray(dense))
        return self._map


def _kernel(a: Points, b: Points) -> NDArray[np.float64]:
    """Give r² log r for every pair of points."""
    square = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(0.5 * square * np.log(np.maximum(square, 1e-300)))
