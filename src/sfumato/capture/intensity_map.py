"""How the values of one exposure become those of another.

Two exposures of one scene are tied by a rising curve, whatever the camera's
response: what is brighter in one is brighter in the other. The curve is found
here from the values alone, without exposure times, and without being led astray
by clipping or by things that moved between the shots.

References:
    M. Grossberg, S. Nayar. Determining the Camera Response from Images: What Is
    Knowable? IEEE Transactions on Pattern Analysis and Machine Intelligence,
    2003. doi:10.1109/TPAMI.2003.1240119
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._codes import CODES, Codes, encode
from sfumato.capture._finer_curve import finer_curve
from sfumato.core.opencv import cv2
from sfumato.core.shapes import FloatImage, Image, check_image, full_range
from sfumato.errors import ShapeError

__all__ = ["IntensityMap", "match_intensity"]

SAMPLES = 1_000_000
DOUBT = 0.02
"""Weight of a pixel that seems to have moved: it still tells something where nothing else does."""
TOLERANCES = (32.0, 20.0, 14.0, 14.0)
PLATEAU = 24.0
"""Above this width, in codes, an interval is clipping and not noise or rounding."""

Curves: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class IntensityMap:
    """Say for each value of one frame what it is in another.

    Clipping and rounding merge values: a pixel at white in the long exposure may
    be anything above some value in the short one. So the curve is an interval,
    ``low`` to ``high``, with ``middle`` inside.

    Args:
        low: the smallest value that belongs to each code, in codes.
        middle: the most likely value, in codes; rises everywhere.
        high: the largest value, in codes.
        noise: standard deviation of the second frame about the interval, in codes.
        white: the value of the pictures that is code 255.
        linear: codes are the square root of the values, as fits linear light.

    Shape:
        low, middle, high, noise (channels, 256).
    """

    low: Curves
    middle: Curves
    high: Curves
    noise: Curves
    white: float
    linear: bool = False

    def __call__(self, image: Image) -> Image:
        """Give the picture as the other exposure shows it, in the dtype it has.

        Raises:
            ShapeError: the picture does not have the channels of the map.
        """
        check_image(image, "IntensityMap")
        if image.shape[2] != len(self.middle):
            raise ShapeError(
                f"IntensityMap: expected {len(self.middle)} channels, got {image.shape[2]}"
            )
        if image.dtype == np.float32:
            return self.to_values(self.middle_codes(image))
        top = int(full_range(image.dtype))
        levels = np.arange(top + 1, dtype=np.float32)[:, None, None]
        mapped = self.middle_codes(np.repeat(levels, image.shape[2], axis=2))
        table = np.clip(np.rint(self.to_values(mapped)), 0, top).astype(image.dtype)[:, 0]
        if image.dtype == np.uint8:
            return np.asarray(cv2.LUT(image, table[None])).reshape(image.shape)
        return np.stack([table[image[..., c], c] for c in range(image.shape[2])], axis=-1)

    def middle_codes(self, image: NDArray[Any]) -> FloatImage:
        """Give the mapped picture in codes, not rounded, float32."""
        codes = self.source_codes(image)
        planes = [np.interp(codes[..., c], _AXIS, m) for c, m in enumerate(self.middle)]
        return np.stack(planes, axis=-1).astype(np.float32)

    def source_codes(self, image: NDArray[Any]) -> FloatImage:
        """Give the picture itself in codes, not rounded, float32."""
        unit = np.clip(np.asarray(image, np.float32) / np.float32(self.white), 0.0, None)
        return np.asarray((np.sqrt(unit) if self.linear else unit) * np.float32(CODES - 1))

    def to_values(self, codes: NDArray[Any]) -> FloatImage:
        """Turn codes into values of a picture with this map's white, not rounded, float32."""
        unit = np.asarray(codes, np.float32) / (CODES - 1)
        return np.asarray((unit * unit if self.linear else unit) * self.white, np.float32)


EDGE = 4
"""How far, in codes, noise carries a value across the edge of clipping."""
_AXIS = np.arange(CODES, dtype=np.float64)


def match_intensity(
    source: Image, target: Image, *, white: float | None = None, linear: bool = False
) -> IntensityMap:
    """Find the curve that turns one aligned exposure into another.

    The counts of the values are matched: the q-th darkest pixel of one frame is
    the q-th darkest of the other (Grossberg and Nayar). Things that moved spoil
    the counts, so the matching is repeated on the pixels that agree with the
    curve so far, starting from the better of two guesses: all counts, or the
    median partner of each value.

    Args:
        source: the frame to map from.
        target: the frame to map to.
        white: the value that is taken as code 255; None is the dtype's white.
        linear: hold the curve over the square root of the values.

    Shape:
        both (h, w, c), alike.

    Raises:
        ShapeError: the frames differ in size or channels.

    Example:
        >>> dark = np.arange(100, dtype=np.uint8).reshape(10, 10, 1)
        >>> bright = dark * 2
        >>> curve = match_intensity(dark, bright)
        >>> bool(np.array_equal(curve(dark), bright))
        True

    References:
        M. Grossberg, S. Nayar. Determining the Camera Response from Images: What
        Is Knowable? IEEE Transactions on Pattern Analysis and Machine
        Intelligence, 2003. doi:10.1109/TPAMI.2003.1240119
    """
    for image in (source, target):
        check_image(image, "match_intensity")
    if source.shape != target.shape or source.dtype != target.dtype:
        raise ShapeError(
            f"match_intensity: the frames differ: {source.shape} {source.dtype} "
            f"and {target.shape} {target.dtype}"
        )
    top = full_range(source.dtype) if white is None else white
    step = max(1, int(np.ceil(np.sqrt(source.shape[0] * source.shape[1] / SAMPLES))))
    first, second = (
        encode(np.ascontiguousarray(image[::step, ::step]), white=top, linear=linear)
        for image in (source, target)
    )
    curves = [_match_channel(*pair) for pair in zip(_planes(first), _planes(second), strict=True)]
    low, middle, high, noise = (np.stack(part) for part in zip(*curves, strict=True))
    coarse = IntensityMap(low, middle, high, noise, top, linear)
    if source.dtype == np.uint8 and not linear:
        return coarse
    fine = [coarse.source_codes(image[::step, ::step]) for image in (source, target)]
    sharper = [
        finer_curve(fine[0][..., c].ravel(), fine[1][..., c].ravel(), guess[:3], PLATEAU)
        for c, guess in enumerate(curves)
    ]
    return IntensityMap(low, np.stack(sharper), high, noise, top, linear)


def _planes(codes: Codes) -> list[NDArray[Any]]:
    return [codes[..., c].ravel() for c in range(codes.shape[2])]


def _match_channel(
    first: NDArray[Any], second: NDArray[Any]
) -> tuple[Curves, Curves, Curves, Curves]:
    pairs = first.astype(np.int32) * CODES + second
    joint = np.bincount(pairs, minlength=CODES * CODES).reshape(CODES, CODES).astype(np.float64)
    guesses = (_match_counts(joint.sum(1), joint.sum(0)), _median_partner(joint))
    low, middle, high = max(guesses, key=lambda g: float(joint[_gap(g) <= TOLERANCES[-1]].sum()))
    for tolerance in TOLERANCES:
        kept = np.where(_gap((low, middle, high)) <= tolerance, joint, DOUBT * joint)
        low, middle, high = _match_counts(kept.sum(1), kept.sum(0))
    noise = _noise(joint, low, high)
    return *_loosen(low, middle, high), noise


def _gap(curves: tuple[Curves, Curves, Curves]) -> Curves:
    """How far each value of the second frame lies from the interval of each of the first."""
    low, _, high = curves
    return np.maximum(0.0, np.maximum(low[:, None] - _AXIS, _AXIS - high[:, None]))


def _match_counts(first: Curves, second: Curves) -> tuple[Curves, Curves, Curves]:
    after = np.cumsum(first) / first.sum()
    before = np.concatenate([[0.0], after[:-1]])
    centres = (np.cumsum(second) - second / 2) / second.sum()
    there = np.flatnonzero(second)
    low, middle, high = (
        np.interp(quantile, centres[there], there)
        for quantile in (before, (before + after) / 2, after)
    )
    return _fill(low, first), _fill(middle, first), _fill(high, first)


def _median_partner(joint: Curves) -> tuple[Curves, Curves, Curves]:
    counts = joint.sum(1)
    run = np.cumsum(joint, axis=1) - joint / 2
    median = np.array(
        [np.interp(n / 2, r, _AXIS) if n else 0.0 for n, r in zip(counts, run, strict=True)]
    )
    middle = _fill(np.maximum.accumulate(median), counts)
    return middle, middle, middle


def _fill(curve: Curves, counts: Curves) -> Curves:
    """Bridge the codes that did not occur; beyond the last, go on by the same factor."""
    there = np.flatnonzero(counts)
    filled = np.interp(_AXIS, there, curve[there])
    bottom, top = there[0], there[-1]
    if bottom > 0:
        filled[:bottom] = _AXIS[:bottom] * (curve[bottom] / bottom)
    if 0 < top < CODES - 1:
        filled[top:] = np.minimum(CODES - 1, _AXIS[top:] * (curve[top] / top))
    return np.maximum.accumulate(filled)


def _loosen(low: Curves, middle: Curves, high: Curves) -> tuple[Curves, Curves, Curves]:
    """Open the interval of the codes next to a plateau: noise takes values across its edge."""
    plateau = high - low >= PLATEAU
    near = np.convolve(plateau, np.ones(2 * EDGE + 1), "same") > 0
    before = np.maximum(np.arange(CODES) - EDGE, 0)
    after = np.minimum(np.arange(CODES) + EDGE, CODES - 1)
    return np.where(near, low[before], low), middle, np.where(near, high[after], high)


def _noise(joint: Curves, low: Curves, high: Curves) -> Curves:
    """Robust spread about the curve for each code, evened out over its neighbours.

    Only codes with a narrow interval tell anything; a code that only a moving
    thing has is outvoted by those around it.
    """
    counts = joint.sum(1)
    away = np.abs(_AXIS - (low + high)[:, None] / 2)
    spread = np.zeros(CODES)
    usable = np.flatnonzero((counts > 0) & (high - low < PLATEAU))
    if usable.size == 0:
        return spread
    for code in usable:
        order = np.argsort(away[code], kind="stable")
        run = np.cumsum(joint[code, order])
        middle = away[code, order[np.searchsorted(run, counts[code] / 2)]]
        spread[code] = max(0.0, 1.4826 * middle - 0.5)
    filled = np.interp(_AXIS, usable, spread[usable])
    padded = np.pad(filled, 8, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 17), axis=1)
