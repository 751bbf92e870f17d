"""CopyPaste: objects of one picture on another."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._partners import Partner, Table, join, planes_of
from sfumato.augment._targets import Params, Targets
from sfumato.augment.mix_transform import MixTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.errors import FieldError, RangeError, ShapeError

__all__ = ["CopyPaste"]

Labels = NDArray[Any]


class CopyPaste(MixTransform):
    """Paste objects of another picture onto this one, by the labels of its mask.

    The partner is scaled to the size of the picture; each of its labels but 0 is pasted with the
    chance ``portion``. Key points of the picture that get covered are dropped, those of the
    partner come with their object. Boxes need masks of objects: the rows belong to the labels of
    the mask in rising order, and are found anew as the bound of what is seen of the object.
    Where less than ``min_visibility`` of an object is left, its box goes, and what is left of it
    in the mask becomes 0.

    From Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance
    Segmentation", CVPR 2021, section 3.

    Args:
        portion: the chance of each object to be pasted.
        soft_edge: deviation in pixels of the Gaussian that softens the edge of what is pasted;
            masks and boxes stay sharp.
        labels: ``new`` numbers pasted objects behind those of the picture, ``keep`` takes their
            labels as they are: for classes.
        min_visibility: the share of pixels of an object that must be seen.

    Raises:
        FieldError: there is no partner, or it lacks what the picture has, or there are boxes
            and no mask of objects.
        ShapeError: boxes and labels are not of one number, or the mask has several channels.
        RangeError: the numbers of objects exceed what the mask can hold.

    Example:
        >>> from sfumato.core import Sample
        >>> a = Sample(np.zeros((6, 6, 1), np.uint8), mask=np.zeros((6, 6), np.uint8))
        >>> mask = np.zeros((6, 6), np.uint8)
        >>> mask[1:3, 1:5] = 7
        >>> b = Sample(np.full((6, 6, 1), 90, np.uint8), mask=mask)
        >>> int((CopyPaste(portion=1.0, p=1)([a, b], 0).image == 90).sum())
        8
    """

    portion: Annotated[float, Between(0.0, 1.0)] = 0.5
    soft_edge: Annotated[float, Between(0.0, 100.0)] = 0.0
    labels: Literal["new", "keep"] = "new"
    min_visibility: Annotated[float, Between(0.0, 1.0)] = 0.1
    metadata_key: str = "copy_paste_metadata"

    def draw(self, rng: Rng, targets: Targets) -> Params:
        number = int(rng.integers(len(self.others(targets))))
        found = _labels_of(_objects(self.fitted(targets, number).planes, targets))
        chosen = [int(v) for v in found[rng.random(len(found)) < self.portion]]
        return {"partner": number, "labels": chosen}

    def mix(self, targets: Targets, params: Params) -> None:
        other = self.fitted(targets, params["partner"])
        own_planes = {name: plane for _, name, plane in planes_of(targets, type(self).__name__)}
        theirs = _objects(other.planes, targets)
        own = _objects(own_planes, targets)
        pasted = np.isin(theirs, params["labels"])
        if targets.boxes and (self.labels == "keep" or own.dtype == np.bool_):
            raise FieldError(
                "CopyPaste: boxes cannot be found anew where labels are classes",
                hint="use labels='new' and a mask of whole numbers, one an object",
            )
        self._paste_planes(targets, other, pasted)
        mixed, numbers = self._mixed_mask(own, theirs, pasted, params["labels"])
        for name in targets.boxes:
            mixed = self._paste_boxes(targets, name, other, (own, theirs, mixed), numbers)
        name = next(iter(targets.masks))
        targets.masks[name] = mixed.reshape(own_planes[name].shape)
        for name, table in other.keypoints.items():
            points = targets.keypoints[name]
            targets.keypoints[name] = points[~_on(points, pasted)]
            join(targets, "keypoints", name, table[_on(table, pasted)], other)

    def _paste_planes(self, targets: Targets, other: Partner, pasted: NDArray[np.bool_]) -> None:
        opacity = pasted.astype(np.float64)
        if self.soft_edge:
            opacity = np.asarray(cv2.GaussianBlur(opacity, (0, 0), self.soft_edge))
        for group, name, plane in planes_of(targets, type(self).__name__):
            if group is targets.masks:
                if name == next(iter(targets.masks)):
                    continue
                mixed = plane.copy()
                mixed[pasted] = other.planes[name][pasted]
            elif self.soft_edge:
                share = opacity.reshape(*opacity.shape, *(1,) * (plane.ndim - 2))
                sum_ = plane * (1.0 - share) + other.planes[name] * share
                whole = plane.dtype.kind in "ui"
                mixed = (np.rint(sum_) if whole else sum_).astype(plane.dtype)
            else:
                mixed = plane.copy()
                mixed[pasted] = other.planes[name][pasted]
            group[name] = mixed

    def _mixed_mask(
        self, own: Labels, theirs: Labels, pasted: NDArray[np.bool_], chosen: list[int]
    ) -> tuple[Labels, dict[int, int]]:
        """Give the new mask, and the new number of every pasted label."""
        start = int(own.max(initial=0)) + 1
        numbers = {v: start + k if self.labels == "new" else v for k, v in enumerate(chosen)}
        top = 1 if own.dtype == np.bool_ else np.iinfo(own.dtype).max
        if own.dtype == np.bool_:
            numbers = dict.fromkeys(chosen, 1)
        if numbers and max(numbers.values()) > top:
            raise RangeError(
                f"CopyPaste: object {max(numbers.values())} does not fit a mask of {own.dtype}",
                hint="give masks as int32, or use labels='keep' where labels are classes",
            )
        mixed = own.copy()
        for label, number in numbers.items():
            mixed[pasted & (theirs == label)] = number
        return mixed, numbers

    def _paste_boxes(
        self,
        targets: Targets,
        name: str,
        other: Partner,
        masks: tuple[Labels, Labels, Labels],
        numbers: dict[int, int],
    ) -> Labels:
        """Find every box anew; give the mask without the objects that are hardly seen."""
        own, theirs, mixed = masks
        kept = []
        for row, label in _rows_with_labels(targets.boxes[name], own):
            seen = mixed == label
            if seen.sum() < max(self.min_visibility * (own == label).sum(), 1):
                mixed = np.where(seen, own.dtype.type(0), mixed)
            else:
                kept.append([*_bound(seen), row[4]])
        targets.boxes[name] = np.array(kept).reshape(-1, 5)
        table = other.boxes[name]
        joined = [
            [*_bound(mixed == numbers[label]), row[4]]
            for row, label in _rows_with_labels(table, theirs)
            if label in numbers
        ]
        join(targets, "boxes", name, np.array(joined).reshape(-1, 5), other)
        return mixed


def _objects(planes: dict[str, NDArray[Any]], targets: Targets) -> Labels:
    """Give the labels (h, w) of the first mask."""
    name = next(iter(targets.masks), None)
    if name is None:
        raise FieldError("CopyPaste reads 'mask', which this call does not have")
    plane = planes[name]
    if plane.ndim == 3 and plane.shape[2] != 1:
        raise ShapeError(f"CopyPaste: '{name}' must be labels (h, w), got {plane.shape}")
    if plane.dtype.kind not in "uib":
        raise ShapeError(f"CopyPaste: '{name}' must hold whole numbers, got {plane.dtype}")
    return plane[..., 0] if plane.ndim == 3 else plane


def _labels_of(labels: Labels) -> NDArray[Any]:
    found = np.unique(labels)
    return np.asarray(found[found != 0])


def _rows_with_labels(table: Table, labels: Labels) -> list[tuple[Table, int]]:
    """Pair boxes with the labels of a mask, both in rising order."""
    found = _labels_of(labels).tolist()
    if len(found) != len(table):
        raise ShapeError(
            f"CopyPaste: {len(table)} boxes and {len(found)} labels in the mask",
            hint="the k-th box belongs to the k-th label of the mask; 0 is no object",
        )
    return list(zip(table, found, strict=True))


def _bound(seen: NDArray[np.bool_]) -> list[float]:
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return [columns[0] - 0.5, rows[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5]


def _on(points: Table, pasted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which points lie on a pasted pixel."""
    x, y = np.floor(points[:, :2] + 0.5).astype(int).T
    height, width = pasted.shape
    there = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    there[there] = pasted[y[there], x[there]]
    return np.asarray(there)
