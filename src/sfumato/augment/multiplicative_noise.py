"""Multiply values by numbers about one."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._chance import draw_seed, multiply_field, uniform_field
from sfumato.augment._levels import scale_by_channel
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["MultiplicativeNoise"]


def _as_range(value: Any) -> Any:
    return (value, value) if isinstance(value, (int, float)) else value


class MultiplicativeNoise(PixelTransform):
    """Multiply values by numbers about one; integers are rounded down.

    Args:
        multiplier: the numbers are drawn from here; a bare one is exactly that.
        per_channel: each channel has its own.
        elementwise: each pixel has its own.

    Example:
        >>> MultiplicativeNoise(0.5, p=1)(np.full((1, 1, 1), 100, np.uint8)).item()
        50
    """

    multiplier: Annotated[tuple[float, float], Between(0.0, 1e4)] = (0.9, 1.1)
    per_channel: bool = False
    elementwise: bool = False

    shorthand = {"multiplier": _as_range}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        if self.elementwise:
            return {"seed": draw_seed(rng)}
        count = targets.image.shape[2] if self.per_channel else 1
        return {"multiplier": rng.uniform(*self.multiplier, count).tolist()}

    def change_image(self, image: Image, params: Params) -> Image:
        if "multiplier" in params:
            return scale_by_channel(image, np.array(params["multiplier"], np.float32))
        low, high = self.multiplier
        shape = (*image.shape[:2], image.shape[2] if self.per_channel else 1)
        field = uniform_field(params["seed"], shape) * np.float32(high - low) + np.float32(low)
        return multiply_field(image, field)
