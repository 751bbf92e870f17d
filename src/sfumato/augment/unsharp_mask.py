"""Make edges crisper where there is more than noise."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._kernels import KernelSize, draw_odd
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range
from sfumato.errors import RangeError

__all__ = ["UnsharpMask"]


class UnsharpMask(PixelTransform):
    """Make edges crisper where there is more than noise.

    With d = v - blur(v): sharp = v + a d, ended at black and white. Where d is farther from 0
    than the threshold a mask is 1, else 0; blurred in the same way it says how much of sharp
    is taken.

    Args:
        blur_limit: side of the Gaussian in pixels, an odd number drawn from here; 0 for one
            that suits the deviation.
        sigma_limit: deviation in pixels, drawn from here; 0 for what OpenCV takes for the size.
        alpha: a is drawn from here.
        threshold: in levels of 8 bits.

    Raises:
        RangeError: size and deviation are both 0.

    Example:
        >>> edge = np.uint8([[50, 50, 50, 90, 90, 90]] * 6)
        >>> bool(UnsharpMask(p=1)(edge, 0)[3, 3] > 90)
        True
    """

    blur_limit: KernelSize = (3, 7)
    sigma_limit: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.0, 0.0)
    alpha: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.2, 0.5)
    threshold: Annotated[int, Between(0, 255)] = 10

    shorthand = {
        "blur_limit": from_low(3),
        "sigma_limit": from_low(0),
        "alpha": from_low(0),
    }
    blind = True

    def check(self) -> None:
        if self.blur_limit[1] == 0 and self.sigma_limit[1] == 0.0:
            raise RangeError("UnsharpMask: blur_limit and sigma_limit cannot both be 0")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        low, high = self.blur_limit
        return {
            "size": 0 if high == 0 else draw_odd(rng, (max(low, 1), high)),
            "sigma": rng.uniform(*self.sigma_limit),
            "alpha": rng.uniform(*self.alpha),
        }

    def change_image(self, image: Image, params: Params) -> Image:
        white = full_range(image.dtype)
        size = (params["size"],) * 2
        image = np.ascontiguousarray(image)
        floats = image.astype(np.float32)
        blurred = cv2.GaussianBlur(floats, size, params["sigma"]).reshape(image.shape)
        mask = np.empty(image.shape, np.uint8)
        _mark(floats, blurred, np.float32(self.threshold * white / 255.0), mask)
        share = cv2.GaussianBlur(mask, size, params["sigma"]).reshape(image.shape)
        out = np.empty(image.shape, image.dtype)
        half = np.float32(0.0 if image.dtype == np.float32 else 0.5)
        alpha = np.float32(params["alpha"])
        _sharpen(floats, blurred, share, alpha, np.float32(white), half, out)
        return out


@compiled
def _mark(values: Any, blurred: Any, threshold: float, mask: Any) -> None:
    flat, soft, to = values.reshape(-1), blurred.reshape(-1), mask.reshape(-1)
    for i in range(flat.size):
        to[i] = 255 if abs(flat[i] - soft[i]) > threshold else 0


@compiled
def _sharpen(  # noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
    values: Any, blurred: Any, share: Any, alpha: float, white: float, half: float, out: Any
) -> None:
    flat, soft, part, to = (
        values.reshape(-1), blurred.reshape(-1), share.reshape(-1), out.reshape(-1),
    )  # fmt: skip
    zero, scale = np.float32(0.0), np.float32(1.0 / 255.0)
    for i in range(flat.size):
        value = flat[i]
        sharp = min(max(value + alpha * (value - soft[i]), zero), white)
        mixed = value + np.float32(part[i]) * scale * (sharp - value)
        to[i] = mixed + half
