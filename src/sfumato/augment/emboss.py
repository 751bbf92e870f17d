"""Make a picture look like a relief."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._kernels import convolve
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["Emboss"]


class Emboss(PixelTransform):
    """Make a picture look like a relief lit from one corner.

    The kernel is (1 - a) I + a E, with E a derivative from the upper left to the lower right
    of the strength s beside the pixel itself.

    Args:
        alpha: a is drawn from here.
        strength: s is drawn from here.

    Example:
        >>> Emboss(p=1)(np.full((4, 4, 3), 90, np.uint8)).max()
        np.uint8(90)
    """

    alpha: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.2, 0.5)
    strength: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.2, 0.7)

    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"alpha": rng.uniform(*self.alpha), "strength": rng.uniform(*self.strength)}

    def change_image(self, image: Image, params: Params) -> Image:
        alpha, s = params["alpha"], params["strength"]
        relief = np.array([[-1 - s, -s, 0], [-s, 1, s], [0, s, 1 + s]], np.float32)
        kernel = np.float32(alpha) * relief
        kernel[1, 1] += np.float32(1.0 - alpha)
        return convolve(image, kernel)
