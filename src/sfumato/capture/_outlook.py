"""What one frame of a bracket lets one expect of the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._codes import Codes, channel_max
from sfumato.capture.intensity_map import IntensityMap
from sfumato.core.opencv import cv2

__all__ = ["Known", "Outlook", "shrink_factor"]

OPEN_RANGE = (16.0, 32.0)
"""Widths of the interval, in codes, between which the surroundings take over from the curve."""
CELLS = 1_000_000
"""Masks are cleaned on at most this many cells, so their sizes are fractions of the picture."""


def shrink_factor(size: tuple[int, int]) -> int:
    """Give the side of a cell in pixels."""
    return max(1, int(np.ceil(np.sqrt(size[0] * size[1] / CELLS))))


@dataclass(frozen=True, eq=False)
class Known:
    """The interval in which each pixel of a mended frame lies, in codes.

    Args:
        low: smallest codes.
        high: largest codes; the same array where all is known.
        clipped: where a frame between the reference and this one tells nothing, 255.

    Shape:
        low, high (h, w, c); clipped (h, w).
    """

    low: Codes
    high: Codes
    clipped: Codes

    def seen_through(self, curve: IntensityMap, source: Codes) -> Outlook:
        """Give what to expect of the next frame."""
        tables = (np.floor(curve.low + 0.25), np.ceil(curve.high - 0.25))
        low, high = (
            np.asarray(cv2.LUT(plane, np.ascontiguousarray(table.T.astype(np.uint8))[None]))
            for plane, table in zip((self.low, self.high), tables, strict=True)
        )
        low, high = low.reshape(source.shape), high.reshape(source.shape)
        unknown = channel_max(cv2.subtract(high, low).reshape(source.shape)) >= OPEN_RANGE[0]
        clipped = self.clipped | (unknown.view(np.uint8) * np.uint8(255))
        return Outlook(curve, source, low, high, clipped)


@dataclass(frozen=True, eq=False)
class Outlook:
    """The interval in which each pixel of a frame must lie, unless something moved.

    Args:
        curve: the map from the neighbour to the frame.
        source: codes of the neighbour.
        low: smallest expected codes of the frame.
        high: largest expected codes.
        clipped: as in `Known`.

    Shape:
        source, low, high (h, w, c); clipped (h, w).
    """

    curve: IntensityMap
    source: Codes
    low: Codes
    high: Codes
    clipped: Codes

    @property
    def factor(self) -> int:
        """The side of a cell in pixels."""
        return shrink_factor((self.source.shape[0], self.source.shape[1]))

    def settled(self, codes: Codes, mask: NDArray[np.uint8] | None = None) -> Known:
        """Say what is known of the frame: itself, and the expectation where it was a ghost."""
        if mask is None:
            return Known(codes, codes, self.clipped)
        low, high = codes.copy(), codes.copy()
        cv2.copyTo(self.low, mask, low)
        cv2.copyTo(self.high, mask, high)
        return Known(low, high, self.clipped)
