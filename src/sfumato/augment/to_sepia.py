"""Tint a picture like an old print."""

from __future__ import annotations

import numpy as np

from sfumato.augment._targets import Params
from sfumato.augment.transform import PixelTransform
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image
from sfumato.errors import ShapeError

__all__ = ["ToSepia"]

MATRIX = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


class ToSepia(PixelTransform):
    """Tint a picture like an old print, by a fixed matrix of the colors; gray stays gray.

    Raises:
        ShapeError: the picture has neither one nor three channels.

    Example:
        >>> ToSepia(p=1)(np.full((1, 1, 3), 100, np.uint8)).ravel()
        array([135, 120,  94], dtype=uint8)
    """

    channels = (1, 3)

    def change_image(self, image: Image, params: Params) -> Image:
        if image.shape[2] == 1:
            return image
        if image.shape[2] != 3:
            raise ShapeError(
                f"ToSepia: the picture must have 1 or 3 channels, got {image.shape[2]}"
            )
        toned = cv2.transform(image, MATRIX)
        return np.clip(toned, 0.0, 1.0) if image.dtype == np.float32 else toned  # type: ignore[no-any-return]
