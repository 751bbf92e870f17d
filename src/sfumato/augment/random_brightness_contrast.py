"""Make a picture brighter or darker, and its contrast higher or lower."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np

from sfumato.augment._levels import apply_table, levels_of
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["RandomBrightness", "RandomBrightnessContrast", "RandomContrast"]


class RandomBrightnessContrast(PixelTransform):
    """Multiply all values by one number and add another.

    out = v (1 + contrast) + brightness m, where m is white, or the mean of the picture.

    Args:
        brightness_limit: the brightness is drawn from here.
        contrast_limit: the contrast is drawn from here.
        brightness_by_max: m is white; else the mean of the picture.
        ensure_safe_range: lessen the two so that no value needs to be clipped.

    Example:
        >>> op = RandomBrightnessContrast((0.1, 0.1), (0.5, 0.5), p=1)
        >>> round(op(np.full((1, 1, 1), 0.2, np.float32)).item(), 6)
        0.4
    """

    brightness_limit: Annotated[tuple[float, float], Between(-1.0, 1.0)] = (-0.2, 0.2)
    contrast_limit: Annotated[tuple[float, float], Between(-1.0, 1.0)] = (-0.2, 0.2)
    brightness_by_max: bool = True
    ensure_safe_range: bool = False

    order_1_3 = ("brightness_limit", "contrast_limit", "brightness_by_max", "p")
    shorthand = {"brightness_limit": symmetric, "contrast_limit": symmetric}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        contrast = rng.uniform(*self.contrast_limit)
        return {"alpha": 1.0 + contrast, "brightness": rng.uniform(*self.brightness_limit)}

    def change_image(self, image: Image, params: Params) -> Image:
        return _scale_and_shift(
            image, params, by_max=self.brightness_by_max, safe=self.ensure_safe_range
        )


class _Half(PixelTransform):
    """What 1.3 had beside `RandomBrightnessContrast`."""

    limit: Annotated[tuple[float, float], Between(-1.0, 1.0)] = (-0.2, 0.2)

    shorthand: ClassVar[Any] = {"limit": symmetric}

    def change_image(self, image: Image, params: Params) -> Image:
        return _scale_and_shift(image, params, by_max=False, safe=False)


class RandomBrightness(_Half):
    """Add a share of the mean of the picture to all values.

    A name of albumentations 1.3; `RandomBrightnessContrast` does the same and more.

    Args:
        limit: the share is drawn from here.

    Example:
        >>> round(RandomBrightness((0.5, 0.5), p=1)(np.full((1, 1, 1), 0.2, np.float32)).item(), 6)
        0.3
    """

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"alpha": 1.0, "brightness": rng.uniform(*self.limit)}


class RandomContrast(_Half):
    """Multiply all values by one number.

    A name of albumentations 1.3; `RandomBrightnessContrast` does the same and more.

    Args:
        limit: the number is 1 and a share that is drawn from here.

    Example:
        >>> round(RandomContrast((0.5, 0.5), p=1)(np.full((1, 1, 1), 0.2, np.float32)).item(), 6)
        0.3
    """

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"alpha": 1.0 + rng.uniform(*self.limit), "brightness": 0.0}


def _scale_and_shift(image: Image, params: Params, *, by_max: bool, safe: bool) -> Image:
    white = full_range(image.dtype)
    alpha, brightness = params["alpha"], params["brightness"]
    beta = brightness * white
    if not by_max and brightness != 0.0:
        beta = brightness * float(image.mean(dtype=np.float64))
    if safe:
        # Black must not fall below 0, nor white rise above itself.
        beta = min(max(beta, 0.0), white)
        alpha = min(alpha, (white - beta) / white)
    if image.dtype == np.float32:
        return np.clip(image * np.float32(alpha) + np.float32(beta), 0.0, 1.0)  # type: ignore[no-any-return]
    table = np.clip(levels_of(image) * np.float32(alpha) + np.float32(beta), 0.0, white)
    return apply_table(image, table.astype(image.dtype))
