"""What a transform works on: pictures, masks, boxes and key points of one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._fuse import fused
from sfumato.augment._motion import Motion, Resampling, move_boxes, move_keypoints
from sfumato.core.sample import Sample
from sfumato.core.shapes import FULL_RANGE
from sfumato.errors import DtypeError, FieldError, ShapeError

__all__ = ["KINDS", "Params", "Targets", "box_table", "give_rows", "point_table"]

Params: TypeAlias = dict[str, Any]
"""What one call drew: small, and enough to do the same again."""

KINDS: Mapping[str, str] = {
    "image": "image",
    "images": "images",
    "mask": "mask",
    "masks": "masks",
    "bboxes": "boxes",
    "boxes": "boxes",
    "keypoints": "keypoints",
    "hint": "follower",
    "target": "follower",
    "depth": "follower",
    "stack": "followers",
}
"""Names that every call knows. A follower is a picture whose values are left alone."""


class Targets:
    """Everything that moves or changes together in one call; arrays are replaced, never written to.

    Attributes:
        images: pictures (h, w, c) by name, or lists of such.
        masks: masks (h, w) or (h, w, c) by name, or lists of such.
        followers: pictures that move with the image and keep their values.
        boxes: (k, 5) float64 by name: x0 y0 x1 y1 with pixel centers at whole numbers, and
            the row of the box in what was given.
        keypoints: (k, 5) float64 by name: x y, angle in radians, size, and the row. The angle is
            NaN where a point has neither angle nor size.
        extras: whatever else was given: labels, reference pictures, file names.
        size: height and width of the pictures now.
    """

    __slots__ = (
        "boxes", "clean", "counts", "extras", "facts", "followers", "forms", "fuse", "images",
        "joined", "keypoints", "mask_interpolation", "masks", "pending", "size", "tidy",
    )  # fmt: skip

    def __init__(self) -> None:
        self.images: dict[str, Any] = {}
        self.masks: dict[str, Any] = {}
        self.followers: dict[str, Any] = {}
        self.boxes: dict[str, NDArray[np.float64]] = {}
        self.keypoints: dict[str, NDArray[np.float64]] = {}
        self.extras: dict[str, Any] = {}
        self.size: tuple[int, int] = (0, 0)
        self.forms: dict[str, Any] = {}
        """How pictures came that do not leave as they are kept: flat, as a list, as one array."""
        self.pending: tuple[Motion, Resampling, Resampling] | None = None
        """A motion that has been decided and not yet been carried out."""
        self.fuse = False
        """Whether motions may wait for the next one, to be carried out as one."""
        self.mask_interpolation: str | None = None
        """Overrides what transforms say about masks."""
        self.clean: dict[str, Any] = {}
        """Tables of which nothing is to be dropped, by name."""
        self.tidy: Callable[[Targets], None] | None = None
        """Called after everything that changes boxes or points: drops what left the picture."""
        self.counts: dict[str, int] = {}
        """How many boxes or points were given, by name; joined ones are numbered on from there."""
        self.joined: dict[str, list[Any]] = {}
        """Rows and labels that came from other pictures, by name, as they were given there."""
        self.facts: dict[str, Any] = {}
        """What a call tells beside its targets, such as the shares of a mix."""

    @property
    def image(self) -> NDArray[Any]:
        """The picture, (h, w, c); the first one of a list.

        Raises:
            FieldError: the call has no picture.
        """
        self.settle()
        for value in self.images.values():
            return value[0] if type(value) is list else value  # type: ignore[no-any-return]
        raise FieldError("the transform reads 'image', which this call does not have")

    @property
    def mask(self) -> NDArray[Any] | None:
        """The first mask, if there is one."""
        self.settle()
        for value in self.masks.values():
            if type(value) is list:
                return value[0] if value else None
            return value  # type: ignore[no-any-return]
        return None

    def with_joined(self, name: str, given: Any) -> Any:
        """Give the rows or labels that came in, and behind them what came from other pictures.

        Raises:
            ShapeError: the rows have different numbers of columns.
        """
        more = self.joined.get(name)
        if not more:
            return given
        if name in self.counts and len(widths := {len(row) for row in (*given, *more)}) > 1:
            raise ShapeError(f"'{name}' has rows of {min(widths)} and of {max(widths)} columns")
        if not isinstance(given, np.ndarray):
            return type(given)([*given, *more])
        added = np.asarray(more)
        if len(given) == 0:
            return added if added.dtype.kind != given.dtype.kind else added.astype(given.dtype)
        return np.concatenate([given, added], dtype=np.result_type(given, added), casting="unsafe")

    def change_images(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Replace each picture by what ``change`` makes of it."""
        _change(self.images, change)

    def change_masks(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Replace each mask by what ``change`` makes of it."""
        _change(self.masks, change)

    def change_followers(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Replace each follower by what ``change`` makes of it."""
        _change(self.followers, change)

    def move(self, motion: Motion, how: Resampling, how_mask: Resampling) -> None:
        """Carry everything along a motion, now or together with those that follow."""
        if self.mask_interpolation is not None:
            how_mask = Resampling(self.mask_interpolation, how_mask.border, how_mask.fill)
        step = (motion, how, how_mask)
        if not self.fuse:
            self._carry(*step)
            return
        if self.pending is not None:
            together = fused(self.pending, step)
            if together is None:
                self.settle()
            else:
                step = together
        self.pending = step
        self.size = motion.size

    def settle(self) -> None:
        """Carry out what is pending."""
        if self.pending is not None:
            step, self.pending = self.pending, None
            self._carry(*step)

    def _carry(self, motion: Motion, how: Resampling, how_mask: Resampling) -> None:
        for name, value in self.images.items():
            if type(value) is list:
                self.images[name] = [motion.image(item, how) for item in value]
            else:
                self.images[name] = motion.image(value, how)
        if self.masks:
            self.change_masks(lambda plane: motion.image(plane, how_mask))
        if self.followers:
            self.change_followers(lambda plane: motion.image(plane, how))
        for name, boxes in self.boxes.items():
            self.boxes[name] = move_boxes(motion, boxes)
        for name, points in self.keypoints.items():
            self.keypoints[name] = move_keypoints(motion, points)
        self.size = motion.size
        if self.tidy is not None:
            self.tidy(self)

    def measure(self) -> None:
        """Read the size from the pictures."""
        for group in (self.images, self.masks, self.followers):
            for value in group.values():
                first = value[0] if type(value) is list else value
                self.size = (first.shape[0], first.shape[1])
                return

    def take(self, name: str, kind: str, value: Any, who: str) -> None:
        """Take in a picture, a mask, or a list of such."""
        if kind == "image":
            self.images[name] = self._take_one(name, value, who)
        elif kind == "images":
            self.images[name] = self._take_many(name, value, who)
        elif kind == "mask":
            self.masks[name] = _checked_mask(name, value, who)
        elif kind == "masks":
            self.forms[name] = "array" if isinstance(value, np.ndarray) else "list"
            self.masks[name] = [
                _checked_mask(f"{name}[{k}]", item, who) for k, item in enumerate(value)
            ]
        elif kind == "follower":
            self.followers[name] = np.asarray(value)
        else:
            self.forms[name] = "array" if isinstance(value, np.ndarray) else "list"
            self.followers[name] = list(value)

    def _take_many(self, name: str, value: Any, who: str) -> list[NDArray[Any]]:
        if not isinstance(value, (list, tuple, np.ndarray)) or len(value) == 0:
            raise ShapeError(f"{who}: '{name}' must be a list of pictures, and not empty")
        self.forms[name] = "array" if isinstance(value, np.ndarray) else "list"
        return [self._take_one(f"{name}[{k}]", item, who) for k, item in enumerate(value)]

    def _take_one(self, name: str, value: Any, who: str) -> NDArray[Any]:
        if not isinstance(value, np.ndarray):
            raise DtypeError(
                f"{who}: '{name}' must be a NumPy array (h, w, c), got {type(value).__name__}",
                hint="numpy.asarray(picture) turns a PIL picture into one",
            )
        if value.dtype not in FULL_RANGE:
            raise DtypeError(
                f"{who}: '{name}' must be uint8, uint16 or float32, got {value.dtype}",
                hint="convert it first and say the range: float64 in 0..1 by .astype(np.float32)",
            )
        if value.ndim == 2:
            self.forms[name] = "flat"
            value = value[..., None]
        array: NDArray[Any] = value
        if value.ndim != 3 or 0 in value.shape:
            raise ShapeError(f"{who}: '{name}' must be (h, w) or (h, w, c), got {value.shape}")
        return array

    def give(self, name: str, group: Mapping[str, Any], given: Any) -> Any:
        """Give back what `take` took in, in the form it came, sharing nothing with it."""
        value, form = group[name], self.forms.get(name)
        if form is None:
            return _unshared(value, given)
        if form not in ("list", "array"):
            return _unshared(self._in_form(name, value), given)
        items = [
            _unshared(self._in_form(f"{name}[{k}]", item), before)
            for k, (item, before) in enumerate(zip(value, given, strict=True))
        ]
        return items if form == "list" else np.stack(items) if items else given.copy()

    def _in_form(self, name: str, value: Any) -> Any:
        flat = name in self.forms and isinstance(value, np.ndarray) and value.ndim == 3
        return value[..., 0] if flat and value.shape[2] == 1 else value

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
            targets.counts["boxes"] = len(sample.boxes)
        if sample.keypoints is not None:
            targets.keypoints["keypoints"] = point_table(sample.keypoints, "Sample.keypoints")
            targets.counts["keypoints"] = len(sample.keypoints)
        targets.extras = dict(sample.meta)
        return targets

    def to_sample(self, sample: Sample) -> Sample:
        """Put what came out into a copy of the sample that `of_sample` read."""
        changes: dict[str, Any] = {"image": self.images["image"], **self.masks, **self.followers}
        if "stack" in changes:
            changes["stack"] = np.stack(changes["stack"])
        if sample.boxes is not None:
            given = self.with_joined("boxes", sample.boxes)
            changes["boxes"] = give_rows(given, self.boxes["boxes"], 4)
        if sample.keypoints is not None:
            given = self.with_joined("keypoints", sample.keypoints)
            changes["keypoints"] = give_rows(given, self.keypoints["keypoints"], 2)
        if self.facts:
            changes["meta"] = {**sample.meta, **self.facts}
        return sample.but(**changes)


def _unshared(result: Any, given: Any) -> Any:
    """Copy what was passed through, so that a result can be edited freely."""
    if result is given:
        return given.copy()
    if not isinstance(result, np.ndarray) or result.base is None:
        return result  # an array of its own
    arrays = isinstance(given, np.ndarray)
    return result.copy() if arrays and np.may_share_memory(result, given) else result


def _checked_mask(name: str, value: Any, who: str) -> NDArray[Any]:
    if not isinstance(value, np.ndarray) or value.ndim not in (2, 3):
        what = value.shape if isinstance(value, np.ndarray) else type(value).__name__
        raise ShapeError(f"{who}: '{name}' must be an array (h, w) or (h, w, c), got {what}")
    return value


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
    table[:, 2] = np.nan
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
