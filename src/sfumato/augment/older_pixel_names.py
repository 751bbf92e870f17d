"""Names of transforms of values that albumentations 1.3 had and 2.0 dropped."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._chance import add_field, add_normal, draw_seed, normal_field
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.emboss import Emboss
from sfumato.augment.sharpen import Sharpen
from sfumato.augment.superpixels import Superpixels
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["IAAAdditiveGaussianNoise", "IAAEmboss", "IAASharpen", "IAASuperpixels"]


class IAAEmboss(Emboss):
    """`Emboss` under its older name."""


class IAASharpen(Sharpen):
    """`Sharpen` under its older name."""


class IAASuperpixels(Superpixels):
    """`Superpixels` under its older name."""


class IAAAdditiveGaussianNoise(PixelTransform):
    """Add noise of the normal law, in levels of 8 bits; `GaussNoise` does the same and more.

    Args:
        loc: mean of the noise.
        scale: its deviation is drawn from here.
        per_channel: draw anew for each channel.

    Example:
        >>> IAAAdditiveGaussianNoise(p=1)(np.full((4, 4, 3), 90, np.uint8)).shape
        (4, 4, 3)
    """

    loc: Annotated[float, Between(-255.0, 255.0)] = 0.0
    scale: Annotated[tuple[float, float], Between(0.0, 255.0)] = (2.55, 12.75)
    per_channel: bool = False

    shorthand = {"scale": from_low(0)}
    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"std": rng.uniform(*self.scale), "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        level = full_range(image.dtype) / 255.0
        mean, std = self.loc * level, params["std"] * level
        if self.per_channel:
            return add_normal(image, mean, std, params["seed"])
        noise = normal_field(params["seed"], (*image.shape[:2], 1))
        return add_field(image, noise * np.float32(std) + np.float32(mean))
