"""Blur a picture by a turned, uneven, grainy bell."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._chance import draw_seed
from sfumato.augment._kernels import KernelSize, bell, check_odd, convolve, draw_odd
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low, symmetric
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import RangeError

__all__ = ["AdvancedBlur"]

SMALLEST_SIGMA = 1e-3


class AdvancedBlur(PixelTransform):
    """Blur a picture by a turned, uneven, grainy bell.

    The kernel is exp(-d^(2 beta) / 2), d the distance in deviations along two turned axes; each
    of its values is then multiplied by a number of its own.

    Args:
        blur_limit: side of the kernel in pixels, an odd number drawn from here.
        sigma_x_limit: deviation along the first axis in pixels, drawn from here.
        sigma_y_limit: along the second.
        rotate_limit: degrees, drawn from here.
        beta_limit: drawn from here, below and above 1 (the Gaussian) equally often.
        noise_limit: the numbers are drawn from here.

    Raises:
        RangeError: no odd number from 3 on, both deviations 0, or beta not on both sides of 1.

    Example:
        >>> AdvancedBlur(p=1)(np.full((4, 4, 3), 9, np.uint8)).max()
        np.uint8(9)

    References:
        X. Wang, L. Xie, C. Dong, Y. Shan. Real-ESRGAN: Training Real-World Blind
        Super-Resolution with Pure Synthetic Data. ICCV Workshops 2021. arXiv:2107.10833
    """

    blur_limit: KernelSize = (3, 7)
    sigma_x_limit: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.2, 1.0)
    sigma_y_limit: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.2, 1.0)
    rotate_limit: Annotated[tuple[float, float], Between(-360.0, 360.0)] = (-90.0, 90.0)
    beta_limit: Annotated[tuple[float, float], Between(1e-3, 1e3)] = (0.5, 8.0)
    noise_limit: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.9, 1.1)

    legacy = {"sigmaX_limit": "sigma_x_limit", "sigmaY_limit": "sigma_y_limit"}
    shorthand = {
        "blur_limit": from_low(3),
        "sigma_x_limit": from_low(0),
        "sigma_y_limit": from_low(0),
        "rotate_limit": symmetric,
        "beta_limit": from_low(1),
        "noise_limit": from_low(1),
    }
    blind = True

    def check(self) -> None:
        check_odd(self.blur_limit, "AdvancedBlur.blur_limit")
        if self.sigma_x_limit[1] == 0.0 and self.sigma_y_limit[1] == 0.0:
            raise RangeError("AdvancedBlur: sigma_x_limit and sigma_y_limit cannot both be 0")
        if not self.beta_limit[0] <= 1.0 <= self.beta_limit[1]:
            raise RangeError(
                f"AdvancedBlur.beta_limit: {self.beta_limit} must reach from below 1 up"
            )

    def draw(self, rng: Rng, targets: Targets) -> Params:
        low, high = self.beta_limit
        return {
            "size": draw_odd(rng, self.blur_limit),
            "sigmas": [rng.uniform(*self.sigma_x_limit), rng.uniform(*self.sigma_y_limit)],
            "angle": rng.uniform(*self.rotate_limit),
            "beta": rng.uniform(low, 1.0) if rng.random() < 0.5 else rng.uniform(1.0, high),
            "seed": draw_seed(rng),
        }

    def change_image(self, image: Image, params: Params) -> Image:
        along, across = (max(sigma, SMALLEST_SIGMA) for sigma in params["sigmas"])
        kernel = bell(params["size"], along, across, params["angle"], params["beta"])
        rng = np.random.default_rng(params["seed"])
        grainy = kernel * rng.uniform(*self.noise_limit, kernel.shape)
        return convolve(image, grainy / grainy.sum())
