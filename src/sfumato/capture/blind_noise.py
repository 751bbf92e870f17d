"""The noise of a single picture, where nobody took calibration frames."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import FULL_RANGE
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["BlindNoise", "estimate_blind_noise"]

DETAIL = np.array([-0.3326706, 0.8068915, -0.4598775, -0.1350110, 0.0854413, 0.0352263])
"""Daubechies' high-pass filter with three vanishing moments, sum of squares 1."""
SMOOTH = np.array([0.3326706, 0.8068915, 0.4598775, -0.1350110, -0.0854413, 0.0352263])
LEVELS = 300
LEAST_LEVELS = 8
LEAST_COUNT = 40
LEAST_SIZE = 64
EDGE_SHARE = 1.0
"""How much of the noise an edge may show."""
PASSES = 2
TAIL = 4.0
"""Degrees of freedom of the errors: texture pushes some levels far off the curve."""
ROUNDS = 60


@dataclass(frozen=True, kw_only=True)
class BlindNoise:
    """Noise read from one picture: variance = a * x + b on the unit range.

    Args:
        a: photon part.
        b: part without light; below zero where the picture has a pedestal or none can be seen.
        covariance: of a and b.
        levels: brightness, standard deviation and count of each level that the curve rests on.
        share: of the picture that is smooth enough to be used.
    """

    a: float
    b: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    levels: NDArray[np.float64]
    share: float

    def sigma(self, level: NDArray[Any] | float) -> NDArray[np.float64]:
        """Give the standard deviation before clipping at a brightness of 0..1."""
        return np.sqrt(np.maximum(self.a * np.asarray(level, np.float64) + self.b, 0.0))

    def interval(self, name: str) -> tuple[float, float]:
        """Give the 95 % interval of ``a`` or ``b``, by the scatter of the levels alone."""
        k = ("a", "b").index(name)
        reach = 1.96 * math.sqrt(self.covariance[k][k])
        value = (self.a, self.b)[k]
        return value - reach, value + reach


def estimate_blind_noise(
    plane: NDArray[Any],
    *,
    black: float = 0.0,
    white: float | None = None,
    clipped: bool = True,
) -> BlindNoise:
    """Estimate a and b of variance = a x + b from a single plane of linear values.

    One wavelet step gives detail, which is noise wherever the picture is smooth,
    and approximation. Where the smoothed approximation has an edge larger than
    the noise, the place is left out. The others are gathered by brightness, each
    level gives a robust standard deviation of its detail, and the curve is fitted by
    maximum likelihood with heavy-tailed errors. Near 0 and 1 the curve is that of
    a normal noise cut off there: less spread, and a mean that is pushed inwards.

    Args:
        plane: one colour of a mosaic, or a grey picture; linear, not denoised, not scaled.
        black: value without light.
        white: value where the sensor clips; by default that of the dtype.
        clipped: the noise is cut at black and white; false for values kept signed.

    Shape:
        plane (h, w), at least 64 x 64.

    Raises:
        ShapeError: not a plane, or too small.
        DtypeError: not numbers.
        RangeError: NaN, no noise, or hardly any smooth place.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> clean = np.tile(np.linspace(0.1, 0.9, 256), (256, 1))
        >>> noisy = clean + rng.normal(size=clean.shape) * np.sqrt(0.004 * clean + 0.0002)
        >>> found = estimate_blind_noise(noisy.astype(np.float32))
        >>> bool(abs(found.a - 0.004) < 0.0006 and abs(found.b - 0.0002) < 0.0002)
        True

    References:
        A. Foi, M. Trimeche, V. Katkovnik, K. Egiazarian. Practical Poissonian-Gaussian
        Noise Modeling and Fitting for Single-Image Raw-Data. IEEE Transactions on Image
        Processing 17, 2008. doi:10.1109/TIP.2008.2001399
    """
    unit = _unit(plane, black, white)
    approximation, detail = _wavelet(unit)
    smooth = cv2.blur(approximation, (7, 7), borderType=cv2.BORDER_REFLECT)
    edges = _edges(smooth)
    local = math.sqrt(math.pi / 2) * cv2.blur(np.abs(detail), (7, 7), borderType=cv2.BORDER_REFLECT)
    found, covariance, levels, share = _fit_calm(
        smooth, approximation, detail, (edges < local) & (local > 0), clipped
    )
    for _ in range(PASSES):
        # Where the noise happens to be large an edge hides: measured against the curve
        # instead of the place itself, what is left out does not depend on the noise there.
        usual = _curve(found, smooth.ravel(), clipped).reshape(smooth.shape)
        calm = (edges < EDGE_SHARE * usual) & (usual > 0)
        found, covariance, levels, share = _fit_calm(smooth, approximation, detail, calm, clipped)
    return BlindNoise(
        a=float(found[0]),
        b=float(found[1]),
        covariance=(
            (float(covariance[0, 0]), float(covariance[0, 1])),
            (float(covariance[1, 0]), float(covariance[1, 1])),
        ),
        levels=levels,
        share=share,
    )


def _fit_calm(
    smooth: NDArray[np.float32],
    approximation: NDArray[np.float32],
    detail: NDArray[np.float32],
    calm: NDArray[np.bool_],
    clipped: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    levels = _level_sets(smooth, approximation, detail, calm)
    share = float(calm.mean())
    if len(levels) < LEAST_LEVELS or np.ptp(levels[:, 0]) < 0.02:
        raise RangeError(
            f"blind noise: {share:.1%} of the picture is smooth and has {len(levels)} levels "
            f"of brightness, which is too little for a curve",
            hint="take a picture with soft gradients from dark to bright, or use flats",
        )
    if float(np.median(levels[:, 1])) <= 0:
        raise RangeError(
            "blind noise: the smooth parts have no noise at all",
            hint="has the picture been denoised, or painted?",
        )
    return *_fit(levels, clipped), levels, share


def _unit(plane: NDArray[Any], black: float, white: float | None) -> NDArray[np.float32]:
    if plane.ndim != 2 or min(plane.shape) < LEAST_SIZE:
        raise ShapeError(
            f"blind noise: expected a plane of at least {LEAST_SIZE} x {LEAST_SIZE}, "
            f"got shape {plane.shape}",
            hint="give one colour of a mosaic at a time: mosaic[::2, ::2]",
        )
    if plane.dtype.kind not in "uif":
        raise DtypeError(f"blind noise: expected numbers, got {plane.dtype}")
    top = FULL_RANGE.get(plane.dtype, 1.0) if white is None else white
    if not top > black:
        raise RangeError(f"blind noise: white ({top:g}) must lie above black ({black:g})")
    unit = ((plane.astype(np.float64) - black) / (top - black)).astype(np.float32)
    if not np.isfinite(unit).all():
        raise RangeError("blind noise: the picture holds NaN or infinite values")
    return unit


def _wavelet(unit: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give approximation and diagonal detail at half size; noise has its own sigma in both."""
    low, high = (SMOOTH / SMOOTH.sum()).astype(np.float32), DETAIL.astype(np.float32)

    def filtered(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
        full = cv2.sepFilter2D(unit, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT)
        return np.ascontiguousarray(full[4:-4:2, 4:-4:2])

    return filtered(low), filtered(high)


def _edges(smooth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give how much the smoothed picture changes from place to place."""
    calmed = cv2.medianBlur(smooth, 3)
    across = cv2.Sobel(calmed, cv2.CV_32F, 1, 0, scale=0.25, borderType=cv2.BORDER_REFLECT)
    down = cv2.Sobel(calmed, cv2.CV_32F, 0, 1, scale=0.25, borderType=cv2.BORDER_REFLECT)
    bend = cv2.Laplacian(calmed, cv2.CV_32F, ksize=3, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.hypot(across, down) + np.abs(bend))


def _level_sets(
    smooth: NDArray[np.float32],
    approximation: NDArray[np.float32],
    detail: NDArray[np.float32],
    calm: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Gather calm places by brightness; give mean, robust sigma and count of each level."""
    brightness = smooth[calm].astype(np.float64)
    order = np.argsort(brightness, kind="stable")
    brightness, details = brightness[order], detail[calm][order].astype(np.float64)
    means = approximation[calm][order].astype(np.float64)
    edges = np.linspace(0.0, 1.0, LEVELS + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    starts = np.searchsorted(brightness, edges)
    rows = []
    for start, stop in itertools.pairwise(starts.tolist()):
        count = stop - start
        if count < LEAST_COUNT:
            continue
        part = details[start:stop]
        # In a small sample the median absolute deviation is a little small.
        sigma = float(np.median(np.abs(part))) / 0.6745 * (1 + 0.5 / count)
        rows.append((float(means[start:stop].mean()), sigma, float(count)))
    return np.array(rows, np.float64).reshape(-1, 3)


def _fit(
    levels: NDArray[np.float64], clipped: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a and b: heavy-tailed maximum likelihood by reweighted Gauss-Newton steps."""
    # A median of absolute values has 37 % of the efficiency of a standard deviation.
    level, sigma, count = levels.T
    spread = np.sqrt(1 / (2 * 0.37 * count))
    visible = (level > 0.003) & (level < 0.997) if clipped else np.ones(len(level), np.bool_)
    visible &= sigma > 0
    if visible.sum() < LEAST_LEVELS:
        raise RangeError(
            "blind noise: nearly all of the smooth part is clipped",
            hint="take a picture that is neither black nor blown",
        )
    level, sigma, spread = level[visible], sigma[visible], spread[visible]
    found = _first_guess(level, sigma, spread)
    extra, covariance = 0.03, np.zeros((2, 2))
    for _ in range(ROUNDS):
        wanted = _curve(found, level, clipped)
        residual = np.log(sigma / wanted)
        error = np.hypot(spread, extra)
        weight = (TAIL + 1) / (TAIL + (residual / error) ** 2) / error**2
        design = np.stack(
            [_slope(found, level, clipped, wanted, k) for k in (0, 1)]
        )  # of the logarithm, by a and b
        scale = np.sqrt((design**2 * weight).sum(axis=1))
        scaled = design / scale[:, None]
        covariance = np.linalg.pinv((scaled * weight) @ scaled.T) / np.outer(scale, scale)
        step = covariance @ (design @ (weight * residual))
        before = found
        found = _kept_positive(found, step, level)
        extra = max(1.4826 * float(np.median(np.abs(residual))) - float(np.median(spread)), 0.005)
        if np.allclose(found, before, rtol=1e-6, atol=1e-12):
            break
    return found, covariance


def _first_guess(
    level: NDArray[np.float64], sigma: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit a line to the variances of the inner levels, where clipping is far."""
    inner = (level > 3 * sigma) & (level < 1 - 3 * sigma)
    if inner.sum() < 4 or np.ptp(level[inner]) < 0.02:
        inner = np.ones(len(level), np.bool_)
    x, v = level[inner], sigma[inner] ** 2
    error = 2 * np.maximum(v, np.median(v) / 10) * spread[inner]
    design = np.stack([x, np.ones_like(x)]) / error
    line = np.linalg.pinv(design @ design.T) @ (design @ (v / error))
    typical = float(np.median(v))
    return np.array([max(line[0], 1e-3 * typical), line[1] if line[1] > 0 else 1e-2 * typical])


def _kept_positive(
    found: NDArray[np.float64], step: NDArray[np.float64], level: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shorten a step that would make the variance of some level negative."""
    lowest, highest = float(level.min()), float(level.max())
    for _ in range(30):
        tried = found + step
        if min(tried[0] * lowest + tried[1], tried[0] * highest + tried[1]) > 0:
            return tried
        step = step / 2
    return found


def _slope(
    found: NDArray[np.float64],
    level: NDArray[np.float64],
    clipped: bool,
    wanted: NDArray[np.float64],
    k: int,
) -> NDArray[np.float64]:
    moved = found.copy()
    reach = 1e-4 * (found[0] * float(np.median(level)) + found[1])
    reach = reach / float(np.median(level)) if k == 0 else reach
    moved[k] += reach
    return np.asarray((np.log(_curve(moved, level, clipped)) - np.log(wanted)) / reach)


def _curve(
    found: NDArray[np.float64], level: NDArray[np.float64], clipped: bool
) -> NDArray[np.float64]:
    """Give the standard deviation seen at a mean that is seen."""
    a, b = float(found[0]), float(found[1])
    if not clipped:
        return np.sqrt(np.maximum(a * level + b, 1e-30))
    light = np.linspace(-0.3, 1.3, 3201)
    sigma = np.sqrt(np.maximum(a * light + b, 0.0))
    # What the model calls light below the place where its variance ends does not exist.
    light, sigma = light[sigma > 0], sigma[sigma > 0]
    if len(light) < 2:
        return np.full_like(level, 1e-15)
    mean, spread = _cut_normal(light, sigma)
    rising = np.maximum.accumulate(mean)
    return np.maximum(np.interp(level, rising, spread), 1e-15)


def _cut_normal(
    light: NDArray[np.float64], sigma: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give mean and standard deviation of a normal value cut to 0..1."""
    low, high = -light / sigma, (1 - light) / sigma
    below, above = _normal_cdf(low), _normal_cdf(-high)
    inside = _normal_cdf(high) - below
    d_low, d_high = (np.exp(-0.5 * np.minimum(z**2, 700)) / 2.5066282746310002 for z in (low, high))
    mean = light * inside + sigma * (d_low - d_high) + above
    square = (
        (light**2 + sigma**2) * inside
        + 2 * light * sigma * (d_low - d_high)
        + sigma**2 * (low * d_low - high * d_high)
        + above
    )
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


CDF_GRID = np.linspace(-9.0, 9.0, 7201)
CDF_TABLE = np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in CDF_GRID])


def _normal_cdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.interp(z, CDF_GRID, CDF_TABLE))
