"""Blur a picture along a line, as a moving camera does."""

from __future__ import annotations

from typing import Annotated

from sfumato.augment._kernels import KernelSize, check_odd, convolve, draw_odd, line
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["MotionBlur"]


class MotionBlur(PixelTransform):
    """Blur a picture along a line, as a moving camera does.

    Args:
        blur_limit: length of the line in pixels, an odd number drawn from here.
        allow_shifted: move the line off the middle by up to a quarter of its length.
        angle_range: degrees, drawn from here.
        direction_range: drawn from here: from the middle the line runs only backwards at -1,
            only forwards at 1, both ways at 0.

    Raises:
        RangeError: no odd number from 3 on in the range.

    Example:
        >>> MotionBlur(p=1)(np.full((4, 4, 3), 9, np.uint8)).max()
        np.uint8(9)
    """

    blur_limit: KernelSize = (3, 7)
    allow_shifted: bool = True
    angle_range: Annotated[tuple[float, float], Between(0.0, 360.0)] = (0.0, 360.0)
    direction_range: Annotated[tuple[float, float], Between(-1.0, 1.0)] = (-1.0, 1.0)

    shorthand = {"blur_limit": from_low(3)}
    blind = True

    def check(self) -> None:
        check_odd(self.blur_limit, "MotionBlur.blur_limit")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        size = draw_odd(rng, self.blur_limit)
        room = size // 4 if self.allow_shifted else 0
        return {
            "size": size,
            "angle": rng.uniform(*self.angle_range),
            "direction": rng.uniform(*self.direction_range),
            "shift": [int(rng.integers(-room, room + 1)) for _ in range(2)] if room else [0, 0],
        }

    def change_image(self, image: Image, params: Params) -> Image:
        left, down = params["shift"]
        kernel = line(params["size"], params["angle"], params["direction"], (left, down))
        return convolve(image, kernel)
