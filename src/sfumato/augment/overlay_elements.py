"""Lay pictures over a picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import Transform
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, check_image, from_unit, to_unit
from sfumato.errors import FieldError, ShapeError

__all__ = ["OverlayElements"]


class OverlayElements(Transform):
    """Lay pictures over a picture, and their labels over its mask.

    The call gives them: ``overlay_metadata={"image": ..., "bbox": ..., "mask": ...,
    "mask_id": ...}``, or a list of such. With a box (x0 y0 x1 y1 in shares of width and height)
    the picture is brought to its size; without, it lies anywhere. Where its mask is 0 nothing is
    laid. Where ``mask_id`` is given, masks get that label there.

    Args:
        metadata_key: the name by which the call gives the pictures.

    Raises:
        FieldError: one of them has no picture.
        ShapeError: one has other channels, or is larger than the picture and has no box.

    Example:
        >>> dot = {"image": np.full((2, 2, 3), 9, np.uint8), "bbox": (0, 0, 0.5, 0.5)}
        >>> out = OverlayElements(p=1)(image=np.zeros((4, 4, 3), np.uint8), overlay_metadata=dot)
        >>> int((out["image"] == 9).all(axis=2).sum())
        4
    """

    metadata_key: str = "overlay_metadata"

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        places = []
        for k, element in enumerate(self._elements(targets)):
            if element.get("image") is None:
                raise FieldError(f"OverlayElements: '{self.metadata_key}[{k}]' has no 'image'")
            if element.get("bbox") is not None:
                x0, y0, x1, y1 = (float(v) for v in element["bbox"][:4])
                box = [round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height)]
            else:
                tall, wide = element["image"].shape[:2]
                if tall > height or wide > width:
                    raise ShapeError(
                        f"OverlayElements: '{self.metadata_key}[{k}]' is {wide} x {tall} px, the "
                        f"picture {width} x {height} px",
                        hint="give it a 'bbox' to be brought to its size",
                    )
                left = int(rng.integers(width - wide + 1))
                top = int(rng.integers(height - tall + 1))
                box = [left, top, left + wide, top + tall]
            places.append([max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)])
        return {"places": places}

    def _elements(self, targets: Targets) -> list[Mapping[str, Any]]:
        given = targets.extras.get(self.metadata_key)
        if given is None:
            return []
        return [given] if isinstance(given, Mapping) else list(given)

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        for element, place in zip(self._elements(targets), params["places"], strict=True):
            if place[2] <= place[0] or place[3] <= place[1]:
                continue
            shown = _shown(element, place)
            targets.change_images(partial(_laid, element["image"], place, shown))
            label = element.get("mask_id")
            if targets.masks and label is not None:
                targets.change_masks(partial(_labelled, label, place, shown))
        if targets.tidy is not None:
            targets.tidy(targets)


def _shown(element: Mapping[str, Any], place: list[int]) -> NDArray[np.bool_]:
    size = (place[2] - place[0], place[3] - place[1])
    mask = element.get("mask")
    if mask is None:
        return np.ones(size[::-1], bool)
    plane = np.ascontiguousarray(np.asarray(mask) != 0).astype(np.uint8)
    return cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) != 0  # type: ignore[no-any-return]


def _laid(element: Any, place: list[int], shown: NDArray[np.bool_], image: Image) -> Image:
    over = np.asarray(element)
    over = check_image(over[..., None] if over.ndim == 2 else over, "OverlayElements")
    x0, y0, x1, y1 = place
    over = cv2.resize(over, (x1 - x0, y1 - y0)).reshape(y1 - y0, x1 - x0, -1)
    if over.shape[2] not in (1, image.shape[2]):
        raise ShapeError(
            f"OverlayElements: the picture has {image.shape[2]} channels, what lies over it "
            f"{over.shape[2]}"
        )
    if over.dtype != image.dtype:
        over = from_unit(to_unit(over), image.dtype)
    out = image.copy(order="C")
    np.copyto(out[y0:y1, x0:x1], over, where=shown[..., None])
    return out


def _labelled(
    label: int, place: list[int], shown: NDArray[np.bool_], mask: NDArray[Any]
) -> NDArray[Any]:
    out = mask.copy()
    x0, y0, x1, y1 = place
    out[y0:y1, x0:x1][shown] = label
    return out
