"""Spread the tones so that all are about equally frequent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._histogram import count_levels, in_levels
from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._levels import apply_table
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import FieldError, ShapeError

__all__ = ["Equalize"]


class Equalize(PixelTransform):
    """Spread the tones so that all are about equally frequent.

    Args:
        mode: the rounding of OpenCV's ``equalizeHist`` or of Pillow's ``equalize``.
        by_channels: each channel by itself; else only the luma of YCrCb.
        mask: only what is not 0 here is counted, (h, w) or with channels; or a function of
            the picture, and of what ``mask_params`` names, that gives such an array.
        mask_params: names of further arguments of the call, handed to ``mask``.

    Raises:
        ShapeError: neither one nor three channels, or a mask of another size.

    Example:
        >>> Equalize(p=1)(np.uint8([[[3]], [[4]], [[5]]])).ravel()
        array([  0, 128, 255], dtype=uint8)
    """

    mode: Literal["cv", "pil"] = "cv"
    by_channels: bool = True
    mask: Any = None
    mask_params: tuple[str, ...] = ()

    channels = (1, 3)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        if not callable(self.mask):
            return {}
        missing = [name for name in self.mask_params if name not in _given(targets)]
        if missing:
            raise FieldError(f"Equalize: mask_params names '{missing[0]}', the call has none")
        given = _given(targets)
        found = self.mask(targets.image, **{name: given[name] for name in self.mask_params})
        return {"mask": np.asarray(found)}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "Equalize")
        mask = params.get("mask", None if callable(self.mask) else self.mask)
        weight = None if mask is None else _weight(np.asarray(mask), image)
        return in_levels(image, lambda levels: self._equalized(levels, weight))

    def _equalized(self, image: Image, weight: NDArray[np.uint8] | None) -> Image:
        table_of: Callable[[NDArray[np.int64]], NDArray[Any]] = (
            _table_of_opencv if self.mode == "cv" else _table_of_pillow
        )
        if self.by_channels or image.shape[2] == 1:
            counts = count_levels(image, weight)
            tables = [table_of(counts[:, c]) for c in range(image.shape[2])]
            return apply_table(image, np.stack(tables, axis=1).astype(image.dtype))
        split = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        if weight is None and self.mode == "cv" and image.dtype == np.uint8:
            cv2.insertChannel(cv2.equalizeHist(cv2.extractChannel(split, 0)), split, 0)
            return cv2.cvtColor(split, cv2.COLOR_YCrCb2RGB)  # type: ignore[no-any-return]
        luma = np.ascontiguousarray(split[..., :1])
        table = table_of(count_levels(luma, weight)[:, 0]).astype(image.dtype)
        split[..., :1] = apply_table(luma, table)
        return cv2.cvtColor(split, cv2.COLOR_YCrCb2RGB)  # type: ignore[no-any-return]


def _given(targets: Targets) -> dict[str, Any]:
    return {**targets.extras, **targets.masks, **targets.images}


def _weight(mask: NDArray[Any], image: Image) -> NDArray[np.uint8]:
    if mask.ndim == 2:
        mask = mask[..., None]
    if mask.shape[:2] != image.shape[:2] or mask.shape[2] not in (1, image.shape[2]):
        raise ShapeError(f"Equalize.mask: shape {mask.shape} does not fit {image.shape}")
    return np.ascontiguousarray(mask != 0).astype(np.uint8)


def _table_of_opencv(counts: NDArray[np.int64]) -> NDArray[Any]:
    white = len(counts) - 1
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return np.arange(white + 1)
    rest = np.cumsum(counts) - counts[present[0]]
    # In float32, as OpenCV computes it.
    scale = np.float32(white) / np.float32(counts.sum() - counts[present[0]])
    table: NDArray[Any] = np.rint(np.clip(rest.astype(np.float32) * scale, 0.0, white))
    return table


def _table_of_pillow(counts: NDArray[np.int64]) -> NDArray[Any]:
    white = len(counts) - 1
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return np.arange(white + 1)
    step = int(counts.sum() - counts[present[-1]]) // white
    if step == 0:
        return np.arange(white + 1)
    before = np.cumsum(counts) - counts
    return np.minimum((step // 2 + before) // step, white)  # type: ignore[no-any-return]
