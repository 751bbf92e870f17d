"""One plane of light from any picture, and its derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import check_image, full_range
from sfumato.errors import RangeError, ShapeError

__all__ = ["Plane", "gaussian_gradient", "grey_plane", "slope_kernels"]

Plane = NDArray[np.float32]
"""(h, w), white at 1."""


def grey_plane(image: NDArray[Any], who: str) -> Plane:
    """Give the luma of a picture in the unit range.

    The same picture as uint8, uint16 and float32 gives the same bits: the values are
    divided by white, which rounds alike for all three.

    Raises:
        ShapeError: neither (h, w) nor 1 or 3 channels.
        DtypeError: not uint8, uint16 or float32.
        RangeError: the picture holds NaN or infinity.
    """
    flat = isinstance(image, np.ndarray) and image.ndim == 2
    picture = check_image(image[..., None] if flat else image, who)
    channels = picture.shape[2]
    if channels not in (1, 3):
        raise ShapeError(
            f"{who}: expected 1 or 3 channels, got {channels}",
            hint="leave alpha out: image[..., :3]",
        )
    if picture.dtype == np.float32:
        unit = np.ascontiguousarray(picture)
    else:
        unit = np.divide(picture, np.float32(full_range(picture.dtype)), dtype=np.float32)
    plane = unit[..., 0] if channels == 1 else cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY)
    if picture.dtype == np.float32 and not np.isfinite(plane).all():
        raise RangeError(f"{who}: the picture holds NaN or infinity")
    return np.ascontiguousarray(plane)


def slope_kernels(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the sampled Gaussian and its derivative, whose answer to a ramp of slope 1 is 1."""
    reach = max(1, math.ceil(3.7 * sigma))
    at = np.arange(-reach, reach + 1, dtype=np.float64)
    bell = np.exp(-0.5 * (at / sigma) ** 2)
    slope = at * bell
    return bell / bell.sum(), slope / (slope * at).sum()


def gaussian_gradient(plane: Plane, sigma: float) -> tuple[Plane, Plane]:
    """Give the derivatives to the right and down, per pixel; the border is repeated."""
    bell, slope = slope_kernels(sigma)
    border = cv2.BORDER_REPLICATE
    right = cv2.sepFilter2D(plane, cv2.CV_32F, slope, bell, borderType=border)
    down = cv2.sepFilter2D(plane, cv2.CV_32F, bell, slope, borderType=border)
    return right, down
