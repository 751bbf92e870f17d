"""Let it snow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from sfumato.augment._chance import draw_seed, normal_field
from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._levels import apply_table
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, full_range, to_unit

__all__ = ["RandomSnow"]

SPARKLES = 2.326
"""Deviations beyond which the noise sparkles: one pixel in a hundred."""


class RandomSnow(PixelTransform):
    """Let it snow.

    ``bleach`` multiplies the lightness of the HLS model by ``brightness_coeff`` wherever it is
    below a third and half the snow point. ``texture`` brightens the picture by
    1 + coefficient times snow point, and lays soft grain over it that thins out downwards,
    a little blue, with single pixels that sparkle.

    Args:
        brightness_coeff: how much brighter.
        snow_point_range: the snow point is drawn from here.
        method: which of the two.

    Raises:
        ShapeError: the picture has not three channels.

    Example:
        >>> RandomSnow(p=1)(np.full((8, 8, 3), 60, np.uint8), rng=0).max()
        np.uint8(150)

    References:
        U. Saxena. Automold: Road Augmentation Library. 2018, for ``bleach``.
    """

    brightness_coeff: Annotated[float, Between(1e-3, 1e3)] = 2.5
    snow_point_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.1, 0.3)
    method: Literal["bleach", "texture"] = "bleach"

    legacy = {
        "snow_point_lower": ("snow_point_range", 0),
        "snow_point_upper": ("snow_point_range", 1),
    }
    order_1_3 = ("snow_point_lower", "snow_point_upper", "brightness_coeff", "p")
    channels = (3,)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"snow_point": rng.uniform(*self.snow_point_range), "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "RandomSnow", (3,))
        point = params["snow_point"]
        if self.method == "texture":
            return self._textured(image, point, params["seed"])
        threshold = point / 2.0 + 1.0 / 3.0
        if image.dtype == np.uint8:
            hls = cv2.cvtColor(image, cv2.COLOR_RGB2HLS)
            levels = np.arange(256, dtype=np.float32)
            brighter = np.minimum(levels * np.float32(self.brightness_coeff), 255.0)
            table = np.where(levels < threshold * 255.0, brighter, levels).astype(np.uint8)
            lightness = apply_table(cv2.extractChannel(hls, 1), table)
            cv2.insertChannel(lightness, hls, 1)
            return cv2.cvtColor(hls, cv2.COLOR_HLS2RGB, dst=hls)  # type: ignore[no-any-return]
        hls = cv2.cvtColor(to_unit(image), cv2.COLOR_RGB2HLS)
        light = hls[..., 1]
        light[...] = np.where(
            light < threshold, np.minimum(light * np.float32(self.brightness_coeff), 1.0), light
        )
        return from_unit(np.clip(cv2.cvtColor(hls, cv2.COLOR_HLS2RGB), 0.0, 1.0), image.dtype)

    def _textured(self, image: Image, point: float, seed: int) -> Image:
        height, width = image.shape[:2]
        noise = normal_field(seed, (height, width))
        grain = cv2.GaussianBlur(noise * np.float32(0.3) + np.float32(0.5), (0, 0), 1.0)
        out = np.empty(image.shape, image.dtype)
        white = np.float32(full_range(image.dtype))
        half = np.float32(0.0 if image.dtype == np.float32 else 0.5)
        gain = np.float32(1.0 + self.brightness_coeff * point)
        _snow(
            np.ascontiguousarray(image),
            grain,
            noise,
            gain,
            np.float32(0.8 * point),
            white,
            half,
            out,
        )
        return out


@compiled
def _snow(  # noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
    image: Any, grain: Any, noise: Any, gain: Any, opacity: Any, white: Any, half: Any, out: Any
) -> None:  # fmt: skip
    height, width, _ = image.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    for y in range(height):
        depth = one - np.float32(0.8) * np.float32(y) / np.float32(max(height - 1, 1))
        for x in range(width):
            if noise[y, x] > np.float32(SPARKLES):
                for c in range(3):
                    out[y, x, c] = white
                continue
            snow = grain[y, x] * depth * white
            for c in range(3):
                # Snow in the shade is blue: 3 % more of it, and less of red.
                tinted = snow * (one + np.float32(0.03) * np.float32(c - 1))
                level = min(np.float32(image[y, x, c]) * gain, white)
                level = level * (one - opacity) + tinted * opacity
                out[y, x, c] = min(max(level, zero), white) + (half if level < white else zero)
