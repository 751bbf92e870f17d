"""Add one number to each of the three colors."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._levels import add_by_channel
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range
from sfumato.errors import ShapeError

__all__ = ["RGBShift"]

Limit = Annotated[tuple[float, float], Between(-255.0, 255.0)]


class RGBShift(PixelTransform):
    """Add one number to each of the three colors.

    Limits beyond -1..1 are levels of 8 bits, whatever the picture; within, as a float picture
    of albumentations has them, they are levels for integers and shares of white for floats.

    Args:
        r_shift_limit: what is added to red is drawn from here.
        g_shift_limit: as ``r_shift_limit``, for green.
        b_shift_limit: as ``r_shift_limit``, for blue.

    Raises:
        ShapeError: the picture has not three channels.

    Example:
        >>> RGBShift((9, 9), (0, 0), (-9, -9), p=1)(np.full((1, 1, 3), 50, np.uint8)).ravel()
        array([59, 50, 41], dtype=uint8)
    """

    r_shift_limit: Limit = (-20.0, 20.0)
    g_shift_limit: Limit = (-20.0, 20.0)
    b_shift_limit: Limit = (-20.0, 20.0)

    channels = (3,)
    shorthand = {f"{c}_shift_limit": symmetric for c in "rgb"}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        limits = (self.r_shift_limit, self.g_shift_limit, self.b_shift_limit)
        return {"shifts": [float(rng.uniform(*limit)) for limit in limits]}

    def change_image(self, image: Image, params: Params) -> Image:
        if image.shape[2] != 3:
            raise ShapeError(f"RGBShift: the picture must have 3 channels, it has {image.shape[2]}")
        shifts = np.array(params["shifts"], np.float32)
        limits = (*self.r_shift_limit, *self.g_shift_limit, *self.b_shift_limit)
        in_levels = max(map(abs, limits)) > 1.0
        if image.dtype == np.float32:
            return add_by_channel(image, shifts / 255.0 if in_levels else shifts)
        return add_by_channel(image, shifts * np.float32(full_range(image.dtype) / 255.0))
