"""Turn a picture into its negative."""

from __future__ import annotations

from sfumato.augment._targets import Params
from sfumato.augment.transform import PixelTransform
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range

__all__ = ["InvertImg"]


class InvertImg(PixelTransform):
    """Turn a picture into its negative: black for white, and every value mirrored.

    Example:
        >>> InvertImg(p=1)(np.full((1, 1, 1), 55, np.uint8)).item()
        200
    """

    def change_image(self, image: Image, params: Params) -> Image:
        if image.dtype.kind == "u":
            return cv2.bitwise_not(image).reshape(image.shape)  # type: ignore[no-any-return]
        return full_range(image.dtype) - image
