"""Let the sun shine into the lens."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import mix_field
from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._targets import Params, Targets
from sfumato.augment.random_shadow import check_region
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, full_range, to_unit
from sfumato.errors import RangeError

__all__ = ["RandomSunFlare"]

REDUCED = 4
"""The soft glow is blurred at this part of the size."""


class RandomSunFlare(PixelTransform):
    """Let the sun shine into the lens: a sun with a halo, and reflections on a line through it.

    ``overlay`` mixes each disk in by its opacity. ``physics_based`` draws sun, spikes and disks
    on a layer of light, blurs it, red the most, lets it fade with the distance from the sun,
    and adds it as light does: white - (white - v) (white - layer) / white.

    Args:
        flare_roi: where the sun may stand, x0 y0 x1 y1 from 0 to 1.
        src_radius: of the halo in pixels.
        src_color: of the sun: red, green and blue, 0 to 255.
        angle_range: turns of the line, 0 to 1, drawn from here.
        num_flare_circles_range: how many reflections is drawn from here.
        method: which of the two.

    Raises:
        RangeError: an empty region or range.
        ShapeError: the picture has not three channels.

    Example:
        >>> out = RandomSunFlare(src_radius=10, p=1)(np.zeros((64, 64, 3), np.uint8), rng=0)
        >>> bool(out.max() > 200)
        True
    """

    flare_roi: Annotated[tuple[float, float, float, float], Between(0.0, 1.0)] = (
        0.0, 0.0, 1.0, 0.5,
    )  # fmt: skip
    src_radius: Annotated[int, Between(2, 100000)] = 400
    src_color: Annotated[tuple[int, ...], Between(0, 255)] = (255, 255, 255)
    angle_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.0, 1.0)
    num_flare_circles_range: Annotated[tuple[int, int], Between(0, 1000)] = (6, 10)
    method: Literal["overlay", "physics_based"] = "overlay"

    legacy = {
        "angle_lower": ("angle_range", 0),
        "angle_upper": ("angle_range", 1),
        "num_flare_circles_lower": ("num_flare_circles_range", 0),
        "num_flare_circles_upper": ("num_flare_circles_range", 1),
    }
    order_1_3 = (
        "flare_roi", "angle_lower", "angle_upper", "num_flare_circles_lower",
        "num_flare_circles_upper", "src_radius", "src_color", "p",
    )  # fmt: skip
    channels = (3,)
    blind = True

    def check(self) -> None:
        check_region(self.flare_roi, "RandomSunFlare.flare_roi")
        if len(self.src_color) != 3:
            raise RangeError(f"RandomSunFlare.src_color: needs 3 values, got {self.src_color}")
        if self.num_flare_circles_range[0] > self.num_flare_circles_range[1]:
            raise RangeError(
                f"RandomSunFlare.num_flare_circles_range: {self.num_flare_circles_range} is empty"
            )

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        x0, y0, x1, y1 = self.flare_roi
        x, y = rng.uniform(x0, x1) * width, rng.uniform(y0, y1) * height
        angle = 2.0 * math.pi * rng.uniform(*self.angle_range)
        low, high = self.num_flare_circles_range
        reach = math.hypot(height, width)
        circles = []
        for _ in range(int(rng.integers(low, high + 1))):
            away = rng.uniform(-1.0, 1.0) * reach
            radius = max(int(rng.uniform(0.0, 1.0) ** 3 * max(height, width) / 4.0), 1)
            color = [int(rng.integers(max(c - 50, 0), c + 1)) for c in self.src_color]
            center = [round(x + away * math.cos(angle)), round(y + away * math.sin(angle))]
            circles.append([rng.uniform(0.05, 0.2), center, radius, color])
        return {"sun": [round(x), round(y)], "circles": circles}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "RandomSunFlare", (3,))
        if self.method == "overlay":
            return self._overlaid(image, params)
        light = self._light(image.shape[0], image.shape[1], params)
        unit = to_unit(image)
        return from_unit(1.0 - (1.0 - unit) * (1.0 - light), image.dtype)

    def _overlaid(self, image: Image, params: Params) -> Image:
        white = full_range(image.dtype)
        out = image.copy(order="C")
        for opacity, center, radius, color in params["circles"]:
            tint = tuple(c * white / 255.0 for c in color)
            left, top = max(center[0] - radius, 0), max(center[1] - radius, 0)
            part = out[top : max(center[1] + radius + 1, 0), left : max(center[0] + radius + 1, 0)]
            if part.size == 0:
                continue
            disk = np.array(part, order="C")
            cv2.circle(disk, (center[0] - left, center[1] - top), radius, tint, -1)
            part[...] = cv2.addWeighted(
                disk, opacity, np.ascontiguousarray(part), 1.0 - opacity, 0.0
            ).reshape(part.shape)
        distance = _distance(image.shape[0], image.shape[1], params["sun"])
        kept = np.sqrt(np.minimum(distance * np.float32(1.0 / self.src_radius), 1.0))[..., None]
        color = np.array(self.src_color, np.float32) * np.float32(white / 255.0)
        return mix_field(out, kept, (1 - kept) * color)

    def _light(self, height: int, width: int, params: Params) -> NDArray[np.float32]:
        small = max(height // REDUCED, 1), max(width // REDUCED, 1)
        layer = np.zeros((*small, 3), np.float32)
        x, y = (round(place / REDUCED) for place in params["sun"])
        radius = max(self.src_radius // (4 * REDUCED), 1)
        color = tuple(c / 255.0 for c in self.src_color)
        for k in range(4):  # spikes of a diaphragm of eight blades
            turn = k * math.pi / 4.0
            step = (round(3 * radius * math.cos(turn)), round(3 * radius * math.sin(turn)))
            cv2.line(layer, (x - step[0], y - step[1]), (x + step[0], y + step[1]), color, 1)
        cv2.circle(layer, (x, y), radius, color, -1)
        for opacity, center, size, tint in params["circles"]:
            disk = np.zeros_like(layer)
            shown = tuple(c / 255.0 * opacity for c in tint)
            place = (round(center[0] / REDUCED), round(center[1] / REDUCED))
            cv2.circle(disk, place, max(size // REDUCED, 1), shown, -1)
            layer = np.maximum(layer, disk)
        # Red is bent the least by the lens and spread the most by its coating.
        planes = [
            cv2.GaussianBlur(np.ascontiguousarray(layer[..., c]), (0, 0), sigma / REDUCED)
            for c, sigma in enumerate((20.0, 17.0, 15.0))
        ]
        full = cv2.resize(np.stack(planes, axis=-1), (width, height))
        distance = _distance(height, width, params["sun"])
        fade = np.maximum(1.0 - distance / np.float32(max(height, width)), 0.0)
        lit: Any = full * fade[..., None]
        return lit  # type: ignore[no-any-return]


def _distance(height: int, width: int, center: list[int]) -> NDArray[np.float32]:
    x = (np.arange(width, dtype=np.float32) - center[0]) ** 2
    y = (np.arange(height, dtype=np.float32) - center[1]) ** 2
    return np.sqrt(x + y[:, None])  # type: ignore[no-any-return]
