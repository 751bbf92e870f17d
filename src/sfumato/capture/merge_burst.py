"""Merge equal exposures into one picture with less noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, Stack, full_range
from sfumato.errors import RangeError

__all__ = ["MergeBurst"]

FloatPlane: TypeAlias = NDArray[np.float32]

BINS = 32
"""Levels of brightness at which the noise is estimated."""
SAMPLES = 400_000
FEWEST = 200
"""Pixels below which a statistic is not trusted."""
ROUNDING = {np.dtype(np.uint8): 0.3, np.dtype(np.uint16): 0.3, np.dtype(np.float32): 1e-6}
"""Noise below this cannot be told from rounding; in the units of the values."""
BAND = 128
GROW = 5
"""Side of the window in which the least weight counts, in pixels."""
_SLOPE = np.array([[-0.5, 0.0, 0.5]], np.float32)
DISPLAY_GAMMA = 2.2
FEWEST_MIDDLE = 0.05
"""Share of usable pixels below which brightness is not compared."""


class MergeBurst(Operator):
    """Average aligned frames of equal exposure, leaving out what moved.

    Noise falls with the square root of the number of frames where nothing moved;
    moving things are those of one frame, the reference. Each frame is compared
    with the reference in a small window: the root mean square of the difference,
    in units of the noise that two frames of this brightness are expected to
    differ by. Up to the tolerance a frame counts fully, at one and a half times
    the tolerance it counts no more. The noise is estimated from the frames
    themselves, by the median absolute difference at each brightness, so it needs
    no knowledge of the camera.

    Args:
        reference: index of the frame whose moving things stay; None takes
            ``meta["reference"]``, else the first.
        tolerance_sigmas: difference from the reference that is taken for noise,
            in standard deviations.
        window_px: side of the window in which frames are compared, odd.
        misalignment_px: shift that is still taken for an unmoved edge.
        max_difference_ev: exposures that differ by more are refused, since they are
            no burst; told by the metadata where every frame has it, else by the
            brightness of the frames.

    Shape:
        stack (n, h, w, c) to image (h, w, c); the mask (h, w) is uint8, 1 where
        any frame was left out.

    Raises:
        RangeError: the reference is not in the stack, the window is even, a value
            is not finite, or the frames are exposed differently.

    Example:
        >>> burst = [np.full((8, 8, 1), value, np.uint8) for value in (99, 100, 101)]
        >>> int(MergeBurst()(burst)[4, 4, 0])
        100

    References:
        S. Hasinoff et al. Burst Photography for High Dynamic Range and Low-Light
        Imaging on Mobile Cameras. ACM Transactions on Graphics, 2016.
        doi:10.1145/2980179.2980254
    """

    reads: ClassVar[tuple[str, ...]] = ("stack",)
    writes: ClassVar[tuple[str, ...]] = ("image", "mask")

    reference: Annotated[int | None, Between(low=0)] = None
    tolerance_sigmas: Annotated[float, Between(1.2, 20.0)] = 2.0
    window_px: Annotated[int, Between(1, 31)] = 5
    misalignment_px: Annotated[float, Between(0.0, 5.0)] = 0.3

    max_difference_ev: Annotated[float, Between(0.1, 30.0)] = 0.7

    # The frames of the contract tests differ: what differs is then left out.
    _example: ClassVar[Mapping[str, Any]] = {"max_difference_ev": 30.0}

    def check(self) -> None:
        if self.window_px % 2 == 0:
            raise RangeError(f"window_px: {self.window_px} is even, a window has a middle")

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        stack = sample.require("stack", "MergeBurst")
        index = self._reference(sample, len(stack))
        _check_finite(stack)
        _check_equal_exposure(sample, stack, index, self.max_difference_ev)
        noise = _noise_of_differences(stack, index)
        reference = stack[index]
        merged = np.empty_like(reference)
        mask = np.zeros(reference.shape[:2], np.uint8)
        height, halo = reference.shape[0], self.window_px // 2 + GROW
        for top in range(0, height, BAND):
            bottom = min(height, top + BAND)
            start, stop = max(0, top - halo), min(height, bottom + halo)
            rows = np.s_[top - start : bottom - start]
            image, rejected = self._merge(stack[:, start:stop], index, noise)
            merged[top:bottom], mask[top:bottom] = image[rows], rejected[rows]
        meta = {**sample.meta, "reference": index}
        return sample.but(image=merged, mask=mask, stack=None, meta=meta)

    def _reference(self, sample: Sample, count: int) -> int:
        given = self.reference if self.reference is not None else sample.meta.get("reference", 0)
        if not 0 <= int(given) < count:
            raise RangeError(
                f"MergeBurst: reference {given} is not in a stack of {count} frames",
                hint="frames are counted from 0",
            )
        return int(given)

    def _merge(
        self, frames: Stack, index: int, noise: NDArray[np.float32]
    ) -> tuple[Image, NDArray[np.uint8]]:
        """Merge some rows, those of the halo included."""
        reference = frames[index].astype(np.float32)
        window = (self.window_px, self.window_px)
        scale = self._scale(reference, noise, frames.dtype)
        total = np.zeros_like(reference)
        count = np.ones(reference.shape[:2], np.float32)
        rejected = np.zeros(reference.shape[:2], np.uint8)
        for k, frame in enumerate(frames):
            if k == index:
                continue
            gap = np.subtract(frame, reference, dtype=np.float32)
            weight = self._weight(gap, scale, window)
            rejected |= (weight < 0.5).view(np.uint8)
            total += weight[..., None] * gap
            count += weight
        mean = reference + total / count[..., None]
        if frames.dtype != np.float32:
            mean = np.clip(np.rint(mean), 0, full_range(frames.dtype))
        return mean.astype(frames.dtype), rejected

    def _scale(
        self, reference: FloatPlane, noise: NDArray[np.float32], dtype: np.dtype[Any]
    ) -> FloatPlane:
        """Give one over the difference that noise and a small shift explain."""
        window = (self.window_px, self.window_px)
        deviation = _at_level(cv2.blur(reference, window), noise, dtype)
        smooth = cv2.blur(reference, (3, 3))
        across, down = (
            cv2.filter2D(smooth, -1, kernel).reshape(reference.shape)
            for kernel in (_SLOPE, _SLOPE.T)
        )
        shifted = np.float32(self.misalignment_px**2) * (across * across + down * down)
        return np.asarray(1.0 / np.sqrt(deviation * deviation + shifted), np.float32)

    def _weight(self, gap: FloatPlane, scale: FloatPlane, window: tuple[int, int]) -> FloatPlane:
        relative = gap * scale
        channels = relative.shape[2]
        mean = np.full((1, channels), 1.0 / channels, np.float32)
        energy = cv2.blur(cv2.transform(relative * relative, mean), window)
        ratio = np.sqrt(energy) / np.float32(self.tolerance_sigmas)
        weight = np.clip(3.0 - 2.0 * ratio, 0.0, 1.0)
        # A window half across the edge of a moving thing may miss it: the one beside it does not.
        return np.asarray(cv2.erode(weight, np.ones((GROW, GROW), np.uint8)), np.float32)


def _at_level(level: NDArray[Any], noise: NDArray[np.float32], dtype: np.dtype[Any]) -> FloatPlane:
    """Read the noise curves at each pixel and channel, by linear interpolation."""
    shape = (*level.shape[:2], len(noise))
    position = level.reshape(shape) * ((BINS - 1) / np.float32(full_range(dtype)))
    bins = np.arange(BINS)
    planes = [np.interp(position[..., c], bins, curve) for c, curve in enumerate(noise)]
    return np.stack(planes, axis=-1).astype(np.float32)


def _noise_of_differences(stack: Stack, index: int) -> NDArray[np.float32]:
    """Estimate the standard deviation of the difference of two frames.

    Shape:
        (n, h, w, c) to (c, bins), levels evenly spaced from 0 to white.
    """
    channels = stack.shape[3]
    floor = ROUNDING[stack.dtype]
    others = [k for k in range(len(stack)) if k != index]
    if not others:
        return np.full((channels, BINS), floor, np.float32)
    step = max(1, int(np.sqrt(stack.shape[1] * stack.shape[2] / SAMPLES)))
    grid = np.s_[step // 2 :: step, step // 2 :: step]
    reference = stack[index][grid].astype(np.float32)
    pairs = np.empty((len(others), channels, BINS))
    for row, k in enumerate(others):
        other = stack[k][grid].astype(np.float32)
        gap, level = np.abs(other - reference), (other + reference) / 2
        for c in range(channels):
            pairs[row, c] = _spread_by_level(
                gap[..., c].ravel(), level[..., c].ravel(), full_range(stack.dtype), floor
            )
    # Frames that differ as a whole, or in most of one tone, must not set the measure.
    return np.quantile(pairs, 0.25, axis=0, method="lower").astype(np.float32)


def _spread_by_level(
    gaps: NDArray[Any], levels: NDArray[Any], white: float, floor: float
) -> NDArray[np.float64]:
    position = np.clip(np.rint(levels * ((BINS - 1) / white)), 0, BINS - 1).astype(np.intp)
    order = np.argsort(position, kind="stable")
    edges = np.searchsorted(position[order], np.arange(BINS + 1))
    sizes = gaps[order]
    spread, there = [], []
    for level in range(BINS):
        part = sizes[edges[level] : edges[level + 1]]
        if len(part) >= FEWEST:
            spread.append(_robust_deviation(part, floor))
            there.append(level)
    if not there:
        return np.full(BINS, max(floor, _robust_deviation(sizes, floor)))
    filled = np.interp(np.arange(BINS), there, spread)
    padded = np.pad(filled, 2, mode="edge")
    # A level that only a moving thing has is outvoted by its neighbours.
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)


def _robust_deviation(sizes: NDArray[Any], floor: float) -> float:
    """Scale the median absolute difference to a normal's deviation, between whole levels too."""
    median = float(np.quantile(sizes, 0.5, method="inverted_cdf"))
    if floor >= ROUNDING[np.dtype(np.uint8)]:
        # Whole number v stands for v - 1/2 to v + 1/2, and 0 for 0 to 1/2.
        below, upto = float((sizes < median).mean()), float((sizes <= median).mean())
        share = (0.5 - below) / (upto - below)
        median = 0.5 * share if median == 0 else median - 0.5 + share
    return max(floor, 1.4826 * median)


def _check_finite(stack: Stack) -> None:
    if stack.dtype != np.float32:
        return
    for k, frame in enumerate(stack):
        if not (np.isfinite(frame.min()) and np.isfinite(frame.max())):
            raise RangeError(f"MergeBurst: frame {k + 1} has values that are not finite")


def _check_equal_exposure(sample: Sample, stack: Stack, index: int, limit_ev: float) -> None:
    steps = _steps_from_metadata(sample, len(stack))
    if steps is None:
        gamma = 1.0 if sample.space in ("linear", "raw") else DISPLAY_GAMMA
        steps = [gamma * _step_from_pixels(frame, stack[index]) for frame in stack]
    else:
        steps = [step - steps[index] for step in steps]
    worst = int(np.argmax(np.abs(steps)))
    if abs(steps[worst]) > limit_ev:
        raise RangeError(
            f"MergeBurst: expected equal exposures, frame {worst + 1} is about "
            f"{steps[worst]:+.1f} EV from frame {index + 1}",
            hint="a bracket of exposures is for FuseExposures",
        )


def _steps_from_metadata(sample: Sample, count: int) -> list[float] | None:
    frames = sample.meta.get("frames")
    if frames is None or len(frames) != count:
        return None
    steps = [_exposure_value(facts) for facts in frames]
    known = [step for step in steps if step is not None]
    return known if len(known) == count else None


def _exposure_value(facts: Mapping[str, Any]) -> float | None:
    """How bright the frame comes out, in EV from 1 s, ISO 100, f/1."""
    time, iso = facts.get("exposure_time_s"), facts.get("iso")
    if not time or not iso:
        return None
    stop = facts.get("f_number") or 1.0
    return float(np.log2(time * iso / 100.0 / (stop * stop)))


def _step_from_pixels(frame: Image, reference: Image) -> float:
    """Median ratio in powers of two, over what is neither dark nor clipped in either."""
    white = full_range(frame.dtype)
    step = max(1, int(np.sqrt(frame.shape[0] * frame.shape[1] / SAMPLES)))
    # Averages, so that noise alone does not pick out pairs that differ.
    pair = [cv2.blur(f[::step, ::step].astype(np.float32), (5, 5)) for f in (frame, reference)]
    first, second = (plane.mean(axis=-1) if plane.ndim == 3 else plane for plane in pair)
    middle = (np.minimum(first, second) > 0.08 * white) & (np.maximum(first, second) < 0.9 * white)
    if middle.sum() < max(FEWEST, FEWEST_MIDDLE * middle.size):
        return 0.0
    return float(np.median(np.log2(first[middle] / second[middle])))
