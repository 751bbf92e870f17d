"""Turn a picture about its center."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np

from sfumato.augment._motion import Motion
from sfumato.augment._projective import Projective, rotation_about, shift
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["Rotate", "SafeRotate"]

Degrees = Annotated[tuple[float, float], Between()]
RotateMethod = Literal["largest_box", "ellipse"]


class Rotate(Resampled):
    """Turn about the center, counter-clockwise for positive angles; the size stays.

    Args:
        limit: the angle in degrees is drawn from here.
        rotate_method: boxes become the bound of the turned box, or of the ellipse in it.
        crop_border: cut to the largest upright rectangle that shows no border.
    """

    limit: Degrees = (-90.0, 90.0)
    rotate_method: RotateMethod = "largest_box"
    crop_border: bool = False

    order = ("limit", "interpolation", "border_mode", "rotate_method", "crop_border",
             "mask_interpolation", "fill", "fill_mask", "p")  # fmt: skip
    order_1_3 = ("limit", "interpolation", "border_mode", "fill", "fill_mask", "rotate_method",
                 "crop_border", "p")  # fmt: skip
    shorthand = {**Resampled.shorthand, "limit": symmetric}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"angle": rng.uniform(*self.limit)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        height, width = size
        matrix = rotation_about(((width - 1) / 2, (height - 1) / 2), params["angle"])
        out = size
        if self.crop_border:
            out = inscribed_size(size, params["angle"])
            top, left = (height - out[0]) / 2, (width - out[1]) / 2
            matrix = shift(-left, -top) @ matrix
        return Projective(matrix, out, size, ellipse=self.rotate_method == "ellipse")


def inscribed_size(size: tuple[int, int], degrees: float) -> tuple[int, int]:
    """Give the largest upright rectangle of pixels that lie between those of a turned picture."""
    # Between the centers of the outer pixels: beyond them the border would be mixed in.
    height, width = size[0] - 1.0, size[1] - 1.0
    sin, cos = abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))
    longer, shorter = max(height, width), min(height, width)
    if shorter <= 2.0 * sin * cos * longer or abs(sin - cos) < 1e-10:
        # Two corners of the rectangle lie on the longer side, the others on the middle line.
        half = 0.5 * shorter
        across, along = (half / sin, half / cos) if width >= height else (half / cos, half / sin)
    else:
        double = cos * cos - sin * sin
        across = (width * cos - height * sin) / double
        along = (height * cos - width * sin) / double
    return int(along + 1e-9) + 1, int(across + 1e-9) + 1


class SafeRotate(Resampled):
    """Turn about the center and shrink each axis so that all of the picture stays in view.

    Args:
        limit: the angle in degrees is drawn from here.
        rotate_method: boxes become the bound of the turned box, or of the ellipse in it.
    """

    limit: Degrees = (-90.0, 90.0)
    rotate_method: RotateMethod = "largest_box"

    order = ("limit", "interpolation", "border_mode", "rotate_method", "mask_interpolation",
             "fill", "fill_mask", "p")  # fmt: skip
    order_1_3 = ("limit", "interpolation", "border_mode", "fill", "fill_mask", "p")
    shorthand = {**Resampled.shorthand, "limit": symmetric}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"angle": rng.uniform(*self.limit)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        height, width = size
        turn = math.radians(params["angle"])
        sin, cos = abs(math.sin(turn)), abs(math.cos(turn))
        center = ((width - 1) / 2, (height - 1) / 2)
        x_scale = width / (width * cos + height * sin)
        y_scale = height / (height * cos + width * sin)
        shrink = shift(*center) @ np.diag([x_scale, y_scale, 1.0]) @ shift(-center[0], -center[1])
        matrix = shrink @ rotation_about(center, params["angle"])
        return Projective(matrix, size, size, ellipse=self.rotate_method == "ellipse")
