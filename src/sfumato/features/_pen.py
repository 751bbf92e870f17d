"""How thick OpenCV has to be asked to draw."""

from __future__ import annotations

import functools

import numpy as np

from sfumato.core.opencv import cv2

__all__ = ["thickness_of"]


@functools.cache
def thickness_of(pen_px: int) -> int:
    """Tell which thickness is as wide as a pen: OpenCV 5 draws thick lines 2 px wider than 4."""

    def off(thickness: int) -> float:
        canvas = np.zeros((2 * pen_px + 9, 9), np.uint8)
        middle = pen_px + 4
        cv2.line(canvas, (0, middle), (8, middle), 255, thickness, cv2.LINE_AA)
        return abs(float(canvas[:, 4].sum()) / 255.0 - pen_px)

    return min(range(1, pen_px + 1), key=off)
