"""Strew gravel over a picture."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._chance import draw_seed
from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._targets import Params, Targets
from sfumato.augment.random_shadow import check_region, pixels_of
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, full_range, to_unit

__all__ = ["RandomGravel"]

LARGEST = 3


class RandomGravel(PixelTransform):
    """Strew gravel over a picture: small squares of some lightness of their own (HLS model).

    Args:
        gravel_roi: where patches of gravel may lie, x0 y0 x1 y1 from 0 to 1.
        number_of_patches: how many patches; each has 15 to 31 stones.

    Raises:
        RangeError: an empty region.
        ShapeError: the picture has not three channels.

    Example:
        >>> out = RandomGravel(p=1)(np.full((64, 64, 3), 100, np.uint8), rng=0)
        >>> bool((out != 100).any())
        True
    """

    gravel_roi: Annotated[tuple[float, float, float, float], Between(0.0, 1.0)] = (
        0.1, 0.4, 0.9, 0.9,
    )  # fmt: skip
    number_of_patches: Annotated[int, Between(1, 1000)] = 2

    channels = (3,)
    blind = True

    def check(self) -> None:
        check_region(self.gravel_roi, "RandomGravel.gravel_roi")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "RandomGravel", (3,))
        height, width = image.shape[:2]
        x0, y0, x1, y1 = pixels_of(self.gravel_roi, (height, width))
        rng = np.random.default_rng(params["seed"])
        out = image.copy(order="C")
        for _ in range(self.number_of_patches):
            wide, tall = max((x1 - x0) // 5, 1), max((y1 - y0) // 5, 1)
            left = int(rng.integers(x0, max(x1 - wide, x0) + 1))
            top = int(rng.integers(y0, max(y1 - tall, y0) + 1))
            for _ in range(int(rng.integers(15, 32))):
                x, y = int(rng.integers(left, left + wide)), int(rng.integers(top, top + tall))
                r = int(rng.integers(1, LARGEST + 1))
                place = slice(max(y - r, 0), y + r), slice(max(x - r, 0), x + r)
                out[place] = _lightened(out[place], int(rng.integers(0, 256)))
        return out


def _lightened(part: Image, level: int) -> Image:
    if part.size == 0:
        return part
    if part.dtype == np.uint8:
        hls = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2HLS)
        hls[..., 1] = level
        return cv2.cvtColor(hls, cv2.COLOR_HLS2RGB)  # type: ignore[no-any-return]
    hls = cv2.cvtColor(to_unit(part), cv2.COLOR_RGB2HLS)
    hls[..., 1] = level / full_range(np.uint8)
    return from_unit(np.clip(cv2.cvtColor(hls, cv2.COLOR_HLS2RGB), 0.0, 1.0), part.dtype)
