"""Lay clouds of shadow, or of light and contrast, over a picture."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._chance import add_field, draw_seed, mix_field, multiply_field
from sfumato.augment._plasma import plasma
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["PlasmaBrightnessContrast", "PlasmaShadow"]

Size = Annotated[int, Between(1, 1 << 16)]
Roughness = Annotated[float, Between(1e-3, 1e3)]
Signed = Annotated[tuple[float, float], Between(-1.0, 1.0)]


class PlasmaShadow(PixelTransform):
    """Darken a picture by a cloud P of the diamond-square algorithm: out = v (1 - s P).

    Args:
        shadow_intensity_range: s is drawn from here.
        plasma_size: kept for albumentations, which does not use it either.
        roughness: how fast the noise grows from halving to halving; below 1 gives clouds,
            above 1 fine grain.

    Example:
        >>> out = PlasmaShadow((0.5, 0.5), p=1)(np.full((9, 9, 1), 100, np.uint8), rng=0)
        >>> int(out.min()), int(out.max())
        (50, 100)

    References:
        A. Fournier, D. Fussell, L. Carpenter. Computer Rendering of Stochastic Models.
        Communications of the ACM, 1982. doi:10.1145/358523.358553
    """

    shadow_intensity_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.3, 0.7)
    plasma_size: Size = 256
    roughness: Roughness = 3.0

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"intensity": rng.uniform(*self.shadow_intensity_range), "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        cloud = plasma(image.shape[0], image.shape[1], self.roughness, params["seed"])
        return multiply_field(image, (1 - np.float32(params["intensity"]) * cloud)[..., None])


class PlasmaBrightnessContrast(PixelTransform):
    """Vary brightness and contrast from place to place by a cloud P.

    First v + b P white, then m + (v - m) (1 + c P), where m is the mean of what the first gave.

    Args:
        brightness_range: b is drawn from here.
        contrast_range: c is drawn from here.
        plasma_size: kept for albumentations, which does not use it either.
        roughness: as in `PlasmaShadow`.

    Example:
        >>> op = PlasmaBrightnessContrast((0.5, 0.5), (0, 0), p=1)
        >>> out = op(np.full((9, 9, 1), 0.25, np.float32), rng=0)
        >>> float(out.min()), float(out.max())
        (0.25, 0.75)
    """

    brightness_range: Signed = (-0.3, 0.3)
    contrast_range: Signed = (-0.3, 0.3)
    plasma_size: Size = 256
    roughness: Roughness = 3.0

    def draw(self, rng: Rng, targets: Targets) -> Params:
        brightness = rng.uniform(*self.brightness_range)
        contrast = rng.uniform(*self.contrast_range)
        return {"brightness": brightness, "contrast": contrast, "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        white = full_range(image.dtype)
        cloud = plasma(image.shape[0], image.shape[1], self.roughness, params["seed"])[..., None]
        shift = cloud * np.float32(params["brightness"] * white)
        contrast = np.float32(params["contrast"])
        lit = add_field(image, shift)
        if contrast == 0.0:
            return lit
        mean = np.float32(lit.mean(dtype=np.float64))
        return mix_field(lit, 1 + contrast * cloud, cloud * (-mean * contrast))
