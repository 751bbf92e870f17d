"""Blur a picture by a Gaussian."""

from __future__ import annotations

from typing import Annotated

from sfumato.augment._kernels import KernelSize, draw_odd, gaussian_blur
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import RangeError

__all__ = ["GaussianBlur"]

REACH = 3.5
"""Deviations after which the kernel ends, where no size is given."""


class GaussianBlur(PixelTransform):
    """Blur a picture by a Gaussian.

    Args:
        blur_limit: side of the kernel in pixels, an odd number drawn from here; 0 for 3.5
            deviations on both sides.
        sigma_limit: deviation in pixels, drawn from here; 0 for what OpenCV takes for the size,
            0.3 ((size - 1) / 2 - 1) + 0.8.

    Raises:
        RangeError: size and deviation are both 0.

    Example:
        >>> GaussianBlur(p=1)(np.full((4, 4, 3), 9, np.uint8)).max()
        np.uint8(9)
    """

    blur_limit: KernelSize = (0, 0)
    sigma_limit: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.5, 3.0)

    shorthand = {"blur_limit": from_low(0), "sigma_limit": from_low(0)}
    defaults_1_3 = {"blur_limit": (3, 7), "sigma_limit": (0.0, 0.0)}
    blind = True

    def check(self) -> None:
        low, high = self.blur_limit
        if low > high or self.sigma_limit[0] > self.sigma_limit[1]:
            raise RangeError(f"GaussianBlur: an empty range, {self.blur_limit}, {self.sigma_limit}")
        if high == 0 and self.sigma_limit[1] == 0.0:
            raise RangeError("GaussianBlur: blur_limit and sigma_limit cannot both be 0")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        sigma = rng.uniform(*self.sigma_limit)
        low, high = self.blur_limit
        size = 0 if high == 0 else draw_odd(rng, (max(low, 1), high))
        if size == 0:
            size = int(sigma * REACH) * 2 + 1
        return {"size": size, "sigma": sigma}

    def change_image(self, image: Image, params: Params) -> Image:
        return gaussian_blur(image, params["size"], params["sigma"])
