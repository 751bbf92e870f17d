"""Cut whole objects out of a picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._dropout import Number, drop_tables, fill_value, inpaint
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import Transform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["MaskDropout"]


class MaskDropout(Transform):
    """Cut whole objects out of a picture and its mask: each label but 0 is one object.

    Boxes shrink to what is still seen, and go where nothing is; key points on what was cut go.

    Args:
        max_objects: how many objects go is drawn from here.
        fill: the value they are filled with, in units of the picture, or how the surroundings
            are continued (gray or color only).
        fill_mask: their value in masks.

    Example:
        >>> image, mask = np.full((2, 2, 1), 7, np.uint8), np.uint8([[0, 1], [0, 0]])
        >>> MaskDropout(p=1)(image=image, mask=mask)["image"][..., 0]
        array([[7, 0],
               [7, 7]], dtype=uint8)
    """

    max_objects: Annotated[tuple[int, int], Between(0, 1 << 20)] = (1, 1)
    fill: Number | Literal["inpaint_telea", "inpaint_ns"] = 0.0
    fill_mask: Number = 0.0

    legacy = {"image_fill_value": "fill", "mask_fill_value": "fill_mask"}
    shorthand = {"max_objects": from_low(1)}
    wants_unit_range = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        mask = targets.mask
        if mask is None:
            return {"labels": []}
        labels = _labels(mask)
        low, high = self.max_objects
        count = min(int(rng.integers(low, high + 1)), len(labels))
        chosen = rng.permutation(len(labels))[:count]
        return {"labels": [int(label) for label in labels[chosen]]}

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        mask = targets.mask
        if mask is None or not params["labels"]:
            return
        if mask.dtype == np.uint8:
            chosen = np.zeros(256, bool)
            chosen[params["labels"]] = True
            hidden = chosen[mask]
        else:
            hidden = np.isin(mask, params["labels"])
        if hidden.ndim > 2:
            hidden = np.asarray(hidden.any(axis=2))
        targets.change_images(lambda image: self._filled(image, hidden))
        targets.change_masks(lambda plane: self._cleared(plane, hidden))
        drop_tables(targets, hidden)

    def _filled(self, image: Image, hidden: NDArray[np.bool_]) -> Image:
        if isinstance(self.fill, str):
            return inpaint(image, hidden.astype(np.uint8), self.fill)
        out = image.copy(order="C")
        out.reshape(-1, image.shape[2])[np.flatnonzero(hidden)] = fill_value(self.fill, image)
        return out

    def _cleared(self, plane: NDArray[Any], hidden: NDArray[np.bool_]) -> NDArray[Any]:
        out = plane.copy()
        out[hidden] = np.asarray(self.fill_mask, plane.dtype)
        return out


def _labels(mask: NDArray[Any]) -> NDArray[Any]:
    """Give the labels but 0 that a mask has, rising."""
    if mask.dtype == np.uint8:
        plane = np.ascontiguousarray(mask).reshape(mask.shape[0], -1)
        found = np.flatnonzero(cv2.calcHist([plane], [0], None, [256], [0, 256]))
    else:
        found = np.unique(mask)
    return found[found != 0]  # type: ignore[no-any-return]
