"""Compress a picture as a file would, and read it back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.errors import RangeError

__all__ = ["ImageCompression", "JpegCompression"]

Quality = Annotated[tuple[int, int], Between(1, 100)]


class ImageCompression(PixelTransform):
    """Compress a picture as a JPEG or WebP file would, and read it back.

    Both know 8 bits only: other pictures are rounded to them. Three channels go into a file
    together, of other numbers each goes by itself. As in albumentations the file takes the
    first channel for blue and the third for red; `Degrade` hands them over in their order.

    Args:
        compression_type: the format.
        quality_range: the quality, 1 to 100, is drawn from here.

    Example:
        >>> ImageCompression("jpeg", (100, 100), p=1)(np.full((8, 8, 1), 77, np.uint8)).max()
        np.uint8(77)
    """

    compression_type: Literal["jpeg", "webp"] = "jpeg"
    quality_range: Quality = (99, 100)

    legacy = {"quality_lower": ("quality_range", 0), "quality_upper": ("quality_range", 1)}
    order_1_3 = ("quality_lower", "quality_upper", "compression_type", "p")

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        kind = settings.get("compression_type")
        name = getattr(kind, "name", None)
        if name in ("JPEG", "WEBP"):  # 1.3 had an enumeration
            settings["compression_type"] = str(name).lower()
        elif kind in (0, 1):
            settings["compression_type"] = ("jpeg", "webp")[kind]
        return settings

    def draw(self, rng: Rng, targets: Targets) -> Params:
        low, high = self.quality_range
        return {"quality": int(rng.integers(low, high + 1))}

    def change_image(self, image: Image, params: Params) -> Image:
        return compress(image, self.compression_type, params["quality"])


class JpegCompression(PixelTransform):
    """Compress a picture as a JPEG file would, and read it back.

    A name of albumentations 1.3 for `ImageCompression`.

    Args:
        quality_lower: lowest quality that may be drawn, 1 to 100.
        quality_upper: highest quality that may be drawn.

    Raises:
        RangeError: the lowest lies above the highest.

    Example:
        >>> JpegCompression(90, 100, p=1)(np.zeros((8, 8, 3), np.uint8)).shape
        (8, 8, 3)
    """

    quality_lower: Annotated[int, Between(1, 100)] = 99
    quality_upper: Annotated[int, Between(1, 100)] = 100

    def check(self) -> None:
        if self.quality_lower > self.quality_upper:
            raise RangeError(
                f"JpegCompression.quality_lower: {self.quality_lower} is above "
                f"quality_upper, {self.quality_upper}"
            )

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"quality": int(rng.integers(self.quality_lower, self.quality_upper + 1))}

    def change_image(self, image: Image, params: Params) -> Image:
        return compress(image, "jpeg", params["quality"])


def compress(image: Image, kind: str, quality: int) -> Image:
    """Write into a file in memory, blue first, and read it back in the dtype of the picture."""
    if image.dtype != np.uint8:
        levels = from_unit(to_unit(image), np.uint8)
        return from_unit(to_unit(compress(levels, kind, quality)), image.dtype)
    if image.shape[2] == 3:
        return _round_trip(image, kind, quality, cv2.IMREAD_COLOR)
    planes = [
        _round_trip(np.ascontiguousarray(image[..., c]), kind, quality, cv2.IMREAD_GRAYSCALE)
        for c in range(image.shape[2])
    ]
    return np.stack(planes, axis=-1)


def _round_trip(image: Image, kind: str, quality: int, read: int) -> Image:
    ending, flag = (
        (".jpg", cv2.IMWRITE_JPEG_QUALITY)
        if kind == "jpeg"
        else (".webp", cv2.IMWRITE_WEBP_QUALITY)
    )
    _, encoded = cv2.imencode(ending, image, (flag, quality))
    return cv2.imdecode(encoded, read)  # type: ignore[no-any-return]
