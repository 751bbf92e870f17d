"""Shift hue, saturation and value."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._hsv import in_hsv, in_hsv_tables
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["HueSaturationValue"]


class HueSaturationValue(PixelTransform):
    """Shift hue, saturation and value of the HSV model; gray pictures know only the value.

    An 8-bit picture is worked on in OpenCV's 8-bit HSV, others in floats.

    Args:
        hue_shift_limit: half degrees, drawn from here.
        sat_shift_limit: levels of 8 bits, drawn from here.
        val_shift_limit: levels of 8 bits, drawn from here.

    Raises:
        ShapeError: the picture has neither one nor three channels.

    Example:
        >>> red = np.uint8([[[255, 0, 0]]])
        >>> HueSaturationValue((60, 60), (0, 0), (0, 0), p=1)(red).ravel()
        array([  0, 255,   0], dtype=uint8)
    """

    hue_shift_limit: Annotated[tuple[float, float], Between(-180.0, 180.0)] = (-20.0, 20.0)
    sat_shift_limit: Annotated[tuple[float, float], Between(-255.0, 255.0)] = (-30.0, 30.0)
    val_shift_limit: Annotated[tuple[float, float], Between(-255.0, 255.0)] = (-20.0, 20.0)

    channels = (1, 3)
    shorthand = {f"{part}_shift_limit": symmetric for part in ("hue", "sat", "val")}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {
            "hue": rng.uniform(*self.hue_shift_limit),
            "sat": rng.uniform(*self.sat_shift_limit),
            "val": rng.uniform(*self.val_shift_limit),
        }

    def change_image(self, image: Image, params: Params) -> Image:
        hue, sat, val = params["hue"], params["sat"], params["val"]
        if image.dtype == np.uint8:
            levels = np.arange(256)
            return in_hsv_tables(
                image,
                np.mod(levels + hue, 180.0),
                levels + int(sat),
                levels + int(val),
                "HueSaturationValue",
            )
        return in_hsv(image, 2.0 * hue, sat / 255.0, val / 255.0, "HueSaturationValue")
