"""Counts of the values of a picture, channel by channel."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image, full_range
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["Unit", "check_weights", "counts_of", "in_unit"]

Unit: TypeAlias = Literal["bits", "nats"]
"""Logarithm to base 2 or e."""
BAND_ROWS = 128


def in_unit(nats: float, unit: Unit) -> float:
    """Turn nats into the unit asked for."""
    if unit not in ("bits", "nats"):
        raise RangeError(f"expected the unit 'bits' or 'nats', got {unit!r}")
    return nats / math.log(2.0) if unit == "bits" else nats


def counts_of(image: Image, bins: int) -> NDArray[np.int64]:
    """Count the values of each channel in equal bins from black to white.

    Float values beyond the range are counted in the outermost bins.

    Shape:
        (h, w, c) to (c, bins).
    """
    levels = bins if image.dtype.kind == "f" else int(full_range(image.dtype)) + 1
    counts = np.zeros((image.shape[2], levels), np.int64)
    for top in range(0, image.shape[0], BAND_ROWS):
        band = image[top : top + BAND_ROWS]
        if band.dtype.kind == "f":
            band = np.clip(band * np.float32(bins), 0, bins - 1).astype(np.intp)
        for channel in range(image.shape[2]):
            counts[channel] += np.bincount(band[..., channel].ravel(), minlength=levels)
    if levels == bins:
        return counts
    grouped = np.zeros((image.shape[2], bins), np.int64)
    place = np.arange(levels) * bins // levels
    for channel in range(image.shape[2]):
        np.add.at(grouped[channel], place, counts[channel])
    return grouped


def check_weights(values: Any, who: str) -> NDArray[np.float64]:
    """Return probabilities that sum to 1 from weights that need not.

    Raises:
        DtypeError: no numbers.
        ShapeError: empty.
        RangeError: NaN, infinity, below 0, or nothing above 0.
    """
    weights = np.asarray(values)
    if weights.dtype.kind not in "buif":
        raise DtypeError(f"{who}: expected numbers, got {weights.dtype}")
    weights = weights.astype(np.float64)
    if weights.size == 0:
        raise ShapeError(f"{who}: there are no weights")
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() <= 0:
        raise RangeError(f"{who}: weights must be finite, 0 or more, and not all 0")
    return np.asarray(weights / weights.sum())
