"""What a transform works on: pictures, masks, boxes and key points of one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.sample import Sample
from sfumato.core.shapes import FULL_RANGE
from sfumato.errors import DtypeError, FieldError, ShapeError

__all__ = ["KINDS", "LISTS", "Params", "Targets", "box_table", "give_rows", "point_table"]

Params: TypeAlias = dict[str, Any]
"""What one call drew: small, and enough to do the same again."""

KINDS: Mapping[str, str] = {
    "image": "image",
    "images": "image",
    "mask": "mask",
    "masks": "mask",
    "bboxes": "boxes",
    "boxes": "boxes",
    "keypoints": "keypoints",
    "hint": "follower",
    "target": "follower",
    "depth": "follower",
    "stack": "follower",
}
"""Names that every call knows. A follower is a picture whose values are left alone."""

LISTS = ("images", "masks", "stack")


class Targets:
    """Everything that moves or changes together in one call; arrays are replaced, never written to.

    Attributes:
        images: pictures (h, w, c) by name, or lists of such.
        masks: masks (h, w) or (h, w, c) by name, or lists of such.
        followers: pictures that move with the image and keep their values.
        boxes: (k, 5) float64 by name: x0 y0 x1 y1 with pixel centers at whole numbers, and
            the row of the box in what was given.
        keypoints: (k, 5) float64 by name: x y, angle in radians, size, and the row.
        extras: whatever else was given: labels, reference pictures, file names.
        size: height and width of the pictures now.
    """

    __slots__ = ("boxes", "extras", "flat", "followers", "images", "keypoints", "masks", "size")

    def __init__(self) -> None:
        self.images: dict[str, Any] = {}
        self.masks: dict[str, Any] = {}
        self.followers: dict[str, Any] = {}
        self.boxes: dict[str, NDArray[np.float64]] = {}
        self.keypoints: dict[str, NDArray[np.float64]] = {}
        self.extras: dict[str, Any] = {}
        self.flat: dict[str, Any] = {}
        self.size: tuple[int, int] = (0, 0)

    @property
    def image(self) -> NDArray[Any]:
        """The picture, (h, w, c); the first one of a list.

        Raises:
            FieldError: the call has no picture.
        """
        for value in self.images.values():
            return value[0] if type(value) is list else value  # type: ignore[no-any-return]
        raise FieldError("the transform reads 'image', which this call does not have")

    @property
    def mask(self) -> NDArray[Any] | None:
        """The first mask, if there is one."""
        for value in self.masks.values():
            if type(value) is list:
                return value[0] if value else None
            return value  # type: ignore[no-any-return]
        return None

    def change_images(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Replace each picture by what ``change`` makes of it."""
        _change(self.images, change)

    def change_masks(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Replace each mask by what ``change`` makes of it."""
        _change(self.masks, change)

    def change_followers(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Replace each follower by what ``change`` makes of it."""
        _change(self.followers, change)

    def measure(self) -> None:
        """Read the size anew from the pictures, after their geometry changed."""
        for group in (self.images, self.masks, self.followers):
            for value in group.values():
                first = value[0] if type(value) is list else value
                self.size = first.shape[:2]
                return

    def take_picture(self, name: str, value: Any, who: str) -> Any:
        """Check a picture, or a list of pictures, and give every one its channel axis."""
        if isinstance(value, np.ndarray) and name not in LISTS:
            return self._take_one(name, value, who)
        if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 3):
            if len(value) == 0:
                raise ShapeError(f"{who}: '{name}' is empty")
            self.flat[name] = "list" if isinstance(value, (list, tuple)) else "array"
            return [self._take_one(f"{name}[{k}]", item, who) for k, item in enumerate(value)]
        raise DtypeError(
            f"{who}: '{name}' must be a NumPy array (h, w, c), got {type(value).__name__}",
            hint="numpy.array(picture) turns a PIL picture into one",
        )

    def _take_one(self, name: str, value: Any, who: str) -> NDArray[Any]:
        if not isinstance(value, np.ndarray):
            raise DtypeError(f"{who}: '{name}' must be a NumPy array, got {type(value).__name__}")
        if value.dtype not in FULL_RANGE:
            raise DtypeError(
                f"{who}: '{name}' must be uint8, uint16 or float32, got {value.dtype}",
                hint="convert it first and say the range: float64 in 0..1 by .astype(np.float32)",
            )
        if value.ndim == 2:
            self.flat[name] = "flat"
            value = value[..., None]
        array: NDArray[Any] = value
        if value.ndim != 3 or 0 in value.shape:
            raise ShapeError(f"{who}: '{name}' must be (h, w) or (h, w, c), got {value.shape}")
        return array

    def give_picture(self, name: str, value: Any) -> Any:
        """Undo `take_picture`: a picture that came flat leaves flat."""
        form = self.flat.get(name)
        if form is None:
            return value
        if form == "flat":
            return (
                value[..., 0] if getattr(value, "ndim", 0) == 3 and value.shape[2] == 1 else value
            )
        items = [self.give_picture(f"{name}[{k}]", item) for k, item in enumerate(value)]
        return items if form == "list" else np.stack(items)

    @classmethod
    def of_sample(cls, sample: Sample) -> Targets:
        """Read a sample, which has been checked when it was built."""
        targets = cls()
        targets.size = sample.size
        targets.images["image"] = sample.image
        if sample.mask is not None:
            targets.masks["mask"] = sample.mask
        for name in ("hint", "target", "depth"):
            plane = getattr(sample, name)
            if plane is not None:
                targets.followers[name] = plane
        if sample.stack is not None:
            targets.followers["stack"] = list(sample.stack)
        if sample.boxes is not None:
            targets.boxes["boxes"] = box_table(sample.boxes, "Sample.boxes")
        if sample.keypoints is not None:
            targets.keypoints["keypoints"] = point_table(sample.keypoints, "Sample.keypoints")
        targets.extras = dict(sample.meta)
        return targets

    def to_sample(self, sample: Sample) -> Sample:
        """Put what came out into a copy of the sample that `of_sample` read."""
        changes: dict[str, Any] = {"image": self.images["image"], **self.masks, **self.followers}
        if "stack" in changes:
            changes["stack"] = np.stack(changes["stack"])
        if sample.boxes is not None:
            changes["boxes"] = give_rows(sample.boxes, self.boxes["boxes"], 4)
        if sample.keypoints is not None:
            changes["keypoints"] = give_rows(sample.keypoints, self.keypoints["keypoints"], 2)
        return sample.but(**changes)


def _change(group: dict[str, Any], change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    for name, value in group.items():
        group[name] = [change(item) for item in value] if type(value) is list else change(value)


def box_table(boxes: NDArray[Any], who: str) -> NDArray[np.float64]:
    """Make the table of `Targets.boxes` from rows that begin with x0 y0 x1 y1."""
    table = np.empty((len(boxes), 5))
    table[:, :4] = boxes[:, :4]
    table[:, 4] = np.arange(len(boxes))
    _refuse_nan(table, who)
    return table


def point_table(points: NDArray[Any], who: str) -> NDArray[np.float64]:
    """Make the table of `Targets.keypoints` from rows that begin with x y."""
    table = np.zeros((len(points), 5))
    table[:, :2] = points[:, :2]
    table[:, 4] = np.arange(len(points))
    _refuse_nan(table, who)
    return table


def _refuse_nan(table: NDArray[np.float64], who: str) -> None:
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise DtypeError(f"{who}: row {row} holds a value that is no number: {table[row, :4]}")


def give_rows(given: NDArray[Any], table: NDArray[np.float64], columns: int) -> NDArray[Any]:
    """Move the rows that are left, with whatever further columns they had."""
    result = given[table[:, 4].astype(np.intp)].copy()
    if result.dtype.kind != "f":
        result = result.astype(np.float32)
    result[:, :columns] = table[:, :columns]
    return result
