"""Make edges crisper."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from sfumato.augment._kernels import convolve, gaussian_blur
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import RangeError

__all__ = ["Sharpen"]


class Sharpen(PixelTransform):
    """Make edges crisper.

    With a the drawn amount: ``kernel`` convolves with (1 - a) I + a (L + l I), L the Laplacian
    of all eight neighbors; ``gaussian`` gives v + a (v - blur(v)).

    Args:
        alpha: a is drawn from here.
        lightness: l is drawn from here, for the method ``kernel``.
        method: which of the two.
        kernel_size: side of the Gaussian in pixels, odd, for the method ``gaussian``.
        sigma: deviation of the Gaussian in pixels.

    Raises:
        RangeError: an even ``kernel_size``.

    Example:
        >>> edge = np.uint8([[50, 50, 90, 90]] * 4)
        >>> Sharpen(method="gaussian", p=1)(edge)[0, 2] > 90
        np.True_
    """

    alpha: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.2, 0.5)
    lightness: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.5, 1.0)
    method: Literal["kernel", "gaussian"] = "kernel"
    kernel_size: Annotated[int, Between(3, 1001)] = 5
    sigma: Annotated[float, Between(1e-3, 1e3)] = 1.0

    blind = True

    def check(self) -> None:
        if self.kernel_size % 2 == 0:
            raise RangeError(f"Sharpen.kernel_size: must be odd, got {self.kernel_size}")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"alpha": rng.uniform(*self.alpha), "lightness": rng.uniform(*self.lightness)}

    def change_image(self, image: Image, params: Params) -> Image:
        alpha = params["alpha"]
        if self.method == "kernel":
            edges = np.full((3, 3), -1.0, np.float32)
            edges[1, 1] = 8.0 + params["lightness"]
            same = np.zeros((3, 3), np.float32)
            same[1, 1] = 1.0
            return convolve(image, (1.0 - alpha) * same + alpha * edges)
        blurred = gaussian_blur(image, self.kernel_size, self.sigma)
        out: Image = cv2.addWeighted(image, 1.0 + alpha, blurred, -alpha, 0.0).reshape(image.shape)
        return np.clip(out, 0.0, 1.0) if image.dtype == np.float32 else out
