"""Change the number of bits of a picture."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, check_image, from_unit, to_unit
from sfumato.errors import RangeError

__all__ = ["DEPTHS", "Depth", "with_depth"]

Depth = Literal[8, 16, 32]
DEPTHS: dict[int, type] = {8: np.uint8, 16: np.uint16, 32: np.float32}
BAND_ROWS = 256


def with_depth(image: Image, depth: Depth) -> Image:
    """Give a picture 8 or 16 bits, or 32-bit float; the same picture if it has them already.

    Rounded to the nearest value; floats beyond 0..1 are clipped on the way to integers.

    Args:
        image: uint8, uint16 or float32.
        depth: bits per channel; 32 means float32 with white at 1.

    Shape:
        (h, w, c), and the same back.

    Raises:
        RangeError: no such depth.

    Example:
        >>> with_depth(np.array([[[0, 128, 65535]]], np.uint16), 8).ravel().tolist()
        [0, 0, 255]
    """
    check_image(image, "with_depth")
    if depth not in DEPTHS:
        raise RangeError(f"depth: expected 8, 16 or 32, got {depth!r}")
    wanted = np.dtype(DEPTHS[depth])
    if image.dtype == wanted:
        return image
    if wanted == np.float32:
        return to_unit(image)
    if image.dtype == np.uint8:
        return image.astype(np.uint16) * np.uint16(257)
    changed: Image = np.empty(image.shape, wanted)
    for top in range(0, len(image), BAND_ROWS):
        band = np.s_[top : top + BAND_ROWS]
        if image.dtype == np.uint16:
            scaled = cv2.convertScaleAbs(image[band], alpha=1 / 257)
            changed[band] = scaled.reshape(image[band].shape)
        else:
            changed[band] = from_unit(image[band], wanted)
    return changed
