"""Throw shadows with straight edges."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._levels import scale_by_channel
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import RangeError

__all__ = ["RandomShadow"]


class RandomShadow(PixelTransform):
    """Throw shadows: polygons in which values are multiplied by 1 - s.

    Args:
        shadow_roi: where the corners may lie, x0 y0 x1 y1 from 0 to 1.
        num_shadows_limit: how many is drawn from here.
        shadow_dimension: how many corners each has.
        shadow_intensity_range: s is drawn from here, for each.

    Raises:
        RangeError: an empty region or range.

    Example:
        >>> out = RandomShadow(p=1)(np.full((32, 32, 3), 100, np.uint8), rng=0)
        >>> sorted({int(v) for v in out.ravel()})[-1]
        100
    """

    shadow_roi: Annotated[tuple[float, float, float, float], Between(0.0, 1.0)] = (
        0.0, 0.5, 1.0, 1.0,
    )  # fmt: skip
    num_shadows_limit: Annotated[tuple[int, int], Between(1, 1000)] = (1, 2)
    shadow_dimension: Annotated[int, Between(3, 1000)] = 5
    shadow_intensity_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.5, 0.5)

    legacy = {
        "num_shadows_lower": ("num_shadows_limit", 0),
        "num_shadows_upper": ("num_shadows_limit", 1),
    }
    order_1_3 = (
        "shadow_roi", "num_shadows_lower", "num_shadows_upper", "shadow_dimension", "p",
    )  # fmt: skip
    blind = True

    def check(self) -> None:
        check_region(self.shadow_roi, "RandomShadow.shadow_roi")
        if self.num_shadows_limit[0] > self.num_shadows_limit[1]:
            raise RangeError(f"RandomShadow.num_shadows_limit: {self.num_shadows_limit} is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        x0, y0, x1, y1 = pixels_of(self.shadow_roi, targets.size)
        low, high = self.num_shadows_limit
        shadows = []
        for _ in range(int(rng.integers(low, high + 1))):
            x = rng.integers(x0, max(x1, x0 + 1), self.shadow_dimension)
            y = rng.integers(y0, max(y1, y0 + 1), self.shadow_dimension)
            shadows.append(np.stack([x, y], axis=1).tolist())
        strengths = rng.uniform(*self.shadow_intensity_range, len(shadows)).tolist()
        return {"shadows": shadows, "intensities": strengths}

    def change_image(self, image: Image, params: Params) -> Image:
        out = image.copy(order="C")
        for corners, strength in zip(params["shadows"], params["intensities"], strict=True):
            polygon = np.array(corners, np.int32)
            left, top = polygon.min(axis=0)
            right, bottom = polygon.max(axis=0) + 1
            part = out[top:bottom, left:right]
            inside = np.zeros(part.shape[:2], np.uint8)
            cv2.fillPoly(inside, [polygon - (left, top)], 1)
            dark = scale_by_channel(part, np.array([1.0 - strength], np.float32))
            if part.shape[2] <= 4:
                cv2.copyTo(dark, inside, part)
            else:
                np.copyto(part, dark, where=inside[..., None] != 0)
        return out


def check_region(region: tuple[float, float, float, float], who: str) -> None:
    """Raise `RangeError` where a region x0 y0 x1 y1 is empty."""
    x0, y0, x1, y1 = region
    if x0 >= x1 or y0 >= y1:
        raise RangeError(f"{who}: {region} is empty", hint="x0 y0 x1 y1 with x0 < x1 and y0 < y1")


def pixels_of(
    region: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Give a region of shares in pixels."""
    height, width = size
    x0, y0, x1, y1 = region
    return int(x0 * width), int(y0 * height), int(x1 * width), int(y1 * height)
