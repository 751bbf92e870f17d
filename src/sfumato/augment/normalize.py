"""Shift and scale values to what a network was trained on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._targets import Params
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image
from sfumato.errors import RangeError, ShapeError

__all__ = ["Normalize"]

Numbers = Annotated[tuple[float, ...] | float | None, Between(-1e9, 1e9)]
FLOOR = 1e-4
"""Added to a deviation or a range, so that flat pictures give 0."""


class Normalize(PixelTransform):
    """Shift and scale values to what a network was trained on; the result is float32.

    Args:
        mean: for ``standard``, shares of ``max_pixel_value``, one for all or one a channel.
        std: as ``mean``.
        max_pixel_value: what stands for white.
        normalization: ``standard`` gives (v / white - mean) / std; ``image`` takes the mean
            and deviation of the picture, ``image_per_channel`` those of each channel;
            ``min_max`` stretches the picture to 0..1, ``min_max_per_channel`` each channel.

    Raises:
        RangeError: ``standard`` without mean, std or white, or a std of 0.
        ShapeError: mean or std for another number of channels.

    Example:
        >>> Normalize(mean=0.5, std=0.5, p=1)(np.uint8([[[0, 255]]])).ravel().round(3)
        array([-1.,  1.], dtype=float32)
    """

    mean: Numbers = (0.485, 0.456, 0.406)
    std: Numbers = (0.229, 0.224, 0.225)
    max_pixel_value: Annotated[float | None, Between(1e-6, 1e9)] = 255.0
    normalization: Literal[
        "standard", "image", "image_per_channel", "min_max", "min_max_per_channel"
    ] = "standard"
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    channels = (3,)
    alters = ("dtype",)
    order_1_3 = ("mean", "std", "max_pixel_value", "p")
    wants_unit_range = False

    def check(self) -> None:
        if self.normalization != "standard":
            return
        for name in ("mean", "std", "max_pixel_value"):
            if getattr(self, name) is None:
                raise RangeError(f"Normalize.{name}: 'standard' needs a value")
        if not np.all(np.asarray(self.std) > 0.0):
            raise RangeError(f"Normalize.std: must be above 0, got {self.std}")

    def change_image(self, image: Image, params: Params) -> Image:
        scale, shift = self._law(image)
        channels = image.shape[2]
        for name, numbers in (("mean", shift), ("std", scale)):
            if numbers.size not in (1, channels):
                raise ShapeError(f"Normalize.{name}: {numbers.size} values for {channels} channels")
        table = np.stack(
            [np.broadcast_to(scale, (channels,)), np.broadcast_to(shift, (channels,))]
        ).astype(np.float32)
        out = np.empty(image.shape, np.float32)
        width = image.shape[1] * channels
        _scale_rows(
            np.ascontiguousarray(image).reshape(-1, width),
            np.tile(table, (1, image.shape[1])),
            out.reshape(-1, width),
        )
        return out

    def _law(self, image: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the factor and the summand of out = factor v + summand."""
        if self.normalization == "standard":
            std = np.atleast_1d(np.asarray(self.std, np.float64))
            mean = np.atleast_1d(np.asarray(self.mean, np.float64))
            return 1.0 / (std * float(self.max_pixel_value or 1.0)), -mean / std
        by_channel = self.normalization.endswith("per_channel")
        if self.normalization.startswith("image"):
            low, spread = _moments(image, by_channel)
        else:
            ends = np.empty((2, image.shape[2]), image.dtype)
            _extremes(np.ascontiguousarray(image), ends)
            low, high = ends.astype(np.float64)
            if not by_channel:
                low, high = np.atleast_1d(low.min()), np.atleast_1d(high.max())
            spread = high - low
        return 1.0 / (spread + FLOOR), -low / (spread + FLOOR)


def _moments(image: Image, by_channel: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    values = image.reshape(-1, image.shape[2]) if by_channel else image.reshape(-1, 1)
    if by_channel and image.shape[2] <= 4:
        mean, deviation = cv2.meanStdDev(image)
    elif not by_channel:
        mean, deviation = cv2.meanStdDev(values)
    else:
        mean, deviation = (
            values.mean(axis=0, dtype=np.float64),
            values.std(axis=0, dtype=np.float64),
        )
    return np.reshape(mean, -1), np.reshape(deviation, -1)


@compiled
def _extremes(image: Any, out: Any) -> None:
    height, width, channels = image.shape
    for c in range(channels):
        out[0, c] = out[1, c] = image[0, 0, c]
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                out[0, c] = min(out[0, c], image[y, x, c])
                out[1, c] = max(out[1, c], image[y, x, c])


@compiled
def _scale_rows(rows: Any, law: Any, out: Any) -> None:
    height, width = rows.shape
    for y in range(height):
        for x in range(width):
            out[y, x] = np.float32(rows[y, x]) * law[0, x] + law[1, x]
