"""Move, scale and turn a picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from sfumato.augment._motion import Motion
from sfumato.augment._projective import Projective, rotation_about, shift
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["ShiftScaleRotate"]

Pair = tuple[float, float]


def _symmetric_or_none(value: Any) -> Any:
    return None if value is None else symmetric(value)


class ShiftScaleRotate(Resampled):
    """Scale and turn about the center, then move by whole pixels; the size stays.

    Args:
        shift_limit: the move, a share of width and height, is drawn from here for each axis.
        scale_limit: the scale is 1 plus what is drawn from here.
        rotate_limit: the angle in degrees, counter-clockwise, is drawn from here.
        shift_limit_x: instead of ``shift_limit``, for the width.
        shift_limit_y: instead of ``shift_limit``, for the height.
        rotate_method: boxes become the bound of the moved box, or of the ellipse in it.
    """

    shift_limit: Annotated[Pair, Between()] = (-0.0625, 0.0625)
    scale_limit: Annotated[Pair, Between(-0.999)] = (-0.1, 0.1)
    rotate_limit: Annotated[Pair, Between()] = (-45.0, 45.0)
    shift_limit_x: Annotated[Pair, Between()] | None = None
    shift_limit_y: Annotated[Pair, Between()] | None = None
    rotate_method: Literal["largest_box", "ellipse"] = "largest_box"

    order = ("shift_limit", "scale_limit", "rotate_limit", "interpolation", "border_mode",
             "shift_limit_x", "shift_limit_y", "rotate_method", "mask_interpolation", "fill",
             "fill_mask", "p")  # fmt: skip
    order_1_3 = ("shift_limit", "scale_limit", "rotate_limit", "interpolation", "border_mode",
                 "fill", "fill_mask", "shift_limit_x", "shift_limit_y", "rotate_method",
                 "p")  # fmt: skip
    shorthand = {
        **Resampled.shorthand,
        "shift_limit": symmetric,
        "scale_limit": symmetric,
        "rotate_limit": symmetric,
        "shift_limit_x": _symmetric_or_none,
        "shift_limit_y": _symmetric_or_none,
    }

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {
            "angle": rng.uniform(*self.rotate_limit),
            "scale": 1.0 + rng.uniform(*self.scale_limit),
            "dx": rng.uniform(*(self.shift_limit_x or self.shift_limit)),
            "dy": rng.uniform(*(self.shift_limit_y or self.shift_limit)),
        }

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        height, width = size
        center = ((width - 1) / 2, (height - 1) / 2)
        turn = rotation_about(center, params["angle"], params["scale"])
        matrix = shift(int(params["dx"] * width), int(params["dy"] * height)) @ turn
        return Projective(matrix, size, size, ellipse=self.rotate_method == "ellipse")
