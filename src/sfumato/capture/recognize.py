"""Tell what a series of frames is: a bracket, a focus series, a burst."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.color.transfer import srgb_to_linear
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, to_unit
from sfumato.raster.resize import resize_image

__all__ = ["Recognition", "SeriesKind", "recognize_series"]

SeriesKind: TypeAlias = Literal["bracket", "focus", "burst", "single"]

BRACKET_EV = 0.3
"""A difference of exposure from here on is a bracket; cameras step in thirds."""
LOOK_PX = 640
"""Frames are compared at this long side: enough to see focus, little enough to be quick."""
CELL_PX = 20
FOCUS_SHARE = 0.2
FOCUS_BITS = 1.0
MIN_ENERGY = 1e-6
MIN_CELLS = 8
MAX_CHANGE = 0.06
DETAIL_PX = 1.0
RANKS = np.linspace(0.0, 1.0, 65)
QUANTILES = np.linspace(0.02, 0.98, 49)
Plane: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Recognition:
    """What a series was found to be, and by what.

    Args:
        kind: the finding.
        source: ``count`` (one frame), ``metadata`` or ``pixels``.
        exposure_range_ev: how far the exposures lie apart.
        focus_share: share of the textured area where sharpness changes between
            frames; NaN where it was not needed.
    """

    kind: SeriesKind
    source: Literal["count", "metadata", "pixels"]
    exposure_range_ev: float = 0.0
    focus_share: float = math.nan

    def __str__(self) -> str:
        if self.kind == "single":
            return "single: one frame"
        if self.kind == "bracket":
            return f"bracket: exposures {self.exposure_range_ev:.1f} EV apart, from {self.source}"
        moves = "moves" if self.kind == "focus" else "stays"
        return f"{self.kind}: equal exposures, sharpness {moves} ({self.focus_share:.0%} of the area)"


def recognize_series(sample: Sample) -> Recognition:
    """Tell what a series of frames is: a bracket, a focus series, a burst.

    Exposure comes from time, sensitivity and aperture where every frame states
    them, else from the pixels: the histograms, which do not mind a moved camera,
    give the ratio of linear light between frames at equal ranks. From 0.3 EV on
    it is a bracket. Among equal exposures a focus series is one in which
    different parts of the picture are sharp in different frames: the energy of
    the Laplacian in small cells, each frame's own median taken off (a frame that
    is blurred as a whole says nothing about focus), differs by a factor of more
    than 2 in a fifth of the textured cells. What remains is a burst.

    Args:
        sample: with a ``stack``; without one, or with a single frame, it is a
            single picture.

    Returns:
        The finding; ``.kind`` is the word, its text the reason.

    Example:
        >>> frame = np.random.default_rng(0).integers(0, 99, (64, 64, 3), np.uint8)
        >>> str(recognize_series(Sample(frame, stack=np.stack([frame, 2 * frame]))))
        'bracket: exposures 2.2 EV apart, from pixels'
    """
    if sample.stack is None or len(sample.stack) == 1:
        return Recognition("single", "count")
    stated = stated_exposures_ev(sample.meta.get("frames", ()), len(sample.stack))
    if stated is not None and np.ptp(stated) > BRACKET_EV:
        return Recognition("bracket", "metadata", float(np.ptp(stated)))
    linear = sample.space == "linear"
    frames = [_reduced(frame) for frame in sample.stack]
    spread = float(np.ptp(stated)) if stated is not None else _exposure_range_ev(frames, linear)
    if spread > BRACKET_EV:
        return Recognition("bracket", "pixels", spread)
    share = _focus_share(frames)
    return Recognition("focus" if share > FOCUS_SHARE else "burst", "pixels", spread, share)


def stated_exposures_ev(frames: Any, count: int) -> list[float] | None:
    """Give log2 of the exposure of each frame from what its camera wrote.

    Args:
        frames: ``meta["frames"]``.
        count: how many frames there are.

    Returns:
        One number a frame up to a common constant, or None where a time is missing.
    """
    if len(frames) != count:
        return None
    keys = ("exposure_time_s", "iso", "f_number")
    known = [key for key in keys if all(_positive(frame.get(key)) for frame in frames)]
    if "exposure_time_s" not in known:
        return None
    power = {"exposure_time_s": 1.0, "iso": 1.0, "f_number": -2.0}
    return [sum(power[key] * math.log2(frame[key]) for key in known) for frame in frames]


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _reduced(frame: Image) -> Plane:
    """Give a small colour or grey float copy."""
    height, width = frame.shape[:2]
    scale = min(1.0, LOOK_PX / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return to_unit(resize_image(frame[..., :3], size))


def _exposure_range_ev(frames: list[Plane], linear: bool) -> float:
    """Give how far the exposures lie apart by the ratio of light at equal ranks."""
    ranked = [np.quantile(_grey(frame), QUANTILES).astype(np.float32) for frame in frames]
    ranked.sort(key=lambda values: float(values.mean()))
    return sum(_step_ev(low, high, linear) for low, high in itertools.pairwise(ranked))


def _step_ev(low: Plane, high: Plane, linear: bool) -> float:
    # Ranks that are black or blown in either frame say nothing about their ratio.
    usable = (np.minimum(low, high) > 0.02) & (np.maximum(low, high) < 0.97)
    if usable.sum() < 5:
        usable = np.ones_like(usable)
    light = [values if linear else srgb_to_linear(values) for values in (low, high)]
    dark, bright = (np.maximum(values[usable], 1e-3) for values in light)
    return max(0.0, float(np.median(np.log2(bright / dark))))


def _grey(frame: Plane) -> Plane:
    return frame.mean(axis=2)


def _focus_share(frames: list[Plane]) -> float:
    """Give the share of the textured cells in which sharpness changes between frames."""
    grey = _shifted_together([_grey(frame) for frame in frames])
    mapped, seen = _equally_bright(grey)
    energy = np.stack([_cells(_detail(plane) ** 2) for plane in mapped])
    content = np.stack([_cells(plane) for plane in mapped])
    noise = max(float(np.quantile(energy, 0.02)), MIN_ENERGY)
    usable = energy.max(axis=0) > 4.0 * noise
    # Where something moved the cell's mean changes too, which focus alone hardly does.
    usable &= np.ptp(content, axis=0) < MAX_CHANGE
    usable &= _cells(seen.astype(np.float32)) > 0.9
    if usable.sum() < MIN_CELLS:
        return 0.0
    level = np.log2(energy[:, usable] + noise)
    own = level - np.median(level, axis=1, keepdims=True)
    return float((np.ptp(own, axis=0) > FOCUS_BITS).mean())


def _equally_bright(planes: list[Plane]) -> tuple[list[Plane], NDArray[np.bool_]]:
    """Give the frames with the histogram of the middle one, and where none is clipped."""
    order = np.argsort([float(plane.mean()) for plane in planes])
    wanted = np.quantile(planes[order[len(order) // 2]], RANKS)
    mapped, seen = [], np.ones(planes[0].shape, np.bool_)
    for plane in planes:
        seen &= (plane > 0.02) & (plane < 0.97)
        ranked = np.maximum.accumulate(np.quantile(plane, RANKS) + np.arange(len(RANKS)) * 1e-7)
        mapped.append(np.interp(plane, ranked, wanted).astype(np.float32))
    return mapped, seen


def _detail(grey: Plane) -> Plane:
    # The blur takes noise off that would hide the difference between sharp and blurred.
    return np.asarray(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), DETAIL_PX), cv2.CV_32F))


def _cells(plane: Plane) -> Plane:
    """Give the mean of each cell."""
    size = (max(1, plane.shape[1] // CELL_PX), max(1, plane.shape[0] // CELL_PX))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _shifted_together(planes: list[Plane]) -> list[Plane]:
    """Undo the shift of each frame against the first, to the pixel, and crop to what all see."""
    window = cv2.createHanningWindow(planes[0].shape[::-1], cv2.CV_32F)
    shifts = [(0, 0)]
    for plane in planes[1:]:
        (dx, dy), _ = cv2.phaseCorrelate(planes[0], plane, window)
        shifts.append((round(dx), round(dy)))
    height, width = planes[0].shape
    limit = (width // 4, height // 4)
    # Frames that share nothing to hold on to give any shift; such a one is left where it is.
    shifts = [s if abs(s[0]) <= limit[0] and abs(s[1]) <= limit[1] else (0, 0) for s in shifts]
    left, top = (-min(0, *(s[axis] for s in shifts)) for axis in (0, 1))
    right, bottom = (max(0, *(s[axis] for s in shifts)) for axis in (0, 1))
    rows, columns = height - top - bottom, width - left - right
    return [
        plane[top + dy : top + dy + rows, left + dx : left + dx + columns]
        for plane, (dx, dy) in zip(planes, shifts, strict=True)
    ]
