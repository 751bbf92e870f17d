"""Raise the contrast tile by tile, within a limit."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, to_unit

__all__ = ["CLAHE"]


class CLAHE(PixelTransform):
    """Equalize the histogram tile by tile, its peaks cut at a limit; color by its lightness.

    Color pictures are worked on in the lightness of CIE L*a*b*, always in 8 bits: the clip
    limit is a number of pixels in one of 256 bins.

    Args:
        clip_limit: the limit, in multiples of a flat histogram, is drawn from here.
        tile_grid_size: rows and columns of tiles.

    Raises:
        ShapeError: the picture has neither one nor three channels.

    Example:
        >>> CLAHE(p=1)(np.zeros((16, 16, 3), np.uint8)).shape
        (16, 16, 3)

    References:
        K. Zuiderveld. Contrast Limited Adaptive Histogram Equalization. Graphics Gems IV, 1994.
    """

    clip_limit: Annotated[tuple[float, float], Between(1.0, 1e4)] = (1.0, 4.0)
    tile_grid_size: Annotated[tuple[int, int], Between(1, 1024)] = (8, 8)

    channels = (1, 3)
    shorthand = {"clip_limit": from_low(1)}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"clip_limit": rng.uniform(*self.clip_limit)}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "CLAHE")
        equalizer = cv2.createCLAHE(params["clip_limit"], self.tile_grid_size)
        if image.dtype == np.uint8:
            return _equalized(image, equalizer)
        if image.shape[2] == 1 or image.dtype == np.float32:
            levels = from_unit(to_unit(image), np.uint8)
            return from_unit(to_unit(_equalized(levels, equalizer)), image.dtype)
        # Of 16 bits only the lightness passes through 8.
        lab = cv2.cvtColor(to_unit(image), cv2.COLOR_RGB2LAB)
        lightness = from_unit(lab[..., 0] / 100.0, np.uint8)
        lab[..., 0] = to_unit(equalizer.apply(lightness)) * 100.0
        rgb = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0.0, 1.0)
        return from_unit(rgb, image.dtype)


def _equalized(image: Image, equalizer: Any) -> Image:
    if image.shape[2] == 1:
        plane = np.ascontiguousarray(image[..., 0])
        return equalizer.apply(plane)[..., None]  # type: ignore[no-any-return]
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    cv2.insertChannel(equalizer.apply(cv2.extractChannel(lab, 0)), lab, 0)
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB, dst=lab)  # type: ignore[no-any-return]
