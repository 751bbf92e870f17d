"""Histograms of all channels in one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.core.shapes import Image, full_range

__all__ = ["count_levels", "in_levels"]


def count_levels(image: Image, weight: NDArray[np.uint8] | None = None) -> NDArray[np.int64]:
    """Count how often each level occurs in each channel.

    Args:
        image: uint8 or uint16, (h, w, c).
        weight: (h, w, 1) or (h, w, c); only what is not 0 is counted; none for all.

    Shape:
        returns (256 or 65536, c).
    """
    counts = np.zeros((image.shape[2], int(full_range(image.dtype)) + 1), np.int64)
    if weight is None:
        again = np.zeros_like(counts)
        _count(np.ascontiguousarray(image), counts, again)
        counts += again
    else:
        _count_where(np.ascontiguousarray(image), weight, counts)
    return counts.T


def in_levels(image: Image, work: Callable[[Image], Image]) -> Image:
    """Let float pictures be worked on in levels of 8 bits, and give floats back."""
    if image.dtype != np.float32:
        return work(image)
    levels = np.rint(np.clip(image, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    return work(levels) * np.float32(1.0 / 255.0)


@compiled
def _count(image: Any, counts: Any, again: Any) -> None:
    # Neighbors are often equal: counted in two tables they need not wait for one another.
    height, width, channels = image.shape
    for y in range(height):
        for x in range(0, width - 1, 2):
            for c in range(channels):
                counts[c, image[y, x, c]] += 1
                again[c, image[y, x + 1, c]] += 1
        if width & 1 == 1:
            for c in range(channels):
                counts[c, image[y, width - 1, c]] += 1


@compiled
def _count_where(image: Any, weight: Any, counts: Any) -> None:
    height, width, channels = image.shape
    last = weight.shape[2] - 1
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                if weight[y, x, min(c, last)] != 0:
                    counts[c, image[y, x, c]] += 1
