"""Cut a window out by chance and scale it to a given size."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np

from sfumato.augment._motion import Motion, Resampling
from sfumato.augment._resampled import Interpolated
from sfumato.augment._rescale import Rescale
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import RangeError

__all__ = ["RandomResizedCrop", "RandomSizedCrop"]

Pixels = Annotated[int, Between(1)]
Share = Annotated[float, Between(0.0, 1.0)]
Size = tuple[Pixels, Pixels]
ForDownscale = Literal["image", "image_mask"]
ATTEMPTS = 10


class SizedWindow(Interpolated):
    """A window scaled to a size; base of the crops below."""

    size: Size
    area_for_downscale: ForDownscale | None = None
    p: Share = 1.0

    _example = {"size": (14, 11)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Rescale(tuple(params["window"]), self.size, size)

    def resampling(self) -> tuple[Resampling, Resampling]:
        return Resampling(self.interpolation), Resampling(self.mask_interpolation)

    def work(self, targets: Targets, params: Params) -> None:
        motion = self.motion(params, targets.size)
        window = params["window"]
        shrinks = self.size[0] < window[2] and self.size[1] < window[3]
        how, how_mask = for_downscale(*self.how, self.area_for_downscale if shrinks else None)
        targets.move(motion, how, how_mask)


def for_downscale(
    how: Resampling, how_mask: Resampling, choice: ForDownscale | None
) -> tuple[Resampling, Resampling]:
    """Average areas instead of reading between pixels, where that is wanted."""
    if choice is None:
        return how, how_mask
    area = Resampling("area", how.border, how.fill)
    return area, Resampling("area") if choice == "image_mask" else how_mask


class RandomResizedCrop(SizedWindow):
    """Cut out a window of some share of the area and some shape, and scale it to a size.

    Args:
        size: height and width of the result, in pixels.
        scale: the window's share of the picture's area is drawn from here.
        ratio: its width over its height is drawn from here, evenly in the logarithm.
        area_for_downscale: average areas where the window shrinks: of the ``image``, of
            ``image_mask`` both, or of none.
    """

    size: Size
    scale: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.08, 1.0)
    ratio: Annotated[tuple[float, float], Between(1e-3, 1e3)] = (0.75, 4 / 3)

    order = ("size", "scale", "ratio", "interpolation", "mask_interpolation",
             "area_for_downscale", "p")  # fmt: skip
    order_1_3 = ("height", "width", "scale", "ratio", "interpolation", "p")
    legacy = {"height": ("size", 0), "width": ("size", 1)}

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        if isinstance(settings.get("size"), int) and isinstance(settings.get("scale"), int):
            # Height and width came bare, as in 1.3, and everything behind moves up by one.
            bare = ["size", "scale", "ratio", "interpolation", "mask_interpolation"]
            names = ["height", "width", "scale", "ratio", "interpolation"]
            values = [settings.pop(name, None) for name in bare]
            settings.update({n: v for n, v in zip(names, values, strict=True) if v is not None})
        return settings

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        for _ in range(ATTEMPTS):
            area = rng.uniform(*self.scale) * height * width
            ratio = math.exp(rng.uniform(low, high))
            columns, rows = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < columns <= width and 0 < rows <= height:
                x = int(rng.random() * (width - columns + 1))
                y = int(rng.random() * (height - rows + 1))
                return {"window": [x, y, rows, columns]}
        # No window of these shapes fits: take the middle one of the nearest shape.
        ratio = float(np.clip(width / height, *self.ratio))
        columns = max(1, min(width, round(height * ratio)))
        rows = max(1, min(height, round(columns / ratio)))
        return {"window": [(width - columns) // 2, (height - rows) // 2, rows, columns]}


class RandomSizedCrop(SizedWindow):
    """Cut out a window of some height and a given shape, and scale it to a size.

    Args:
        min_max_height: the window's height in pixels is drawn from here.
        size: height and width of the result, in pixels.
        w2h_ratio: the window's width over its height.
        area_for_downscale: average areas where the window shrinks: of the ``image``, of
            ``image_mask`` both, or of none.

    Raises:
        RangeError: the window does not fit into the picture.
    """

    min_max_height: tuple[Pixels, Pixels]
    size: Size
    w2h_ratio: Annotated[float, Between(1e-3, 1e3)] = 1.0

    order = ("min_max_height", "size", "w2h_ratio", "interpolation", "mask_interpolation",
             "area_for_downscale", "p")  # fmt: skip
    order_1_3 = ("min_max_height", "height", "width", "w2h_ratio", "interpolation", "p")
    legacy = {"height": ("size", 0), "width": ("size", 1)}
    smallest = (12, 12)
    _example = {"min_max_height": (5, 12), "size": (9, 10)}

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        if isinstance(settings.get("size"), int):
            bare = ["size", "w2h_ratio", "interpolation", "mask_interpolation"]
            names = ["height", "width", "w2h_ratio", "interpolation"]
            values = [settings.pop(name, None) for name in bare]
            settings.update({n: v for n, v in zip(names, values, strict=True) if v is not None})
        return settings

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        rows = int(rng.integers(self.min_max_height[0], self.min_max_height[1] + 1))
        columns = max(1, int(rows * self.w2h_ratio))
        if rows > height or columns > width:
            raise RangeError(
                f"RandomSizedCrop: min_max_height={self.min_max_height} asks for a window of "
                f"{columns} x {rows} px, the picture is {width} x {height} px"
            )
        x, y = int(rng.integers(width - columns + 1)), int(rng.integers(height - rows + 1))
        return {"window": [x, y, rows, columns]}
