"""Pairs of flat frames: the mean and the noise of one level of light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["TransferPoint", "measure_pair"]

TOP_SHARE = 0.85
"""Above this share of white many sensors are no longer linear."""
MOST_DRIFT = 0.02
"""Of the level between the frames of a pair; a steadier lamp or shutter is needed beyond."""
LEAST_SIGMA_STEPS = 0.5
"""Below, rounding is no longer a noise of step^2 / 12 that adds to the rest."""
LEAST_PIXELS = 64
OUTLIER_SIGMAS = 8.0
MOST_OUTLIERS = 1e-3
PILE_UP = 0.01
SAMPLED = 200_000
BLOCK = 16


@dataclass(frozen=True, kw_only=True)
class TransferPoint:
    """What one pair of equal flat frames says about one colour.

    Args:
        mean: of both frames above black, in DN; may be negative.
        variance: of the noise in one frame, in DN^2, rounding included.
        pixels: how many it rests on.
        drift: how much brighter the second frame is, as a share of the level.
        outliers: pixels left out, since they jump (cosmic rays, defects).
        name: of the pair.
        excluded: why a fit must not use it; empty where it may.
    """

    mean: float
    variance: float
    pixels: int
    drift: float = 0.0
    outliers: int = 0
    name: str = ""
    excluded: str = ""


def measure_pair(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    black: float,
    white: float,
    step: float = 1.0,
    name: str = "pair",
) -> TransferPoint:
    """Measure mean and noise of one colour from two frames of the same flat.

    The variance is half that of the difference, which the fixed pattern and the
    shape of the light cancel from. What a lamp changed between the frames is
    taken out: its mean, and its part in the shape of the light. Black is
    subtracted with its sign. A level is excluded, and says why, where values are
    clipped, above 85 % of white, drift by more than 2 %, or are too quiet for
    their steps.

    Args:
        first: one colour of a frame, linear.
        second: the same of the other frame.
        black: the value of no light, in DN.
        white: the value where the sensor clips, in DN.
        step: distance of neighbouring values in DN; 0 for values without steps.
        name: of the pair, for messages.

    Shape:
        first, second (h, w), equal, uint16 or float.

    Raises:
        ShapeError: different sizes, or fewer than 64 pixels.
        DtypeError: 8-bit values, which are no linear sensor values.
        RangeError: NaN, or white not above black.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> pair = rng.poisson(900, (2, 128, 128)) * 2.0 + 64
        >>> point = measure_pair(*pair, black=64, white=4095, step=0)
        >>> round(point.mean / 100), round(point.variance / 100)
        (18, 36)

    References:
        J. R. Janesick. Photon Transfer. SPIE Press, 2007.
    """
    _check_pair(first, second, name)
    if not white > black or not math.isfinite(black) or not math.isfinite(white):
        raise RangeError(f"{name}: white ({white:g}) must lie above black ({black:g})")
    clipped = _clipped(first, white) | _clipped(second, white)
    a, b = (np.asarray(f, np.float64) for f in (first, second))
    mean = float((a.mean() + b.mean()) / 2) - black
    if not math.isfinite(mean):
        raise RangeError(f"{name}: holds NaN or infinite values")
    lost = int(np.count_nonzero(clipped))
    shift = float(b.mean() - a.mean())
    difference = b - a
    difference -= _drift_shape(difference, a, b)
    steady = difference - np.median(difference[_sampling(difference)])
    middle = steady[_sampling(steady)]
    spread = float(np.quantile(np.abs(middle), 0.9545)) / 2
    wild = np.abs(steady) > OUTLIER_SIGMAS * max(spread, step)
    if np.count_nonzero(wild) > MOST_OUTLIERS * wild.size:
        wild[...] = False  # so many are no accident but how this noise is distributed
    # A clipped pixel far from the level is a defect, near to it the tail of the noise is cut.
    near = mean + black + 3 * spread * math.sqrt(2) >= white
    near |= mean + black - 3 * spread * math.sqrt(2) <= 0
    kept = steady[~(wild | clipped)]
    count = kept.size
    excluded = ""
    variance = float(kept.var(ddof=1)) / 2 if count > 1 else math.nan
    if lost > MOST_OUTLIERS * steady.size or (lost and near) or count < LEAST_PIXELS:
        excluded = f"{lost / steady.size:.2%} of the values are clipped"
    elif variance < (LEAST_SIGMA_STEPS * step) ** 2:
        excluded = "the noise is smaller than half a step of the values"
    elif _piles_up(first) or _piles_up(second):
        excluded = "many pixels share the largest value: clipped below the stated white"
    elif mean > TOP_SHARE * (white - black):
        excluded = f"above {TOP_SHARE:.0%} of white"
    drift = shift / abs(mean) if mean else 0.0
    noise_of_shift = math.sqrt(2 * max(variance, 0.0) / max(count, 1))
    if not excluded and abs(drift) > MOST_DRIFT and abs(shift) > 6 * noise_of_shift + 0.1 * step:
        excluded = f"the light drifted by {abs(drift):.1%} between the frames"
    return TransferPoint(
        mean=mean,
        variance=variance,
        pixels=count,
        drift=drift,
        outliers=int(np.count_nonzero(wild)),
        name=name,
        excluded=excluded,
    )


def _check_pair(first: NDArray[Any], second: NDArray[Any], name: str) -> None:
    if first.ndim != 2 or first.shape != second.shape:
        raise ShapeError(
            f"{name}: the frames must be planes of equal size, got {first.shape} "
            f"and {second.shape}",
            hint="both frames of a pair come from one camera in one mode",
        )
    if first.size < LEAST_PIXELS:
        raise ShapeError(f"{name}: needs at least {LEAST_PIXELS} pixels, got {first.size}")
    for plane in (first, second):
        if plane.dtype == np.uint8:
            raise DtypeError(
                f"{name}: 8-bit values are no linear sensor values",
                hint="use 16-bit linear mosaics: a JPEG is gamma-encoded and denoised already",
            )
        if plane.dtype.kind not in "uif":
            raise DtypeError(f"{name}: expected numbers, got {plane.dtype}")


def _clipped(plane: NDArray[Any], white: float) -> NDArray[np.bool_]:
    """Mark values at white, and integers at zero, where a camera cuts what is below black."""
    top = np.asarray(plane >= white)
    return top | (plane <= 0) if plane.dtype.kind in "ui" else top


def _piles_up(plane: NDArray[Any]) -> bool:
    """Tell whether the largest value is far more frequent than the tail of a noise has it."""
    top = plane.max()
    share = float(np.count_nonzero(plane == top)) / plane.size
    return share > PILE_UP and plane.size >= 1000


def _sampling(plane: NDArray[Any]) -> Any:
    every = max(1, math.isqrt(plane.size // SAMPLED))
    return np.s_[::every, ::every]


def _drift_shape(
    difference: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64] | float:
    """Give the part of the difference that has the shape of the light.

    Where a lamp dims, the bright middle of a flat loses more than its corners.
    The noise of difference and sum do not correlate, so fitting one by blocks of
    the other takes one degree of freedom and no noise.
    """
    height, width = (n // BLOCK * BLOCK for n in a.shape)
    if min(height, width) < 2 * BLOCK:
        return 0.0

    def blocks(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        tiles = plane[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
        return np.asarray(tiles.mean(axis=(1, 3)))

    light = (blocks(a) + blocks(b)) / 2
    change = blocks(difference)
    light -= light.mean()
    power = float((light**2).sum())
    slope = float((light * (change - change.mean())).sum()) / power if power > 0 else 0.0
    error = float(change.std()) / math.sqrt(power) if power > 0 else math.inf
    if abs(slope) < 4 * error:
        return 0.0
    rows = np.minimum(np.arange(a.shape[0]) // BLOCK, light.shape[0] - 1)
    columns = np.minimum(np.arange(a.shape[1]) // BLOCK, light.shape[1] - 1)
    return np.asarray(slope * light[rows][:, columns])
