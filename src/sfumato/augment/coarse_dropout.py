"""Cut a few rectangles out of a picture."""

from __future__ import annotations

from typing import Annotated, Any

from sfumato.augment._chance import draw_seed
from sfumato.augment._dropout import Fill, HoleDropout, Number
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import RangeError

__all__ = ["CoarseDropout", "Cutout"]

Pixels = Annotated[tuple[int, int], Between(1, 1 << 20)]
Extent = Pixels | Annotated[tuple[float, float], Between(0.0, 1.0)]


class CoarseDropout(HoleDropout):
    """Cut a few rectangles out of a picture.

    Args:
        num_holes_range: how many is drawn from here.
        hole_height_range: of each, drawn from here: whole numbers are pixels, others shares
            of the height of the picture.
        hole_width_range: as ``hole_height_range``, of the width.

    Raises:
        RangeError: an empty range.

    Example:
        >>> op = CoarseDropout((1, 1), (2, 2), (3, 3), p=1)
        >>> int((op(np.full((8, 8), 9, np.uint8)) == 0).sum())
        6

    References:
        T. DeVries, G. W. Taylor. Improved Regularization of Convolutional Neural Networks with
        Cutout. 2017. arXiv:1708.04552
        Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang. Random Erasing Data Augmentation. AAAI 2020.
        arXiv:1708.04896
    """

    num_holes_range: Annotated[tuple[int, int], Between(0, 100000)] = (1, 2)
    hole_height_range: Extent = (0.1, 0.2)
    hole_width_range: Extent = (0.1, 0.2)
    fill: Fill = 0.0
    fill_mask: Number | tuple[Number, ...] | None = None

    legacy = {
        "min_holes": ("num_holes_range", 0),
        "max_holes": ("num_holes_range", 1),
        "min_height": ("hole_height_range", 0),
        "max_height": ("hole_height_range", 1),
        "min_width": ("hole_width_range", 0),
        "max_width": ("hole_width_range", 1),
        "fill_value": "fill",
        "mask_fill_value": "fill_mask",
    }
    defaults_1_3 = {
        "num_holes_range": (8, 8),
        "hole_height_range": (8, 8),
        "hole_width_range": (8, 8),
    }
    order_1_3 = (
        "max_holes", "max_height", "max_width", "min_holes", "min_height", "min_width",
        "fill_value", "mask_fill_value", "p",
    )  # fmt: skip
    blind = True

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        for what in ("holes", "height", "width"):
            most = settings.get(f"max_{what}")
            if most is not None and settings.get(f"min_{what}") is None:
                settings[f"min_{what}"] = most  # as 1.3 had it
        return settings

    def check(self) -> None:
        for name in ("num_holes_range", "hole_height_range", "hole_width_range"):
            low, high = getattr(self, name)
            if low > high:
                raise RangeError(f"CoarseDropout.{name}: the range ({low}, {high}) is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        low, high = self.num_holes_range
        # All numbers at once: asked for one by one they would take longer than the filling.
        drawn = rng.random(4 * high + 1).tolist()
        count = low + int(drawn[-1] * (high - low + 1))
        holes = []
        for k in range(0, 4 * count, 4):
            tall = _extent(drawn[k], self.hole_height_range, height)
            wide = _extent(drawn[k + 1], self.hole_width_range, width)
            y0 = int(drawn[k + 2] * (height - tall + 1))
            x0 = int(drawn[k + 3] * (width - wide + 1))
            holes.append([x0, y0, x0 + wide, y0 + tall])
        return {"holes": holes, "seed": draw_seed(rng) if isinstance(self.fill, str) else 0}


def _extent(drawn: float, limits: Any, whole: int) -> int:
    low, high = limits
    if isinstance(low, int) and isinstance(high, int):
        return min(low + int(drawn * (high - low + 1)), whole)
    return min(max(int(whole * (low + drawn * (high - low))), 1), whole)


class Cutout(HoleDropout):
    """Cut squares of one size out of a picture, centered anywhere in it.

    A name of albumentations 1.3; `CoarseDropout` does the same and more.

    Args:
        num_holes: how many.
        max_h_size: height in pixels; at the rim less is left.
        max_w_size: width in pixels.
        fill_value: what the holes are filled with, in units of the picture.

    Example:
        >>> int((Cutout(1, 8, 8, p=1)(np.full((9, 9), 9, np.uint8)) == 0).sum()) >= 16
        True
    """

    num_holes: Annotated[int, Between(0, 100000)] = 8
    max_h_size: Annotated[int, Between(1, 1 << 20)] = 8
    max_w_size: Annotated[int, Between(1, 1 << 20)] = 8
    fill_value: Number | tuple[Number, ...] = 0.0

    blind = True

    @property
    def filling(self) -> Any:
        return self.fill_value

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        holes = []
        for _ in range(self.num_holes):
            y, x = int(rng.integers(height)), int(rng.integers(width))
            top, left = y - self.max_h_size // 2, x - self.max_w_size // 2
            bottom, right = min(top + self.max_h_size, height), min(left + self.max_w_size, width)
            holes.append([max(left, 0), max(top, 0), max(right, 0), max(bottom, 0)])
        return {"holes": holes, "seed": 0}
