"""Bend the tones by an S-curve."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._levels import apply_table
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["RandomToneCurve"]


class RandomToneCurve(PixelTransform):
    """Bend the tones by a random S-curve.

    The curve is the Bezier curve of 0, a, b, 1: with v the value on the unit range
    out = 3 (1 - v)^2 v a + 3 (1 - v) v^2 b + v^3, where a is drawn about 1/4, b about 3/4.

    Args:
        scale: standard deviation of a and b, which are then clipped to the unit range.
        per_channel: draw a curve for each channel.

    Example:
        >>> RandomToneCurve(scale=0, p=1)(np.full((1, 1, 1), 0.5, np.float32)).item()
        0.5

    References:
        M. Afifi, M. S. Brown. What Else Can Fool Deep Learning? Addressing Color Constancy
        Errors on Deep Neural Network Performance. ICCV 2019. arXiv:1912.06960
    """

    scale: Annotated[float, Between(0.0, 1.0)] = 0.1
    per_channel: bool = False

    def draw(self, rng: Rng, targets: Targets) -> Params:
        count = targets.image.shape[2] if self.per_channel else 1
        low = np.clip(rng.normal(0.25, self.scale, count), 0.0, 1.0)
        high = np.clip(rng.normal(0.75, self.scale, count), 0.0, 1.0)
        return {"low_y": low.tolist(), "high_y": high.tolist()}

    def change_image(self, image: Image, params: Params) -> Image:
        low, high = np.array(params["low_y"]), np.array(params["high_y"])
        if image.dtype == np.float32:
            curved = _bezier(image, low.astype(np.float32), high.astype(np.float32))
            return np.clip(curved, 0.0, 1.0)
        white = full_range(image.dtype)
        levels = np.linspace(0.0, 1.0, int(white) + 1)[:, None]
        table = np.rint(np.clip(_bezier(levels, low, high) * white, 0.0, white))
        return apply_table(image, table.astype(image.dtype))


def _bezier(value: NDArray[np.floating], low: Image, high: Image) -> Image:
    rest = 1.0 - value
    curved: Image = value * (3.0 * rest * (rest * low + value * high) + value * value)
    return curved
