"""Turn single pixels white or black."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._chance import draw_seed
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["SaltAndPepper"]

Share = Annotated[tuple[float, float], Between(0.0, 1.0)]


class SaltAndPepper(PixelTransform):
    """Turn single pixels white or black in all their channels.

    Exactly the whole part of ``amount salt_vs_pepper h w`` pixels turn white, and likewise black.

    Args:
        amount: the share of pixels is drawn from here.
        salt_vs_pepper: the share of white among them is drawn from here.

    Example:
        >>> out = SaltAndPepper((0.5, 0.5), (0.5, 0.5), p=1)(np.full((8, 8, 1), 9, np.uint8), rng=0)
        >>> np.unique(out, return_counts=True)
        (array([  0,   9, 255], dtype=uint8), array([16, 32, 16]))
    """

    amount: Share = (0.01, 0.06)
    salt_vs_pepper: Share = (0.4, 0.6)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        amount, salt = rng.uniform(*self.amount), rng.uniform(*self.salt_vs_pepper)
        return {"amount": amount, "salt": salt, "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        height, width, channels = image.shape
        count = height * width
        white = int(count * params["amount"] * params["salt"])
        black = int(count * params["amount"] * (1.0 - params["salt"]))
        rng = np.random.default_rng(params["seed"])
        # Without replacement, and already in random order where few are wanted of many.
        places = rng.choice(count, white + black, replace=False)
        out = image.copy(order="C")
        flat = out.reshape(count, channels)
        flat[places[:white]] = full_range(image.dtype)
        flat[places[white:]] = 0
        return out
