"""Where the pixels behind a lens come from, in compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.core.compiled import compiled

__all__ = ["camera_places", "fisheye_places"]


@compiled
def camera_places(places: Any, k: Any, x_center: Any, y_center: Any) -> None:
    """Fill (h, w, 2) with places x and y; see `OpticalDistortion`."""
    height, width = places.shape[:2]
    x_step, y_step = np.float32(1.0 / width), np.float32(1.0 / height)
    one = np.float32(1.0)
    for i in range(height):
        dy = np.float32(i) - y_center
        v = dy * y_step
        for j in range(width):
            dx = np.float32(j) - x_center
            u = dx * x_step
            square = u * u + v * v
            factor = one + square * (k + k * square)
            places[i, j, 0] = dx * factor + x_center
            places[i, j, 1] = dy * factor + y_center


@compiled
def fisheye_places(places: Any, k: Any, x_center: Any, y_center: Any) -> None:
    """Fill (h, w, 2) with places x and y; see `OpticalDistortion`."""
    height, width = places.shape[:2]
    x_step, y_step = np.float32(1.0 / width), np.float32(1.0 / height)
    one = np.float32(1.0)
    for i in range(height):
        dy = np.float32(i) - y_center
        v = dy * y_step
        for j in range(width):
            dx = np.float32(j) - x_center
            u = dx * x_step
            radius = np.sqrt(u * u + v * v)
            theta = np.arctan(radius)
            square = theta * theta
            factor = one
            if radius > np.float32(1e-9):
                factor = theta * (one + square * (k + k * square)) / radius
            places[i, j, 0] = dx * factor + x_center
            places[i, j, 1] = dy * factor + y_center
