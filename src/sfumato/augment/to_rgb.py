"""Repeat a gray channel, so that a network for color takes it."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._targets import Params
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image
from sfumato.errors import ShapeError

__all__ = ["ToRGB"]


class ToRGB(PixelTransform):
    """Repeat a gray channel; a picture that has the wanted number of channels stays as it is.

    Args:
        num_output_channels: how many channels come out.

    Raises:
        ShapeError: the picture has neither one nor the wanted number of channels.

    Example:
        >>> ToRGB(p=1)(np.zeros((2, 2), np.uint8)).shape
        (2, 2, 3)
    """

    num_output_channels: Annotated[int, Between(1, 512)] = 3
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    channels = (1, 3)
    alters = ("channels",)

    def change_image(self, image: Image, params: Params) -> Image:
        channels, wanted = image.shape[2], self.num_output_channels
        if channels == wanted:
            return image
        if channels != 1:
            raise ShapeError(f"ToRGB: the picture must have 1 or {wanted} channels, got {channels}")
        if wanted == 3:
            return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)  # type: ignore[no-any-return]
        return np.repeat(image, wanted, axis=2)
