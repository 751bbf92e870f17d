"""Blur a picture by the mean or the median of each neighborhood."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sfumato.augment._kernels import KernelSize, check_odd, draw_odd
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["Blur", "MedianBlur"]

BAND_ROWS = 16


class Blur(PixelTransform):
    """Blur a picture by the mean of each square neighborhood.

    Args:
        blur_limit: side of the square in pixels, an odd number drawn from here.

    Raises:
        RangeError: no odd number from 3 on in the range.

    Example:
        >>> Blur((3, 3), p=1)(np.uint8([[0, 0, 0], [0, 90, 0], [0, 0, 0]]))[1, 1]
        np.uint8(10)
    """

    blur_limit: KernelSize = (3, 7)

    shorthand = {"blur_limit": from_low(3)}
    blind = True

    def check(self) -> None:
        check_odd(self.blur_limit, "Blur.blur_limit")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"size": draw_odd(rng, self.blur_limit)}

    def change_image(self, image: Image, params: Params) -> Image:
        size = params["size"]
        return cv2.blur(image, (size, size)).reshape(image.shape)  # type: ignore[no-any-return]


class MedianBlur(PixelTransform):
    """Blur a picture by the median of each square neighborhood, which keeps edges.

    Args:
        blur_limit: side of the square in pixels, an odd number drawn from here.

    Raises:
        RangeError: no odd number from 3 on in the range.

    Example:
        >>> MedianBlur((3, 3), p=1)(np.uint8([[5, 5, 5], [5, 90, 5], [5, 5, 5]]))[1, 1]
        np.uint8(5)
    """

    blur_limit: KernelSize = (3, 7)

    shorthand = {"blur_limit": from_low(3)}
    blind = True

    def check(self) -> None:
        check_odd(self.blur_limit, "MedianBlur.blur_limit")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"size": draw_odd(rng, self.blur_limit)}

    def change_image(self, image: Image, params: Params) -> Image:
        size = params["size"]
        if image.shape[2] not in (1, 3, 4) or (image.dtype != np.uint8 and size > 5):
            planes = [_median(image[..., c], size) for c in range(image.shape[2])]
            return np.stack(planes, axis=-1)
        return cv2.medianBlur(image, size).reshape(image.shape)  # type: ignore[no-any-return]


def _median(plane: Image, size: int) -> Image:
    """Take the median of one channel; OpenCV knows large squares of 8 bits only."""
    plane = np.ascontiguousarray(plane)
    if plane.dtype == np.uint8 or size <= 5:
        return cv2.medianBlur(plane, size)  # type: ignore[no-any-return]
    padded = np.pad(plane, size // 2, mode="edge")
    windows = sliding_window_view(padded, (size, size))
    out = np.empty_like(plane)
    for top in range(0, plane.shape[0], BAND_ROWS):
        band = windows[top : top + BAND_ROWS].reshape(-1, plane.shape[1], size * size)
        out[top : top + BAND_ROWS] = np.median(band, axis=-1)
    return out
