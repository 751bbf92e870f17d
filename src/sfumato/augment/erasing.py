"""Cut one rectangle of random area and shape out of a picture."""

from __future__ import annotations

import math
from typing import Annotated

from sfumato.augment._chance import draw_seed
from sfumato.augment._dropout import Fill, HoleDropout, Number
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import RangeError

__all__ = ["Erasing"]

TRIES = 10


class Erasing(HoleDropout):
    """Cut one rectangle of random area and shape out of a picture.

    A rectangle that does not fit is drawn anew, ten times; then nothing is cut.

    Args:
        scale: area over that of the picture, drawn from here.
        ratio: width over height, drawn from here.

    Raises:
        RangeError: an empty range.

    Example:
        >>> out = Erasing(scale=(0.25, 0.25), ratio=(1, 1), p=1)(np.full((8, 8), 9, np.uint8))
        >>> int((out == 0).sum())
        16

    References:
        Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang. Random Erasing Data Augmentation. AAAI 2020.
        arXiv:1708.04896
    """

    scale: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.02, 0.33)
    ratio: Annotated[tuple[float, float], Between(1e-3, 1e3)] = (0.3, 3.3)
    fill: Fill = 0.0
    fill_mask: Number | tuple[Number, ...] | None = None

    blind = True

    def check(self) -> None:
        for name in ("scale", "ratio"):
            low, high = getattr(self, name)
            if low > high:
                raise RangeError(f"Erasing.{name}: the range ({low}, {high}) is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        holes = []
        for _ in range(TRIES):
            area = rng.uniform(*self.scale) * height * width
            ratio = rng.uniform(*self.ratio)
            tall, wide = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < tall <= height and 0 < wide <= width:
                y0 = int(rng.integers(0, height - tall + 1))
                x0 = int(rng.integers(0, width - wide + 1))
                holes.append([x0, y0, x0 + wide, y0 + tall])
                break
        return {"holes": holes, "seed": draw_seed(rng)}
