"""Bend a picture as a lens does."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._field import Field
from sfumato.augment._lens_loops import camera_fixed, camera_places, fisheye_places
from sfumato.augment._motion import Motion, Points
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["OpticalDistortion"]


class OpticalDistortion(Resampled):
    """Bend straight lines outward or inward from the center.

    With r the distance from the center in units of width and height, a pixel comes from
    r (1 + k r² + k r⁴) for ``camera`` (Brown's model with both terms alike), and from
    θ (1 + k θ² + k θ⁴), θ = atan r, for ``fisheye``.

    Args:
        distort_limit: the strength k is drawn from here.
        mode: the lens: ``camera`` or ``fisheye``.
        keypoint_remapping_method: kept for older code; points are always moved exactly.
        shift_limit: the center is moved by a share of the size drawn from here; 1.3 had it.
    """

    distort_limit: Annotated[tuple[float, float], Between(-1.0, 1.0)] = (-0.05, 0.05)
    mode: Literal["camera", "fisheye"] = "camera"
    keypoint_remapping_method: Literal["direct", "mask"] = "mask"
    shift_limit: Annotated[tuple[float, float], Between(-1.0, 1.0)] = (0.0, 0.0)

    order = ("distort_limit", "interpolation", "mask_interpolation", "mode",
             "keypoint_remapping_method", "p", "border_mode", "fill", "fill_mask",
             "shift_limit")  # fmt: skip
    order_1_3 = ("distort_limit", "shift_limit", "interpolation", "border_mode", "fill",
                 "fill_mask", "p")  # fmt: skip
    legacy = {"value": "fill", "mask_value": "fill_mask"}
    defaults_1_3 = {**Resampled.defaults_1_3, "shift_limit": (-0.05, 0.05)}
    shorthand = {**Resampled.shorthand, "distort_limit": symmetric, "shift_limit": symmetric}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        params = {"k": rng.uniform(*self.distort_limit), "shift": [0.0, 0.0]}
        if self.shift_limit != (0.0, 0.0):
            params["shift"] = rng.uniform(*self.shift_limit, 2).tolist()
        return params

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return _Lens(params["k"], params["shift"], self.mode, size)


class _Lens(Field):
    def __init__(self, k: float, move: list[float], mode: str, size: tuple[int, int]) -> None:
        super().__init__(size)
        height, width = size
        self.k, self.mode = k, mode
        self.center = np.array(
            [(width - 1) / 2 + move[0] * width, (height - 1) / 2 + move[1] * height]
        )
        self.scale = np.array([width, height], np.float64)
        self._map: NDArray[np.float32] | None = None

    def places(self) -> NDArray[np.float32]:
        if self._map is None:
            self._map = np.empty((*self.size, 2), np.float32)
            fill = camera_places if self.mode == "camera" else fisheye_places
            fill(self._map, np.float32(self.k), *self.center.astype(np.float32))
        return self._map

    def fixed(self) -> tuple[Any, Any]:
        if self.mode != "camera" or sys.byteorder != "little":
            return super().fixed()
        whole, part = np.empty(self.size, np.int32), np.empty(self.size, np.uint16)
        camera_fixed(whole, part, np.float32(self.k), *self.center.astype(np.float32))
        return whole.view(np.int16).reshape(*self.size, 2), part

    def source(self, points: Points) -> Points:
        away = (points - self.center) / self.scale
        square = (away**2).sum(axis=1, keepdims=True)
        if self.mode == "camera":
            factor = 1 + self.k * square + self.k * square**2
        else:
            radius = np.sqrt(square)
            theta = np.arctan(radius)
            bent = theta * (1 + self.k * theta**2 + self.k * theta**4)
            factor = np.where(radius > 1e-9, bent / np.maximum(radius, 1e-9), 1.0)
        return np.asarray(away * factor * self.scale + self.center)
