"""Work on a picture in the HSV model and come back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._levels import apply_table
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.errors import ShapeError

__all__ = ["in_hsv", "in_hsv_tables", "refuse_other_channels"]


def refuse_other_channels(image: Image, who: str, allowed: tuple[int, ...] = (1, 3)) -> None:
    """Raise `ShapeError` where a picture has another number of channels."""
    if image.shape[2] not in allowed:
        raise ShapeError(
            f"{who}: the picture must have {' or '.join(map(str, allowed))} channels, "
            f"it has {image.shape[2]}"
        )


def in_hsv_tables(
    image: Image, hue: NDArray[Any], sat: NDArray[Any], val: NDArray[Any], who: str
) -> Image:
    """Exchange the 8-bit hue (0..179), saturation and value by tables of 256 entries."""
    refuse_other_channels(image, who)
    tables = np.stack([hue, np.clip(sat, 0, 255), np.clip(val, 0, 255)], axis=1).astype(np.uint8)
    if image.shape[2] == 1:
        return apply_table(image, tables[:, 2])
    hsv = apply_table(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), tables)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB, dst=hsv)  # type: ignore[no-any-return]


def in_hsv(image: Image, degrees: float, sat: float, val: float, who: str) -> Image:
    """Shift hue by degrees, saturation and value by shares of their range, in floats."""
    refuse_other_channels(image, who)
    unit = np.clip(to_unit(image), 0.0, 1.0)
    if image.shape[2] == 1:
        return from_unit(np.clip(unit + np.float32(val), 0.0, 1.0), image.dtype)
    hsv = cv2.cvtColor(unit, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = np.mod(hsv[..., 0] + np.float32(degrees), np.float32(360.0))
    hsv[..., 1] = np.clip(hsv[..., 1] + np.float32(sat), 0.0, 1.0)
    hsv[..., 2] = np.clip(hsv[..., 2] + np.float32(val), 0.0, 1.0)
    return from_unit(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), image.dtype)
