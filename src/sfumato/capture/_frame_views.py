"""What alignment looks at: a frame made small, with exposure and contrast evened out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range
from sfumato.errors import RangeError
from sfumato.features.sift import KeyPoints, detect_sift

__all__ = ["FrameView", "ToneMap", "look_at", "luma", "tone_map"]

ToneMap: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]

LONG_SIDE_PX = 1600
"""Key points are sought at this size; patches at full size make the result exact."""
SPREAD_PX = 16
"""Contrast is evened out over this distance in the small picture."""
DARKEST = 1.0 / 255.0
"""Added before the logarithm, so that the noise of black does not shout."""
FLOOR_EV = 0.05
"""Contrast below this stays flat."""
GAIN = 45.0
TONES, TONE_SAMPLES = 512, 60_000
MAX_POINTS = 6000
WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class FrameView:
    """A frame and how the search for matches sees it.

    Args:
        pixels: the frame itself.
        even: uint8, the small picture: logarithm, local mean removed, local contrast equal.
        tones: float32 (c, q), quantiles of each channel, in unit range.
        scale: pixels of the frame per pixel of the small picture, (x, y).
        exposure: mean of the logarithm of the small picture, in EV.
        well_exposed: share of the picture that is neither dark nor bright, 0..1.
        keypoints: in pixels of the frame.
    """

    pixels: Image
    even: NDArray[np.uint8]
    tones: NDArray[np.float32]
    scale: tuple[float, float]
    exposure: float
    well_exposed: float
    keypoints: KeyPoints

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frame."""
        return self.pixels.shape[0], self.pixels.shape[1]


def look_at(frame: Image, who: str) -> FrameView:
    """Make the view of one frame.

    Raises:
        RangeError: the frame holds NaN or infinity.
    """
    height, width = frame.shape[:2]
    shrink = min(1.0, LONG_SIDE_PX / max(height, width))
    small = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    picture = frame if shrink == 1.0 else cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
    picture = picture.reshape(small[1], small[0], -1)
    unit = picture.astype(np.float32) / np.float32(full_range(frame.dtype))
    if not np.isfinite(unit).all():
        raise RangeError(f"{who}: the frame holds NaN or infinity")
    grey = luma(unit)
    light = np.log2(np.maximum(grey, 0.0) + np.float32(DARKEST))
    even = _evened(light)
    scale = (width / small[0], height / small[1])
    return FrameView(
        pixels=frame,
        even=even,
        tones=_quantiles(unit),
        scale=scale,
        exposure=float(light.mean()),
        well_exposed=float(np.exp(-0.5 * ((np.clip(grey, 0, 1) - 0.5) / 0.2) ** 2).mean()),
        keypoints=detect_sift(even, max_points=MAX_POINTS).scaled(scale),
    )


def tone_map(dark: FrameView, bright: FrameView) -> ToneMap:
    """Give the monotone curve of each channel that makes a dark frame look like a bright one.

    Equal quantiles are equal light; what the bright frame clips is clipped then in both.
    """
    curves: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for low, high in zip(dark.tones, bright.tones, strict=True):
        knots, where, count = np.unique(low, return_inverse=True, return_counts=True)
        mean = np.bincount(where.reshape(-1), weights=high) / count
        curves.append((knots, mean.astype(np.float32)))

    def mapped(unit: NDArray[np.float32]) -> NDArray[np.float32]:
        channels = [
            np.interp(unit[..., c], knots, values) for c, (knots, values) in enumerate(curves)
        ]
        return np.stack(channels, axis=-1).astype(np.float32)

    return mapped


def luma(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Weigh the colours of (..., c) to grey; alpha and the like are left out."""
    if picture.shape[-1] < 3:
        return np.asarray(picture[..., 0], np.float32)
    return np.asarray(picture[..., :3].astype(np.float32) @ WEIGHTS)


def _quantiles(unit: NDArray[np.float32]) -> NDArray[np.float32]:
    channels = min(3, unit.shape[2]) if unit.shape[2] != 2 else 1
    stride = max(1, int(np.sqrt(unit.shape[0] * unit.shape[1] / TONE_SAMPLES)))
    ordered = np.sort(unit[::stride, ::stride, :channels].reshape(-1, channels), axis=0)
    at = np.linspace(0, len(ordered) - 1, TONES).round().astype(int)
    return np.ascontiguousarray(ordered[at].T)


def _evened(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    detail = light - _local_mean(light)
    contrast = np.sqrt(np.maximum(_local_mean(detail * detail), 0.0)) + np.float32(FLOOR_EV)
    return np.asarray(np.clip(128.5 + GAIN * detail / contrast, 0.0, 255.0), np.uint8)


def _local_mean(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = plane.shape
    quarter = (max(1, width // 4), max(1, height // 4))
    small = cv2.resize(plane, quarter, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), SPREAD_PX / 4)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR))
