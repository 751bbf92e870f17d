"""Let edges ring."""

from __future__ import annotations

import math
from typing import Annotated

from sfumato.augment._kernels import KernelSize, check_odd, convolve, draw_odd, sinc
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["RingingOvershoot"]


class RingingOvershoot(PixelTransform):
    """Let edges ring, as too hard a low pass does.

    The kernel is c J1(c r) / (2 pi r), the low pass that ends at c radians a pixel in all
    directions, cut off at a size.

    Args:
        blur_limit: side of the kernel in pixels, an odd number drawn from here.
        cutoff: c is drawn from here.

    Raises:
        RangeError: no odd number from 3 on in the range.

    Example:
        >>> edge = np.float32([[0.2] * 8 + [0.8] * 8] * 8)
        >>> bool(RingingOvershoot(p=1)(edge).max() > 0.8)
        True
    """

    blur_limit: KernelSize = (7, 15)
    cutoff: Annotated[tuple[float, float], Between(1e-3, math.pi)] = (math.pi / 4, math.pi / 2)

    shorthand = {"blur_limit": from_low(3)}
    blind = True

    def check(self) -> None:
        check_odd(self.blur_limit, "RingingOvershoot.blur_limit")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"size": draw_odd(rng, self.blur_limit), "cutoff": rng.uniform(*self.cutoff)}

    def change_image(self, image: Image, params: Params) -> Image:
        return convolve(image, sinc(params["size"], params["cutoff"]))
