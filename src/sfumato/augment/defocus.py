"""Blur a picture as a lens out of focus does."""

from __future__ import annotations

from typing import Annotated

from sfumato.augment._kernels import convolve, disk
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import RangeError

__all__ = ["Defocus"]


class Defocus(PixelTransform):
    """Blur a picture as a lens out of focus does: every point becomes a disk.

    Args:
        radius: of the disk in pixels, a whole number drawn from here.
        alias_blur: deviation in pixels of the Gaussian that softens the rim, drawn from here.

    Raises:
        RangeError: an empty range.

    Example:
        >>> Defocus(p=1)(np.full((4, 4, 3), 9, np.uint8)).max()
        np.uint8(9)
    """

    radius: Annotated[tuple[int, int], Between(1, 500)] = (3, 10)
    alias_blur: Annotated[tuple[float, float], Between(0.0, 100.0)] = (0.1, 0.5)

    shorthand = {"radius": from_low(1), "alias_blur": from_low(0)}
    blind = True

    def check(self) -> None:
        if self.radius[0] > self.radius[1]:
            raise RangeError(f"Defocus.radius: the range {self.radius} is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        low, high = self.radius
        return {
            "radius": int(rng.integers(low, high + 1)),
            "alias_blur": rng.uniform(*self.alias_blur),
        }

    def change_image(self, image: Image, params: Params) -> Image:
        return convolve(image, disk(params["radius"], params["alias_blur"]))
