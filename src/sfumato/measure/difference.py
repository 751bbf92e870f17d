"""Sums over the difference of two pictures, at the speed of reading them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range

__all__ = ["mean_difference", "range_of"]


def range_of(image: Image, data_range: float | None) -> float:
    """Give the distance from black to white: as stated, or that of the dtype."""
    return full_range(image.dtype) if data_range is None else data_range


def mean_difference(a: Image, b: Image, power: Literal[1, 2]) -> float:
    """Give the mean of ``|a - b| ** power`` over all values, in the units of the dtype.

    Integers are summed exactly, floats in double precision.
    """
    norm = cv2.NORM_L1 if power == 1 else cv2.NORM_L2SQR
    # One row a line: OpenCV knows few channels, and the views of a crop or flip not at all.
    rows = [np.ascontiguousarray(image).reshape(image.shape[0], -1) for image in (a, b)]
    return float(cv2.norm(rows[0], rows[1], norm)) / a.size
