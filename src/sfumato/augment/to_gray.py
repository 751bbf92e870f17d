"""Take the color out of a picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from sfumato.augment._targets import Params
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, from_unit, full_range, to_unit
from sfumato.errors import ShapeError

__all__ = ["ToGray"]


class ToGray(PixelTransform):
    """Take the color out of a picture.

    Args:
        num_output_channels: the gray channel is repeated this often.
        method: ``weighted_average`` is 0.299 R + 0.587 G + 0.114 B; ``from_lab`` the lightness
            of CIE L*a*b*; ``desaturation`` the middle of the largest and smallest channel;
            ``average``, ``max`` of all channels; ``pca`` the first principal component,
            stretched to the range. The first two need three channels.

    Raises:
        ShapeError: a method that needs three channels, for another number.

    Example:
        >>> ToGray(method="max", p=1)(np.uint8([[[1, 2, 3]]])).ravel()
        array([3, 3, 3], dtype=uint8)
    """

    num_output_channels: Annotated[int, Between(1, 512)] = 3
    method: Literal["weighted_average", "from_lab", "desaturation", "average", "max", "pca"] = (
        "weighted_average"
    )

    channels = (1, 3)
    alters = ("channels",)

    def change_image(self, image: Image, params: Params) -> Image:
        channels = image.shape[2]
        if channels == 1 and self.method in ("weighted_average", "from_lab"):
            gray = image[..., 0]
        elif channels != 3 and self.method in ("weighted_average", "from_lab"):
            raise ShapeError(
                f"ToGray: '{self.method}' needs 3 channels, the picture has {channels}",
                hint="average, max, desaturation and pca take any number",
            )
        else:
            gray = _gray(image, self.method)
        if self.num_output_channels == 1:
            return np.array(gray[..., None])
        if self.num_output_channels == 3:
            return cv2.cvtColor(np.ascontiguousarray(gray), cv2.COLOR_GRAY2RGB)  # type: ignore[no-any-return]
        return np.repeat(gray[..., None], self.num_output_channels, axis=2)


def _gray(image: Image, method: str) -> Image:
    dtype = image.dtype
    if method == "weighted_average":
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)  # type: ignore[no-any-return]
    if method == "from_lab":
        if dtype == np.uint8:
            return cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[..., 0]  # type: ignore[no-any-return]
        lightness = cv2.cvtColor(to_unit(image), cv2.COLOR_RGB2LAB)[..., 0] / 100.0
        return from_unit(lightness, dtype)
    if method == "max":
        return _reduced(image, 0)
    if method == "pca":
        return _first_component(image)  # type: ignore[no-any-return]
    # Integers are rounded down, as albumentations does.
    return _reduced(image, 1 if method == "average" else 2)


def _reduced(image: Image, how: int) -> Image:
    out = np.empty(image.shape[:2], image.dtype)
    _reduce(np.ascontiguousarray(image), how, out)
    return out


@compiled
def _reduce(image: Any, how: int, out: Any) -> None:
    height, width, channels = image.shape
    for y in range(height):
        for x in range(width):
            low = high = image[y, x, 0]
            total = np.float32(low)
            for c in range(1, channels):
                value = image[y, x, c]
                low, high = min(low, value), max(high, value)
                total += np.float32(value)
            if how == 0:
                out[y, x] = high
            elif how == 1:
                out[y, x] = total / np.float32(channels)
            else:
                out[y, x] = (np.float32(low) + np.float32(high)) * np.float32(0.5)


def _first_component(image: Image) -> Any:
    values = to_unit(image).reshape(-1, image.shape[2])
    centered = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centered.T @ centered)
    axis = vectors[:, -1]
    scores = centered @ (axis if axis.sum() >= 0.0 else -axis)
    low, high = float(scores.min()), float(scores.max())
    unit = (scores - low) / (high - low) if high > low else scores * 0.0
    white = full_range(image.dtype)
    stretched = (unit * white).reshape(image.shape[:2])
    return stretched.astype(image.dtype)
