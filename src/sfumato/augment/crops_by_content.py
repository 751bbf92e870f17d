"""Cut out a window that keeps boxes, a given box, or part of a mask in view."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._cut import Cut
from sfumato.augment._motion import Motion
from sfumato.augment._resampled import Interpolated
from sfumato.augment._rescale import Rescale
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import as_range
from sfumato.augment.spatial import SpatialTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import FieldError, ShapeError

__all__ = [
    "AtLeastOneBBoxRandomCrop",
    "BBoxSafeRandomCrop",
    "CropNonEmptyMaskIfExists",
    "RandomCropNearBBox",
    "RandomSizedBBoxSafeCrop",
]

Pixels = Annotated[int, Between(1)]
Share = Annotated[float, Between(0.0, 1.0)]


def _edges(targets: Targets) -> NDArray[np.float64]:
    """Give all boxes as edges of pixels."""
    tables = [table[:, :4] + 0.5 for table in targets.boxes.values()]
    return np.concatenate(tables) if tables else np.zeros((0, 4))


def _safe_window(rng: Rng, targets: Targets, erosion: float) -> list[int]:
    """Draw a window x, y, height, width around all boxes, less what erosion gives away."""
    height, width = targets.size
    boxes = _edges(targets)
    if len(boxes) == 0:
        rows = int(rng.integers(max(1, int(height * (1 - erosion))), height + 1))
        columns = max(1, min(width, round(rows * width / height)))
        x, y = rng.integers(width - columns + 1), rng.integers(height - rows + 1)
        return [int(x), int(y), rows, columns]
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    give = (high - low) * erosion / 2
    low = np.clip(np.floor(low + give), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(high - give), low + 1, (width, height)).astype(int)
    x0, y0 = rng.integers(low + 1)
    x1, y1 = rng.integers(high, np.array([width, height]) + 1)
    return [int(x0), int(y0), int(y1 - y0), int(x1 - x0)]


class BBoxSafeRandomCrop(SpatialTransform):
    """Cut out a window in which all boxes stay whole.

    Args:
        erosion_rate: the share of the boxes' common bound that may be lost; without boxes,
            the share of the height.
    """

    erosion_rate: Share = 0.0
    p: Share = 1.0

    blind = False

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"window": _safe_window(rng, targets, self.erosion_rate)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        x, y, height, width = params["window"]
        return Cut(x, y, (height, width))


class RandomSizedBBoxSafeCrop(Interpolated):
    """Cut out a window in which all boxes stay whole, and scale it to a size.

    Args:
        height: of the result, in pixels.
        width: of the result, in pixels.
        erosion_rate: the share of the boxes' common bound that may be lost; without boxes,
            the share of the height.
    """

    height: Pixels
    width: Pixels
    erosion_rate: Share = 0.0
    p: Share = 1.0

    order = ("height", "width", "erosion_rate", "interpolation", "mask_interpolation", "p")
    blind = False
    _example = {"height": 20, "width": 30}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"window": _safe_window(rng, targets, self.erosion_rate)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        x, y, height, width = params["window"]
        return Rescale((x, y, height, width), (self.height, self.width), size)


class AtLeastOneBBoxRandomCrop(SpatialTransform):
    """Cut out a window of a given size that meets at least one box.

    Args:
        height: of the window, in pixels.
        width: of the window, in pixels.
        erosion_factor: the share of the chosen box, on each side, that does not count.

    Raises:
        ShapeError: the picture is smaller than the window.
    """

    height: Pixels
    width: Pixels
    erosion_factor: Share = 0.0
    p: Share = 1.0

    blind = False
    smallest = (20, 20)
    _example = {"height": 20, "width": 20}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        size = targets.size
        check_fits("AtLeastOneBBoxRandomCrop", (self.height, self.width), size)
        boxes = _edges(targets)
        room = np.array([size[1] - self.width, size[0] - self.height])
        low, high = np.zeros(2), room.astype(np.float64)
        if len(boxes):
            box = boxes[rng.integers(len(boxes))]
            give = (box[2:] - box[:2]) * self.erosion_factor / 2
            # The window begins before the box ends, and ends after the box begins.
            low = np.clip(np.floor(box[:2] + give) - (self.width - 1, self.height - 1), 0, room)
            high = np.clip(np.ceil(box[2:] - give) - 1, low, room)
        x, y = rng.integers(low.astype(int), high.astype(int) + 1)
        return {"x": int(x), "y": int(y)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Cut(params["x"], params["y"], (self.height, self.width))


class RandomCropNearBBox(SpatialTransform):
    """Cut out about a box that is given with the call, or about the first of its boxes.

    Args:
        max_part_shift: the most that each edge moves, as a share of the box's height and of
            its width.
        cropping_bbox_key: the name under which the box (x0, y0, x1, y1), in pixels, is given.

    Raises:
        FieldError: the call has no such box.
        ShapeError: nothing of the box lies in the picture.
    """

    max_part_shift: tuple[Share, Share] = (0.0, 0.3)
    cropping_bbox_key: str = "cropping_bbox"
    p: Share = 1.0

    blind = False
    legacy = {"cropping_box_key": "cropping_bbox_key"}
    defaults_1_3 = {"max_part_shift": (0.3, 0.3)}
    smallest = (20, 20)
    example_fields = {"cropping_bbox": (5, 5, 18, 17)}
    shorthand = {"max_part_shift": as_range}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        box = targets.extras.get(self.cropping_bbox_key)
        height, width = targets.size
        if box is None and len(boxes := _edges(targets)):
            box = boxes[0]
        if box is None:
            raise FieldError(
                f"RandomCropNearBBox needs '{self.cropping_bbox_key}='",
                hint="give the box (x0, y0, x1, y1) in pixels by this name",
            )
        x0, y0, x1, y1 = (float(v) for v in np.asarray(box, np.float64).ravel()[:4])
        y_most = round((y1 - y0) * self.max_part_shift[0])
        x_most = round((x1 - x0) * self.max_part_shift[1])
        moves = rng.integers([-x_most, -y_most] * 2, np.array([x_most, y_most] * 2) + 1)
        left, top = max(0, int(x0 + moves[0])), max(0, int(y0 + moves[1]))
        right, bottom = min(width, int(x1 + moves[2])), min(height, int(y1 + moves[3]))
        if right <= left or bottom <= top:
            left, top = max(0, int(x0)), max(0, int(y0))
            right, bottom = min(width, int(x1)), min(height, int(y1))
        if right <= left or bottom <= top:
            raise ShapeError(
                f"RandomCropNearBBox: '{self.cropping_bbox_key}' is {box}, "
                f"of which nothing lies in the picture of {width} x {height} px"
            )
        return {"window": [left, top, bottom - top, right - left]}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        x, y, height, width = params["window"]
        return Cut(x, y, (height, width))


class CropNonEmptyMaskIfExists(SpatialTransform):
    """Cut out a window of a given size that shows part of the mask, if it has any.

    Args:
        height: of the window, in pixels.
        width: of the window, in pixels.
        ignore_values: labels that do not count.
        ignore_channels: channels of the mask that do not count.

    Raises:
        ShapeError: the picture is smaller than the window.
    """

    height: Pixels
    width: Pixels
    ignore_values: tuple[int, ...] | None = None
    ignore_channels: tuple[int, ...] | None = None
    p: Share = 1.0

    blind = False
    smallest = (20, 20)
    _example = {"height": 20, "width": 20}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        check_fits("CropNonEmptyMaskIfExists", (self.height, self.width), (height, width))
        room = (width - self.width, height - self.height)
        mask = targets.mask
        found = np.zeros(0, np.intp) if mask is None else np.flatnonzero(self._counts(mask))
        if len(found) == 0:
            return {"x": int(rng.integers(room[0] + 1)), "y": int(rng.integers(room[1] + 1))}
        y, x = divmod(int(found[rng.integers(len(found))]), width)
        left = x - int(rng.integers(self.width))
        top = y - int(rng.integers(self.height))
        return {"x": min(max(left, 0), room[0]), "y": min(max(top, 0), room[1])}

    def _counts(self, mask: NDArray[Any]) -> NDArray[Any]:
        counted: NDArray[Any] = mask
        if self.ignore_values is not None:
            counted = np.where(np.isin(mask, self.ignore_values), 0, mask)
        if counted.ndim == 3:
            if self.ignore_channels is not None:
                kept = [k for k in range(counted.shape[2]) if k not in self.ignore_channels]
                counted = counted[..., kept]
            counted = np.any(counted, axis=2)
        return counted

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Cut(params["x"], params["y"], (self.height, self.width))


def check_fits(who: str, window: tuple[int, int], size: tuple[int, int]) -> None:
    """Refuse a window that is larger than the picture.

    Raises:
        ShapeError: it is.
    """
    if window[0] > size[0] or window[1] > size[1]:
        raise ShapeError(
            f"{who}: the window of {window[1]} x {window[0]} px does not fit into the picture "
            f"of {size[1]} x {size[0]} px",
            hint="crop less, or resize or pad before",
        )
