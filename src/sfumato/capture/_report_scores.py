"""Numbers about a picture, for the report: clipping, brightness, contrast, structure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, Stack
from sfumato.measure.mef_ssim import MEFSSIM, PATCH_PX

__all__ = [
    "BINS",
    "FusionScores",
    "PictureScores",
    "histogram_paths",
    "score_fusion",
    "score_picture",
]

WINDOW_PX = 9
BINS = 64
PUBLISHED_STEP = 2
"""Published figures of MEF-SSIM are of every second pixel in both directions."""
MOST_PX = 1000
MOST_SUMS = 16_000_000
"""Pixels times the square of the frames; a second of work, whatever the series."""
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


@dataclass(frozen=True)
class FusionScores:
    """MEF-SSIM with one scale of everything that was at hand when a bracket was fused.

    Args:
        frames: one for each frame, as it was fused: aligned, ghosts removed.
        result: of the fused picture, before it was finished.
        step: every how many pixels were compared, in both directions.
    """

    frames: tuple[float, ...]
    result: float
    step: int


def score_fusion(stack: Stack, fused: Image) -> FusionScores | None:
    """Say how much structure of a bracket its frames and its fusion hold.

    Every second pixel of both directions is compared, as for published figures, and
    fewer of a large picture or a long series. None where that leaves no patch.

    Shape:
        stack (n, h, w, c), fused (h, w, c) of its dtype, c 1 or 3.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> dark = rng.integers(0, 100, (40, 40, 3), np.uint8)
        >>> scores = score_fusion(np.stack([dark, dark * 2]), dark * 2)
        >>> scores.result == scores.frames[1] > scores.frames[0], scores.step
        (True, 2)
    """
    count, height, width = stack.shape[:3]
    by_side = max(height, width) / MOST_PX
    by_work = (height * width * count**2 / MOST_SUMS) ** 0.5
    step = max(PUBLISHED_STEP, math.ceil(max(by_side, by_work)))
    pictures = [np.ascontiguousarray(image[::step, ::step]) for image in (*stack, fused)]
    if min(pictures[0].shape[:2]) < PATCH_PX:
        return None
    scores = MEFSSIM(scales=1).score_each(pictures, np.stack(pictures[:-1]))
    return FusionScores(scores[:-1], scores[-1], step)


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
