"""How strong the white noise of a picture is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["white_noise"]

MEDIAN_TO_SD = 1.4826
SAMPLES = 250_000


def white_noise(plane: NDArray[Any]) -> float:
    """Give the standard deviation of white noise: edges along rows and columns cancel out."""
    if min(plane.shape) < 2:
        return 0.0
    stride = max(1, math.isqrt(plane.size // SAMPLES))
    height, width = plane.shape
    a, b, c, d = (
        plane[i : height - 1 + i : stride, j : width - 1 + j : stride].astype(np.float32)
        for i in (0, 1)
        for j in (0, 1)
    )
    return float(np.median(np.abs(a - b - c + d))) * MEDIAN_TO_SD / 2.0
