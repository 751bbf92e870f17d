"""Plain numbers about a picture, for the report: clipping, brightness, contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image

__all__ = ["BINS", "PictureScores", "histogram_paths", "score_picture"]

WINDOW_PX = 9
BINS = 64
COLORS = ("#e5484d", "#46a758", "#3e8ede")
Codes: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class PictureScores:
    """What the report says about each picture.

    Args:
        blown: share of pixels with a channel at white (254 of 255 or more).
        blocked: share of pixels with every channel at black (1 of 255 or less).
        mean: mean of grey, 0..1.
        entropy_bits: entropy of grey in 256 steps; 8 would be an even spread.
        local_contrast: mean over the picture of the standard deviation of grey
            in windows of 9 px, 0..1.
    """

    blown: float
    blocked: float
    mean: float
    entropy_bits: float
    local_contrast: float


def score_picture(codes: Codes) -> PictureScores:
    """Give the scores of a display picture (h, w, c) of 8 bits.

    Example:
        >>> halves = np.zeros((16, 16, 1), np.uint8)
        >>> halves[8:] = 255
        >>> scores = score_picture(halves)
        >>> scores.blown, scores.blocked, scores.entropy_bits
        (0.5, 0.5, 1.0)
    """
    grey = codes[..., 0] if codes.shape[2] == 1 else cv2.cvtColor(codes, cv2.COLOR_RGB2GRAY)
    counts = np.bincount(grey.ravel(), minlength=256)
    share = counts[counts > 0] / grey.size
    values = grey.astype(np.float32) / 255.0
    mean = cv2.blur(values, (WINDOW_PX, WINDOW_PX))
    variance = cv2.blur(values * values, (WINDOW_PX, WINDOW_PX)) - mean * mean
    return PictureScores(
        blown=float((codes.max(axis=2) >= 254).mean()),
        blocked=float((codes.max(axis=2) <= 1).mean()),
        mean=float(values.mean()),
        entropy_bits=float(-(share * np.log2(share)).sum()) + 0.0,
        local_contrast=float(np.sqrt(np.maximum(variance, 0.0)).mean()),
    )


def histogram_paths(codes: Image, width: int, height: int) -> list[dict[str, Any]]:
    """Give an SVG path for the histogram of each channel.

    The height is the square root of the count, so that small peaks are seen.
    """
    paths = []
    channels = codes.shape[2]
    for channel in range(channels):
        counts = np.bincount(codes[..., channel].ravel() // (256 // BINS), minlength=BINS)
        tall = np.sqrt(counts / max(1, counts.max())) * height
        x = np.linspace(0.0, width, BINS)
        line = " ".join(f"L{a:.1f} {height - b:.1f}" for a, b in zip(x, tall, strict=True))
        color = COLORS[channel] if channels == 3 else "#c8c4bc"
        paths.append({"d": f"M0 {height} {line} L{width} {height} Z", "color": color})
    return paths
