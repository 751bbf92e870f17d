"""Pictures in 256 steps, for what is decided about values and not done to them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range

__all__ = ["CODES", "Codes", "channel_max", "encode"]

CODES = 256
"""Steps in which a curve is held; between them it is a straight line."""
Codes: TypeAlias = NDArray[np.uint8]


def encode(image: Image, *, white: float | None = None, linear: bool = False) -> Codes:
    """Give the picture in the 256 codes of an `IntensityMap`.

    Args:
        image: the picture.
        white: the value that becomes code 255; None is the dtype's white.
        linear: take the square root, so that shadows in linear light get codes too.

    Shape:
        (h, w, c) to uint8 (h, w, c).

    Example:
        >>> encode(np.full((1, 1, 1), 0.25, np.float32), linear=True).item()
        128
    """
    top = full_range(image.dtype) if white is None else white
    if image.dtype == np.uint8 and top == 255.0:
        if not linear:
            return np.asarray(image)
        table = np.rint(np.sqrt(np.arange(256) * 255.0)).astype(np.uint8)
        return np.asarray(cv2.LUT(image, table), np.uint8).reshape(image.shape)
    flat = image.reshape(image.shape[0], -1)
    if image.dtype != np.uint16:
        flat = np.maximum(flat, 0, dtype=np.float32)
    if linear:
        flat = cv2.sqrt(np.asarray(flat, np.float32) * np.float32(1.0 / top))
        top = 1.0
    codes = cv2.convertScaleAbs(flat, alpha=255.0 / top)
    return np.asarray(codes, np.uint8).reshape(image.shape)


def channel_max(codes: Codes) -> Codes:
    """Give the largest channel of each pixel, (h, w, c) to (h, w)."""
    worst = cv2.extractChannel(codes, 0)
    for channel in range(1, codes.shape[2]):
        worst = cv2.max(worst, cv2.extractChannel(codes, channel))
    return np.asarray(worst, np.uint8)
