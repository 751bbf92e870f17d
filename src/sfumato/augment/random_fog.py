"""Lay fog over a picture."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from sfumato.augment._chance import STRIDE, draw_seed, mix_field, stirred, unit_of
from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["RandomFog"]

PUFFS = 414
"""Disks at full density; thinner fog has smaller ones, and more."""
SPREAD = 2.0 / 7.0
"""The power that crowds the disks about the middle."""


class RandomFog(PixelTransform):
    """Lay fog over a picture: white disks, each nearly transparent, and a blur.

    Each disk mixes the picture with white by the share ``alpha_coef`` times the density; n of
    them leave (1 - share)^n of what was there. They crowd about the middle. The blur has a
    Gaussian of a thirtieth of the shorter side.

    Args:
        alpha_coef: opacity of a disk at full density.
        fog_coef_range: the density is drawn from here; radii grow with it, up to a tenth of
            the height.

    Raises:
        ShapeError: the picture has not three channels.

    Example:
        >>> RandomFog(p=1)(np.zeros((32, 32, 3), np.uint8), rng=0).max() > 50
        np.True_
    """

    alpha_coef: Annotated[float, Between(0.0, 1.0)] = 0.08
    fog_coef_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.3, 1.0)

    legacy = {"fog_coef_lower": ("fog_coef_range", 0), "fog_coef_upper": ("fog_coef_range", 1)}
    order_1_3 = ("fog_coef_lower", "fog_coef_upper", "alpha_coef", "p")
    channels = (3,)
    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"density": rng.uniform(*self.fog_coef_range), "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "RandomFog", (3,))
        height, width = image.shape[:2]
        density = params["density"]
        if density == 0.0:
            return image
        layers = np.zeros((height, width + 1), np.int32)
        largest = max(int(height / 10.0 * density) - 1, 1)
        count = int(PUFFS / density)
        _lay(layers, np.uint64(params["seed"]), count, max(largest // 2, 1), largest)
        share = 1.0 - self.alpha_coef * density
        clear = (share ** np.arange(int(layers.max()) + 1)).astype(np.float32)
        kept = clear[layers[:, :-1]][..., None]
        white = np.float32(full_range(image.dtype))
        foggy = mix_field(image, kept, (1 - kept) * white)
        size = max(int(min(height, width) / 30) | 1, 3)
        return cv2.GaussianBlur(foggy, (size, size), 0)  # type: ignore[no-any-return]


@compiled
def _lay(layers: Any, seed: Any, count: int, least: int, most: int) -> None:
    """Count how many disks cover each pixel; rows hold differences until the end."""
    height, width = layers.shape
    width -= 1
    state = stirred(seed + STRIDE)
    for _ in range(count):
        state += STRIDE
        spread = unit_of(stirred(state)) ** SPREAD
        state += STRIDE
        x = int(width * (0.5 + spread * (unit_of(stirred(state)) - 0.5)))
        state += STRIDE
        y = int(height * (0.5 + spread * (unit_of(stirred(state)) - 0.5)))
        state += STRIDE
        radius = least + int(unit_of(stirred(state)) * (most - least + 1))
        for row in range(max(y - radius, 0), min(y + radius + 1, height)):
            half = int(math.sqrt(float(radius * radius - (row - y) * (row - y))))
            left, right = max(x - half, 0), min(x + half + 1, width)
            if right > left:
                layers[row, left] += 1
                layers[row, right] -= 1
    for row in range(height):
        total = 0
        for column in range(width):
            total += layers[row, column]
            layers[row, column] = total
