"""Make edges crisper by adding what a blur took away."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import ImageOperator, Rng
from sfumato.core.shapes import Image, from_unit, to_unit

__all__ = ["Sharpen"]

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
BAND_ROWS = 512
"""Rows worked on at a time, so that the floats need little room beside the picture."""
REACH = 4.0
"""The Gaussian is cut off at this many standard deviations."""


class Sharpen(ImageOperator):
    """Make edges crisper with an unsharp mask.

    The detail d = y - blur(y) of the luma y (for one channel: of the values) is
    added to every channel alike, so that edges gain no coloured fringes:
    out = v + amount * shrink(d). Detail below the threshold counts as noise and is
    left alone; beyond it the threshold is taken off, so there is no step. Float
    results stay within 0..1, or within the range of the picture where that is wider.

    Args:
        amount: how much of the detail is added; 0 changes nothing.
        radius_px: standard deviation of the Gaussian blur.
        threshold: detail that is left alone, as a fraction of white.

    Shape:
        image (h, w, c); the luma is taken where c is 3, else each channel has
        its own detail.

    Example:
        >>> step = np.repeat(np.float32([0.25, 0.25, 0.75, 0.75]), 2)[None, :, None]
        >>> sharp = Sharpen(amount=1.0)(step)
        >>> bool(sharp.max() > 0.8 and sharp.min() < 0.2)
        True
    """

    amount: Annotated[float, Between(0.0, 10.0)] = 0.5
    radius_px: Annotated[float, Between(0.3, 50.0)] = 1.0
    threshold: Annotated[float, Between(0.0, 1.0)] = 0.0

    def apply_image(self, image: Image, rng: Rng) -> Image:
        if self.amount == 0.0:
            return image.copy()
        height = image.shape[0]
        margin = int(np.ceil(REACH * self.radius_px))
        out = np.empty_like(image)
        low, high = min(0.0, float(image.min())), max(1.0, float(image.max()))
        for top in range(0, height, BAND_ROWS):
            start, stop = max(0, top - margin), min(height, top + BAND_ROWS + margin)
            band = to_unit(image[start:stop])
            rows = slice(top - start, min(height, top + BAND_ROWS) - start)
            sharp = band[rows] + np.float32(self.amount) * self._detail(band)[rows]
            out[top : top + BAND_ROWS] = from_unit(np.clip(sharp, low, high), image.dtype)
        return out

    def _detail(self, band: NDArray[np.float32]) -> NDArray[Any]:
        plane = (band @ LUMA)[..., None] if band.shape[2] == 3 else band
        side = 2 * int(np.ceil(REACH * self.radius_px)) + 1
        blurred = np.empty_like(plane)
        for channel in range(plane.shape[2]):
            blurred[..., channel] = cv2.GaussianBlur(
                plane[..., channel], (side, side), self.radius_px, borderType=cv2.BORDER_REPLICATE
            )
        detail = plane - blurred
        if self.threshold > 0.0:
            kept = np.maximum(np.abs(detail) - np.float32(self.threshold), 0.0)
            detail = np.copysign(kept, detail)
        return np.asarray(detail)
