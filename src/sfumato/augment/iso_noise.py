"""Add the grain of a small camera at high ISO: in hue and in lightness."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from sfumato.augment._chance import STRIDE, draw_seed, normal_field, stirred
from sfumato.augment._counts import count_of, poisson_table
from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, full_range, to_unit

__all__ = ["ISONoise"]


class ISONoise(PixelTransform):
    """Add the grain of a small camera at high ISO: in hue and in lightness.

    In the HLS model the hue gets normal noise of the deviation 360 shift strength degrees,
    and the lightness L moves towards white: L + (1 - L) n / 255, with n a Poisson count of
    the mean 255 strength deviation(L). Made to look like a sensor; for noise that follows
    one, see `ShotNoise` and `sfumato.capture.NoiseModel`.

    Args:
        color_shift: the shift, in turns of the color circle, is drawn from here.
        intensity: the strength is drawn from here.

    Raises:
        ShapeError: the picture has not three channels.

    Example:
        >>> ISONoise(p=1)(np.full((4, 4, 3), 100, np.uint8)).shape
        (4, 4, 3)
    """

    color_shift: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.01, 0.05)
    intensity: Annotated[tuple[float, float], Between(0.0, 100.0)] = (0.1, 0.5)

    channels = (3,)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        shift, strength = rng.uniform(*self.color_shift), rng.uniform(*self.intensity)
        return {"color_shift": shift, "intensity": strength, "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "ISONoise", (3,))
        if image.dtype == np.uint16:
            return from_unit(self.change_image(to_unit(image), params), np.uint16)
        white = full_range(image.dtype)
        planes = cv2.split(np.ascontiguousarray(image))
        total, squares = _lightness_sums(*planes)
        count = image.shape[0] * image.shape[1]
        variance = squares / count - (total / count) ** 2
        deviation = math.sqrt(max(variance, 0.0)) / (2.0 * white)
        strength = params["intensity"]
        cumulative, starts = poisson_table((round(255.0 * strength * deviation, 6),))
        turns = normal_field(params["seed"], image.shape[:2])
        outs = [np.empty(image.shape[:2], image.dtype) for _ in range(3)]
        _grain(
            *planes, turns, np.float32(6.0 * params["color_shift"] * strength), np.float32(white),
            np.uint64(params["seed"] ^ 1), cumulative[0], starts[0], *outs,
        )  # fmt: skip
        return cv2.merge(outs)  # type: ignore[no-any-return]


@compiled
def _lightness_sums(red: Any, green: Any, blue: Any) -> Any:
    height, width = red.shape
    total = squares = 0.0
    twice = np.empty(width, np.float32)
    for y in range(height):
        for x in range(width):
            r, g, b = np.float32(red[y, x]), np.float32(green[y, x]), np.float32(blue[y, x])
            twice[x] = max(r, g, b) + min(r, g, b)
        for x in range(width):
            total += twice[x]
            squares += twice[x] * twice[x]
    return total, squares


@compiled
def _grain(
    red: Any, green: Any, blue: Any, turns: Any, sixths: Any, white: Any, seed: Any,
    cumulative: Any, starts: Any, new_red: Any, new_green: Any, new_blue: Any,
) -> None:  # fmt: skip
    height, width = red.shape
    state = stirred(seed + STRIDE)
    zero, one, two, three, six = (
        np.float32(0.0), np.float32(1.0), np.float32(2.0), np.float32(3.0), np.float32(6.0),
    )  # fmt: skip
    half, tiny = np.float32(0.5), np.float32(1e-20)
    scale, lift = one / white, np.float32(1.0 / 255.0)
    # Levels are rounded by cutting off after a half; floats are kept as they are.
    above = half if white > np.float32(1.5) else zero
    rise = np.empty(width, np.float32)
    for y in range(height):
        bits = np.uint64(0)
        for x in range(width):
            if x & 1 == 0:
                state += STRIDE
                bits = stirred(state)
            else:
                bits = bits >> np.uint64(32)
            rise[x] = np.float32(count_of(np.uint32(bits), cumulative, starts)) * lift
        for x in range(width):
            r = np.float32(red[y, x]) * scale
            g = np.float32(green[y, x]) * scale
            b = np.float32(blue[y, x]) * scale
            high, low = max(r, g, b), min(r, g, b)
            spread = high - low
            inverse = one / max(spread, tiny)
            # The hue in sixths of the circle.
            hue = two + two + (r - g) * inverse
            hue = two + (b - r) * inverse if high == g else hue
            hue = (g - b) * inverse if high == r else hue
            light = (high + low) * half
            saturation = spread / max(one - abs(two * light - one), tiny)
            hue += turns[y, x] * sixths
            light = min(light + rise[x] * (one - light), one)
            chroma = saturation * (one - abs(two * light - one))
            base = light - chroma * half
            hue -= six * np.floor(hue * np.float32(1.0 / 6.0))
            r = base + chroma * min(max(abs(hue - three) - one, zero), one)
            g = base + chroma * min(max(two - abs(hue - two), zero), one)
            b = base + chroma * min(max(two - abs(hue - two - two), zero), one)
            new_red[y, x] = min(max(r, zero), one) * white + above
            new_green[y, x] = min(max(g, zero), one) * white + above
            new_blue[y, x] = min(max(b, zero), one) * white + above
