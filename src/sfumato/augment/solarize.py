"""Invert the bright part of a picture."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._levels import apply_table
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["Solarize"]


def _share_of_white(threshold: Any) -> Any:
    ends = (threshold, threshold) if isinstance(threshold, (int, float)) else threshold
    return tuple(end / 255 for end in ends)


class Solarize(PixelTransform):
    """Invert every value from a threshold up, as over-exposed film does.

    Args:
        threshold_range: the threshold, a share of white, is drawn from here once a call.

    Example:
        >>> Solarize(threshold_range=(0.5, 0.5), p=1)(np.full((1, 1, 1), 0.75, np.float32)).item()
        0.25
    """

    threshold_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.5, 0.5)

    legacy = {"threshold": ("threshold_range", _share_of_white)}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"threshold": rng.uniform(*self.threshold_range)}

    def change_image(self, image: Image, params: Params) -> Image:
        white = full_range(image.dtype)
        threshold = params["threshold"] * white
        if image.dtype != np.float32:
            levels = np.arange(int(white) + 1)
            table = np.where(levels < threshold, levels, levels[::-1])
            return apply_table(image, table.astype(image.dtype))
        mirrored = np.asarray(white, image.dtype) - image
        return np.where(image < threshold, image, mirrored)
