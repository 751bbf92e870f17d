"""Let it rain."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from sfumato.augment._chance import draw_seed
from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._levels import scale_by_channel
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["RandomRain"]

DROPS = {"default": 1.0 / 3.0, "drizzle": 0.25, "heavy": 1.0, "torrential": 2.0}
"""How many drops there are, in heights of the picture."""


class RandomRain(PixelTransform):
    """Let it rain: slanted streaks, blurred and added, and a darker day.

    Args:
        slant_range: how many pixels a streak moves sideways is drawn from here.
        drop_length: height of a streak in pixels; none for an eighth of the picture.
        drop_width: in pixels.
        drop_color: red, green and blue, 0 to 255.
        blur_value: side in pixels of the square that blurs the streaks; odd.
        brightness_coefficient: all values are multiplied by this.
        rain_type: how many streaks: a third, a quarter, one or two times the height.

    Raises:
        ShapeError: the picture has not three channels.

    Example:
        >>> RandomRain(p=1)(np.full((64, 64, 3), 100, np.uint8), rng=0).max() > 70
        np.True_
    """

    slant_range: Annotated[tuple[float, float], Between(-90.0, 90.0)] = (-10.0, 10.0)
    drop_length: Annotated[int | None, Between(1, 10000)] = None
    drop_width: Annotated[int, Between(1, 100)] = 1
    drop_color: Annotated[tuple[int, int, int], Between(0, 255)] = (200, 200, 200)
    blur_value: Annotated[int, Between(1, 1001)] = 7
    brightness_coefficient: Annotated[float, Between(0.0, 1.0)] = 0.7
    rain_type: Literal["drizzle", "heavy", "torrential", "default"] = "default"

    legacy = {"slant_lower": ("slant_range", 0), "slant_upper": ("slant_range", 1)}
    defaults_1_3 = {"drop_length": 20}
    order_1_3 = (
        "slant_lower", "slant_upper", "drop_length", "drop_width", "drop_color", "blur_value",
        "brightness_coefficient", "rain_type", "p",
    )  # fmt: skip
    channels = (3,)
    blind = True

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        if "rain_type" in settings and settings["rain_type"] is None:
            settings["rain_type"] = "default"  # as 1.3 had it
        return settings

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"slant": rng.uniform(*self.slant_range), "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "RandomRain", (3,))
        height, width = image.shape[:2]
        length = self.drop_length or max(height // 8, 1)
        slant = round(params["slant"])
        count = int(height * DROPS[self.rain_type])
        rng = np.random.default_rng(params["seed"])
        x = rng.integers(max(-slant, 0), max(width - max(slant, 0), 1) + 1, count)
        y = rng.integers(0, max(height - length, 0) + 1, count)
        tops = np.stack([x, y], axis=1)
        ends = np.stack([x + slant, y + length], axis=1)
        streaks = np.stack([tops, ends], axis=1).astype(np.int32)
        # One plane does: the color is the same all over, and the blur knows no colors.
        layer = np.zeros((height, width), np.uint8)
        cv2.polylines(layer, list(streaks), False, 255, self.drop_width, lineType=cv2.LINE_4)
        layer = cv2.blur(layer, (self.blur_value, self.blur_value))
        rainy = _added(image, layer, self.drop_color)
        if self.brightness_coefficient == 1.0:
            return rainy
        return scale_by_channel(rainy, np.array([self.brightness_coefficient], np.float32))


def _added(image: Image, layer: Image, color: tuple[int, int, int]) -> Image:
    if image.dtype == np.uint8:
        levels = [np.arange(256) * c // 255 for c in color]
        if len(set(color)) == 1:
            planes = cv2.cvtColor(cv2.LUT(layer, levels[0].astype(np.uint8)), cv2.COLOR_GRAY2RGB)
        else:
            planes = cv2.merge([cv2.LUT(layer, level.astype(np.uint8)) for level in levels])
        return cv2.add(image, planes)  # type: ignore[no-any-return]
    white = full_range(image.dtype)
    tint = np.array(color, np.float32) * np.float32(white / 255.0 / 255.0)
    added = image + layer[..., None].astype(np.float32) * tint
    return np.clip(added, 0.0, white).astype(image.dtype)  # type: ignore[no-any-return]
