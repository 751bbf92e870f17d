"""Blur a picture as a lens that is zoomed during the exposure does."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range
from sfumato.errors import RangeError

__all__ = ["ZoomBlur"]


def _as_range(value: Any) -> Any:
    return (value, value) if isinstance(value, (int, float)) else value


class ZoomBlur(PixelTransform):
    """Blur a picture as a lens that is zoomed during the exposure does.

    The result is the mean of the picture and of itself, enlarged about its middle by the
    factors 1, 1 + step, 1 + 2 step and so on, below the greatest.

    Args:
        max_factor: the greatest factor is drawn from here.
        step_factor: the step is drawn from here; a bare number is exactly that.

    Raises:
        RangeError: an empty range.

    Example:
        >>> ZoomBlur(p=1)(np.full((16, 16, 3), 9, np.uint8)).max()
        np.uint8(9)

    References:
        D. Hendrycks, T. Dietterich. Benchmarking Neural Network Robustness to Common
        Corruptions and Perturbations. ICLR 2019. arXiv:1903.12261
    """

    max_factor: Annotated[tuple[float, float], Between(1.0, 100.0)] = (1.0, 1.31)
    step_factor: Annotated[tuple[float, float], Between(1e-3, 10.0)] = (0.01, 0.03)

    shorthand = {"max_factor": from_low(1), "step_factor": _as_range}
    blind = True

    def check(self) -> None:
        for name in ("max_factor", "step_factor"):
            low, high = getattr(self, name)
            if low > high:
                raise RangeError(f"ZoomBlur.{name}: the range ({low}, {high}) is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"most": rng.uniform(*self.max_factor), "step": rng.uniform(*self.step_factor)}

    def change_image(self, image: Image, params: Params) -> Image:
        height, width, channels = image.shape
        factors = np.arange(1.0, params["most"], params["step"])
        image = np.ascontiguousarray(image)
        total = image.astype(np.float32).reshape(height, width * channels)
        for factor in factors:
            tall, wide = math.ceil(height / factor), math.ceil(width / factor)
            top, left = (height - tall) // 2, (width - wide) // 2
            part = image[top : top + tall, left : left + wide]
            size = (int(wide * factor), int(tall * factor))
            enlarged = cv2.resize(part, size).reshape(size[1], size[0], channels)
            top, left = (enlarged.shape[0] - height) // 2, (enlarged.shape[1] - width) // 2
            middle = enlarged[top : top + height, left : left + width]
            cv2.accumulate(np.ascontiguousarray(middle).reshape(total.shape), total)
        total *= np.float32(1.0 / (len(factors) + 1))
        mean = total.reshape(image.shape)
        if image.dtype == np.float32:
            return mean
        return np.clip(np.rint(mean), 0.0, full_range(image.dtype)).astype(image.dtype)
