"""Small pictures for the pages of reports, packed into their text."""

from __future__ import annotations

import base64
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.raster.resize import resize_image

__all__ = ["colored_map", "data_uri", "shrunk"]

Codes: TypeAlias = NDArray[np.uint8]
JPEG_QUALITY = 86


def shrunk(image: NDArray[Any], long_side_px: int) -> NDArray[Any]:
    """Give a smaller copy, or the picture itself where it is small already."""
    height, width = image.shape[:2]
    scale = long_side_px / max(height, width)
    if scale >= 1.0:
        return image
    return resize_image(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def data_uri(codes: Codes) -> str:
    """Pack a picture into the text of a page."""
    color = cv2.COLOR_GRAY2BGR if codes.shape[2] == 1 else cv2.COLOR_RGB2BGR
    _, packed = cv2.imencode(
        ".jpg", cv2.cvtColor(codes, color), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    return "data:image/jpeg;base64," + base64.b64encode(packed.tobytes()).decode("ascii")


def colored_map(values: NDArray[Any], low: float, high: float, *, scheme: str = "heat") -> Codes:
    """Show a plane of numbers in colours.

    Args:
        values: any numbers.
        low: shown as the first colour.
        high: shown as the last colour.
        scheme: ``heat`` for amounts, ``depth`` for places.

    Shape:
        (h, w) to (h, w, 3).
    """
    unit = (np.asarray(values, np.float32) - low) / max(high - low, 1e-6)
    codes = np.rint(255 * np.clip(unit, 0.0, 1.0)).astype(np.uint8)
    table = cv2.COLORMAP_INFERNO if scheme == "heat" else cv2.COLORMAP_TURBO
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(codes, table), cv2.COLOR_BGR2RGB))
