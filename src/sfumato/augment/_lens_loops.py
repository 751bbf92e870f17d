"""Where the pixels behind a lens come from, in compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.core.compiled import compiled

__all__ = ["camera_fixed", "camera_places", "fisheye_places"]


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


@compiled
def camera_fixed(whole: Any, part: Any, k: Any, x_center: Any, y_center: Any) -> None:
    """Fill OpenCV's fixed-point maps: whole pixels, y above x in one word, and 1/32 pixels.

    The same places as `camera_places`, rounded to what OpenCV would round them to.
    """
    height, width = part.shape
    x_step, y_step = np.float32(1.0 / width), np.float32(1.0 / height)
    one, parts = np.float32(1.0), np.float32(32.0)
    # Cutting off rounds only what is positive.
    half_up, back = np.float32(2097152.5), np.int32(2097152)
    x_row, y_row = np.empty(width, np.int32), np.empty(width, np.int32)
    for i in range(height):
        dy = np.float32(i) - y_center
        v = dy * y_step
        for j in range(width):
            dx = np.float32(j) - x_center
            u = dx * x_step
            square = u * u + v * v
            factor = one + square * (k + k * square)
            x_row[j] = np.int32((dx * factor + x_center) * parts + half_up) - back
            y_row[j] = np.int32((dy * factor + y_center) * parts + half_up) - back
        for j in range(width):
            whole[i, j] = ((y_row[j] >> 5) << 16) | ((x_row[j] >> 5) & 0xFFFF)
        for j in range(width):
            part[i, j] = ((y_row[j] & 31) << 5) | (x_row[j] & 31)
