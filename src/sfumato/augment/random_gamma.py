"""Bend the tones by a power law."""

from __future__ import annotations

import functools
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._levels import apply_table
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["RandomGamma"]


class RandomGamma(PixelTransform):
    """Bend the tones by a power law: out = in^gamma on the unit range.

    Args:
        gamma_limit: 100 gamma is drawn from here; below 100 is brighter, above darker.

    Example:
        >>> RandomGamma(gamma_limit=(200, 200), p=1)(np.full((1, 1, 1), 0.5, np.float32)).item()
        0.25
    """

    gamma_limit: Annotated[tuple[float, float], Between(1e-3, 1e5)] = (80.0, 120.0)

    legacy = {"eps": None}
    shorthand = {"gamma_limit": from_low(1)}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"gamma": rng.uniform(*self.gamma_limit) / 100.0}

    def change_image(self, image: Image, params: Params) -> Image:
        gamma = params["gamma"]
        if image.dtype == np.float32:
            return cv2.pow(image, gamma).reshape(image.shape)  # type: ignore[no-any-return]
        white = int(full_range(image.dtype))
        return apply_table(image, (_units(white) ** gamma * white).astype(image.dtype))


@functools.cache
def _units(white: int) -> NDArray[np.float64]:
    return np.arange(white + 1) / white
