"""What a file says about its picture before a pixel is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Header"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What a file says about its picture.

    Args:
        format: ``jpeg``, ``png``, ``webp``, ``tiff`` or ``raw``.
        width: pixels in a row, as stored (before the orientation is applied).
        height: rows, as stored.
        channels: of the decoded picture: 1, 3 or 4.
        dtype: of the decoded picture.
        orientation: EXIF orientation, 1 to 8.
        exif: EXIF block from its TIFF header on, without a prefix.
        icc_profile: ICC profile that describes the decoded picture.
        space: ``srgb`` unless the file was marked otherwise by sfumato.
        pages: pictures in the file, of which the first is read.
        notes: texts that the file carries, by keyword.
        layout: what the decoder of this format needs to know.
    """

    format: str
    width: int
    height: int
    channels: int
    dtype: np.dtype[Any]
    orientation: int = 1
    exif: bytes | None = None
    icc_profile: bytes | None = None
    space: str = "srgb"
    pages: int = 1
    notes: Mapping[str, str] = field(default_factory=dict)
    layout: Any = None

    def size(self, orient: bool) -> tuple[int, int]:
        """Height and width, upright when ``orient`` is set."""
        if orient and self.orientation >= 5:
            return self.width, self.height
        return self.height, self.width
