"""Cut a window out of a picture: a given one, the middle one, or one by chance."""

from __future__ import annotations

from typing import Annotated, Literal

from sfumato.augment._cut import Cut
from sfumato.augment._motion import Motion
from sfumato.augment._resampled import Framed
from sfumato.augment._targets import Params, Targets
from sfumato.augment.spatial import SpatialTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import RangeError, ShapeError

__all__ = ["CenterCrop", "Crop", "RandomCrop", "RandomCropFromBorders", "padding_before"]

Pixels = Annotated[int, Between(1)]
Share = Annotated[float, Between(0.0, 1.0)]
Position = Literal["center", "top_left", "top_right", "bottom_left", "bottom_right", "random"]


def padding_before(missing: int, where: float) -> int:
    """Give how much of a missing length comes before the picture: 0 none, 0.5 half, 1 all."""
    return int(missing * where)


PLACES = {
    "center": (0.5, 0.5), "top_left": (0.0, 0.0), "top_right": (1.0, 0.0),
    "bottom_left": (0.0, 1.0), "bottom_right": (1.0, 1.0),
}  # fmt: skip
"""The share of padding left of the picture and above it, for each of its positions."""


class SizedCrop(Framed):
    """A window of a given size; base of the crops below."""

    height: Pixels
    width: Pixels
    pad_if_needed: bool = False
    pad_position: Position = "center"
    p: Share = 1.0

    order = ("height", "width", "pad_if_needed", "pad_position", "border_mode", "fill",
             "fill_mask", "p")  # fmt: skip
    _example = {"height": 12, "width": 17, "pad_if_needed": True}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        x = self._begin(rng, "width", self.width, width)
        y = self._begin(rng, "height", self.height, height)
        if x < 0 or y < 0:
            x_share, y_share = (
                rng.random(2) if self.pad_position == "random" else PLACES[self.pad_position]
            )
            x = -padding_before(-x, x_share) if x < 0 else x
            y = -padding_before(-y, y_share) if y < 0 else y
        return {"x": x, "y": y}

    def _begin(self, rng: Rng, name: str, wanted: int, have: int) -> int:
        """Give where the window begins, or minus what the picture lacks."""
        if wanted > have:
            if not self.pad_if_needed:
                raise ShapeError(
                    f"{type(self).__name__}: {name}={wanted} is more than the picture's {have} px",
                    hint="crop less, resize before, or pad_if_needed=True",
                )
            return have - wanted
        return self._place(rng, have - wanted)

    def _place(self, rng: Rng, room: int) -> int:
        """Choose where the window begins, from 0 to the room that there is."""
        return room // 2

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Cut(params["x"], params["y"], (self.height, self.width))


class CenterCrop(SizedCrop):
    """Cut the middle out.

    Args:
        height: of the window, in pixels.
        width: of the window, in pixels.
        pad_if_needed: put a border around a picture that is too small, instead of refusing it.
        pad_position: where the picture then lies.

    Raises:
        ShapeError: the picture is too small.
    """


class RandomCrop(SizedCrop):
    """Cut a window out, anywhere.

    Args:
        height: of the window, in pixels.
        width: of the window, in pixels.
        pad_if_needed: put a border around a picture that is too small, instead of refusing it.
        pad_position: where the picture then lies.

    Raises:
        ShapeError: the picture is too small.
    """

    def _place(self, rng: Rng, room: int) -> int:
        return int(rng.random() * (room + 1))


class Crop(Framed):
    """Cut a given window out.

    Args:
        x_min: first column.
        y_min: first row.
        x_max: the column behind the last.
        y_max: the row behind the last.
        pad_if_needed: show a border where the window reaches beyond the picture, instead of
            refusing it.
        pad_position: where the picture then lies in the window.

    Raises:
        RangeError: the window is empty.
        ShapeError: the window reaches beyond the picture.
    """

    x_min: Annotated[int, Between(0)] = 0
    y_min: Annotated[int, Between(0)] = 0
    x_max: Pixels = 1024
    y_max: Pixels = 1024
    pad_if_needed: bool = False
    pad_position: Position = "center"
    p: Share = 1.0

    order = ("x_min", "y_min", "x_max", "y_max", "pad_if_needed", "pad_position", "border_mode",
             "fill", "fill_mask", "p")  # fmt: skip
    _example = {"x_max": 9, "y_max": 8, "pad_if_needed": True}

    def check(self) -> None:
        if self.x_max <= self.x_min or self.y_max <= self.y_min:
            raise RangeError(
                f"Crop: the window from ({self.x_min}, {self.y_min}) to "
                f"({self.x_max}, {self.y_max}) is empty"
            )

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        lacks_x, lacks_y = max(0, self.x_max - width), max(0, self.y_max - height)
        if not (lacks_x or lacks_y):
            return {"x": self.x_min, "y": self.y_min}
        if not self.pad_if_needed:
            raise ShapeError(
                f"Crop: the window ends at ({self.x_max}, {self.y_max}), "
                f"the picture is {width} x {height} px",
                hint="end earlier, or pad_if_needed=True",
            )
        x_share, y_share = (
            rng.random(2) if self.pad_position == "random" else PLACES[self.pad_position]
        )
        x = self.x_min - padding_before(lacks_x, x_share)
        return {"x": x, "y": self.y_min - padding_before(lacks_y, y_share)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Cut(params["x"], params["y"], (self.y_max - self.y_min, self.x_max - self.x_min))


class RandomCropFromBorders(SpatialTransform):
    """Cut a strip off each side, as wide as chance has it.

    Args:
        crop_left: the most that is cut off, a share of the width.
        crop_right: the same on the other side.
        crop_top: the most that is cut off, a share of the height.
        crop_bottom: the same on the other side.
    """

    crop_left: Share = 0.1
    crop_right: Share = 0.1
    crop_top: Share = 0.1
    crop_bottom: Share = 0.1
    p: Share = 1.0

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        x0, x1 = _strip(rng, width, self.crop_left, self.crop_right)
        y0, y1 = _strip(rng, height, self.crop_top, self.crop_bottom)
        return {"window": [x0, y0, x1, y1]}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        x0, y0, x1, y1 = params["window"]
        return Cut(x0, y0, (y1 - y0, x1 - x0))


def _strip(rng: Rng, length: int, before: float, behind: float) -> tuple[int, int]:
    """Choose the first pixel and the one behind the last; at least one is left."""
    begin = int(rng.random() * (min(int(before * length), length - 1) + 1))
    least = max(begin + 1, length - int(behind * length))
    return begin, least + int(rng.random() * (length + 1 - least))
