"""Frames without light: what the electronics add by themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._tukey_lambda import tukey_deviation
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["DarkFrames", "TukeyFit", "fit_tukey_lambda", "measure_darks"]

LEAST_FRAMES = 3
TILES = 8
LEAK_SIGMAS = 8.0
DEFECT_SIGMAS = 8.0
PATTERN_SHARE = 0.01
"""A fixed pattern with less of the read variance changes the shape of the noise less than
subtracting the mean frame does, which mixes the frames."""
LAMBDAS = (-0.45, 0.6)
"""Below -0.5 the distribution has no variance; 0.14 is nearly a normal one."""
MOST_BLOCKS = 4096
MOST_VALUES = 24_000_000
"""Kept at once for the shape of the noise; of larger frames every so many pairs of rows."""
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, kw_only=True)
class TukeyFit:
    """A Tukey lambda distribution laid on a sample.

    Args:
        shape: lambda; 0.14 is nearly normal, 0 logistic, below 0 heavier tails.
        scale: factor of the quantile function (p^l - (1-p)^l) / l.
        sigma: standard deviation of the distribution with this shape and scale.
        correlation: of the probability plot; 1 where the distribution fits.
    """

    shape: float
    scale: float
    sigma: float
    correlation: float


@dataclass(frozen=True, kw_only=True)
class DarkFrames:
    """What dark frames of one ISO say.

    Args:
        bias: mean of each site of the 2 x 2 cell, row by row, or of all, in DN.
        read_sigma: of the noise that is independent from pixel to pixel, of each
            color, without rounding, in DN.
        read_sigma_error: standard errors of it.
        row_sigma: of the noise that a row has in common, in DN; 0 where none is found.
        row_variance: the same squared, as estimated: it may be below zero by chance.
        pattern_sigma: of what stays from frame to frame, in DN.
        read_shape: Tukey lambda of the read noise.
        rounding_variance: step^2 / 12, in DN^2.
        defects: pixels left out, whose mean stands out.
        frames: how many were used.
        outliers: names of frames that were not, and why.
    """

    bias: tuple[float, ...]
    read_sigma: tuple[float, ...]
    read_sigma_error: tuple[float, ...]
    row_sigma: float
    row_variance: float
    pattern_sigma: float
    read_shape: TukeyFit
    rounding_variance: float
    defects: int
    frames: int
    outliers: tuple[tuple[str, str], ...] = ()


def measure_darks(
    frames: Sequence[NDArray[Any]],
    *,
    names: Sequence[str] = (),
    bayer: bool = True,
    step: float = 1.0,
) -> DarkFrames:
    """Measure bias, read noise, row noise and the shape of the noise from dark frames.

    Per frame the mean of each row is taken; its variance from frame to frame,
    less the part of the read noise in a mean (sigma^2 / width), is the row noise.
    Read noise is what remains of a frame after its row means. What is equal in
    all frames is no noise: it is taken out where it is more than 1 % of the read
    variance. Frames in which some part of the picture is brighter or darker than
    in the others (light leaks, another temperature) are left out and named.

    Args:
        frames: at least 3 mosaics, or planes, of one ISO, values as the camera gives them:
            not black-subtracted, negative values not cut.
        names: of the frames.
        bayer: the four places of a 2 x 2 cell have biases of their own.
        step: distance of neighbouring values in DN; 0 for values without steps.

    Shape:
        each frame (h, w), even in both where ``bayer``.

    Raises:
        ShapeError: too few frames, or unequal sizes.
        DtypeError: 8-bit values.
        RangeError: values cut at zero, or no two frames that agree.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> darks = measure_darks(list(64 + 4 * rng.standard_normal((4, 64, 64))), step=0)
        >>> round(darks.bias[0]), round(darks.read_sigma[0])
        (64, 4)

    References:
        K. Wei, Y. Fu, J. Yang, H. Huang. A Physics-based Noise Formation Model for
        Extreme Low-light Raw Denoising. CVPR 2020, arXiv:2003.12751.
    """
    names = [names[k] if k < len(names) else f"dark {k + 1}" for k in range(len(frames))]
    _check_darks(frames, names, bayer)
    kept, outliers = _without_leaks(frames, names)
    n, (height, width) = len(kept), frames[0].shape
    mean_frame = np.zeros((height, width))
    for k in kept:
        mean_frame += frames[k]
    mean_frame /= n
    fixed = _minus_bias(mean_frame, bayer)
    sound = np.abs(fixed) <= DEFECT_SIGMAS * _robust_sigma(fixed)
    bias = tuple(float(mean_frame[c][sound[c]].mean()) for c in _cells(bayer))
    rest, moved, rows = _residuals([frames[k] for k in kept], mean_frame - fixed)
    freedom = n / (n - 1) * width / (width - 1)
    spread, sound = rest.var(axis=0) * freedom, sound[rows]
    read_variances = [float(spread[c][sound[c]].mean()) for c in _cells(bayer)]
    read_variance = float(np.mean(read_variances))
    row_variance = float((moved**2).sum()) / ((height - 1) * (n - 1)) - read_variance / width
    row_error = math.sqrt(2 / (height * (n - 1))) * (abs(row_variance) + read_variance / width)
    pattern = float(fixed[rows][sound].var()) - (read_variance + max(row_variance, 0.0)) / n
    if pattern > PATTERN_SHARE * read_variance:
        rest -= rest.mean(axis=0)
        rest *= math.sqrt(n / (n - 1))
    # Colors of different noise would together look like one of heavier tails.
    for cell, variance in zip(_cells(bayer), read_variances, strict=True):
        rest[(..., *cell)] *= math.sqrt(read_variance / variance) if variance > 0 else 1.0
    noise = rest[:, sound]
    rounding = step**2 / 12
    if min(read_variances) - rounding <= 0:
        raise RangeError(
            f"dark frames: the noise, {math.sqrt(min(read_variances)):.2g} DN, is no larger than "
            f"rounding to steps of {step:g} DN makes",
            hint="read noise cannot be measured at this ISO; take darks at a higher one",
        )
    kurtosis = float((noise**4).mean()) / float((noise**2).mean()) ** 2
    share = math.sqrt(max(kurtosis - 1, 0.5) / noise.size * len(bias))
    sigmas = tuple(math.sqrt(v - rounding) for v in read_variances)
    return DarkFrames(
        bias=bias,
        read_sigma=sigmas,
        read_sigma_error=tuple(
            v * share / (2 * s) for v, s in zip(read_variances, sigmas, strict=True)
        ),
        row_sigma=math.sqrt(row_variance) if row_variance > 2 * row_error else 0.0,
        row_variance=row_variance,
        pattern_sigma=math.sqrt(max(pattern, 0.0)),
        read_shape=fit_tukey_lambda(noise),
        rounding_variance=rounding,
        defects=int(np.count_nonzero(np.abs(fixed) > DEFECT_SIGMAS * _robust_sigma(fixed))),
        frames=n,
        outliers=tuple(outliers),
    )


def _cells(bayer: bool) -> list[tuple[slice, slice]]:
    if not bayer:
        return [(slice(None), slice(None))]
    return [(slice(y, None, 2), slice(x, None, 2)) for y in (0, 1) for x in (0, 1)]


def _check_darks(frames: Sequence[NDArray[Any]], names: Sequence[str], bayer: bool) -> None:
    if len(frames) < LEAST_FRAMES:
        raise ShapeError(
            f"dark frames: {LEAST_FRAMES} are needed to tell an odd one, got {len(frames)}",
            hint="take 20 with the lens cap on, at the ISO of the flats",
        )
    first = frames[0]
    for frame, name in zip(frames, names, strict=True):
        if frame.ndim != 2 or frame.shape != first.shape:
            raise ShapeError(
                f"{name}: expected a plane of the size of the first, {first.shape}, "
                f"got {frame.shape}"
            )
        if frame.dtype == np.uint8 or frame.dtype.kind not in "uif":
            raise DtypeError(
                f"{name}: expected linear 16-bit or float values, got {frame.dtype}",
                hint="use undeveloped sensor values",
            )
        if frame.dtype.kind == "f" and not np.isfinite(frame.sum()):
            raise RangeError(f"{name}: holds NaN or infinite values")
        cut = float(np.count_nonzero(frame <= 0)) / frame.size if frame.dtype.kind in "ui" else 0.0
        if cut > 0.001:
            raise RangeError(
                f"{name}: {cut:.1%} of the values are zero: the noise below black is cut off",
                hint="take frames before the camera or a program subtracts black",
            )
    if bayer and (first.shape[0] % 2 or first.shape[1] % 2):
        raise ShapeError(f"dark frames: a Bayer mosaic is even in both sizes, got {first.shape}")


def _without_leaks(
    frames: Sequence[NDArray[Any]], names: Sequence[str]
) -> tuple[list[int], list[tuple[str, str]]]:
    """Compare the means of 8 x 8 parts with the median over the frames."""
    height, width = frames[0].shape
    rows = np.linspace(0, height, min(TILES, height) + 1).astype(int)
    columns = np.linspace(0, width, min(TILES, width) + 1).astype(int)
    area = np.outer(np.diff(rows), np.diff(columns))
    parts = np.stack(
        [
            np.add.reduceat(
                np.add.reduceat(np.asarray(f, np.float64), rows[:-1], axis=0), columns[:-1], axis=1
            )
            / area
            for f in frames
        ]
    )
    away = parts - np.median(parts, axis=0)
    usual = 1.4826 * float(np.median(np.abs(away)))
    # Read noise alone, as seen between neighbours, bounds from below what is usual.
    pixel = _robust_sigma(np.asarray(frames[0][::2], np.float64)[:, ::2])
    if usual > pixel > 0:
        raise RangeError(
            f"dark frames: they do not agree with each other, their brightness wanders by "
            f"{usual:.2g} DN where a pixel has a noise of {pixel:.2g} DN",
            hint="take them in one go, at one exposure time, lens cap on and viewfinder covered",
        )
    limit = LEAK_SIGMAS * max(usual, pixel / math.sqrt(float(area.mean())), 1e-9)
    outliers, kept = [], []
    for k, name in enumerate(names):
        worst = float(away[k].flat[np.argmax(np.abs(away[k]))])
        if abs(worst) > limit:
            side = "brighter" if worst > 0 else "darker"
            reason = f"a part of it is {abs(worst):.2g} DN {side} than in the other frames"
            outliers.append((name, reason))
        else:
            kept.append(k)
    if len(kept) < max(2, len(frames) / 2):
        raise RangeError(
            f"dark frames: {len(outliers)} of {len(frames)} do not agree with the others: "
            f"{'; '.join(f'{n}: {why}' for n, why in outliers[:5])}",
            hint="take them in one go, lens cap on and viewfinder covered",
        )
    return kept, outliers


def _minus_bias(plane: NDArray[np.float64], bayer: bool) -> NDArray[np.float64]:
    out = plane.copy()
    for cell in _cells(bayer):
        out[cell] -= np.median(plane[cell])
    return out


def _residuals(
    frames: Sequence[NDArray[Any]], bias_plane: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.intp]]:
    """Give frames less bias and their row means, the row means less theirs, and which rows."""
    height, width = bias_plane.shape
    every = max(1, len(frames) * height * width // MOST_VALUES)
    pairs = np.arange(0, height // 2 * 2, 2 * every)
    rows = np.arange(height) if every == 1 else np.stack([pairs, pairs + 1], axis=1).ravel()
    rest = np.empty((len(frames), len(rows), width), np.float32)
    means = np.empty((len(frames), height))
    for k, frame in enumerate(frames):
        signed = frame - bias_plane
        means[k] = signed.mean(axis=1)
        rest[k] = signed[rows] - means[k][rows, None]
    moved = means - means.mean(axis=0)
    # A whole frame that lies higher is no row noise.
    moved -= moved.mean(axis=1, keepdims=True)
    return rest, moved, rows


def _robust_sigma(values: NDArray[Any]) -> float:
    middle = float(np.median(values))
    return 1.4826 * float(np.median(np.abs(values - middle)))


def fit_tukey_lambda(values: NDArray[Any]) -> TukeyFit:
    """Fit a Tukey lambda distribution by the best correlation of a probability plot.

    The sorted values are compared with the quantiles that a shape predicts; the
    shape with the highest correlation is taken, the slope of its plot is the
    scale. Neighbours in the sorted sample are taken together, finely in the tails,
    and compared with the exact mean of the quantile function over their ranks.

    Args:
        values: a sample around zero.

    Shape:
        values (n,), n at least 1000.

    Raises:
        ShapeError: fewer than 1000 values.
        RangeError: they are all equal, or not finite.

    Example:
        >>> p = (np.arange(20000) + 0.5) / 20000
        >>> fit = fit_tukey_lambda(3 * np.log(p / (1 - p)))
        >>> abs(fit.shape) < 0.005, round(fit.scale, 2)
        (True, 3.0)

    References:
        J. J. Filliben. The Probability Plot Correlation Coefficient Test for
        Normality. Technometrics 17, 1975.
    """
    if values.size < 1000:
        raise ShapeError(f"fit_tukey_lambda: needs at least 1000 values, got {values.size}")
    ordered = np.sort(values, axis=None).astype(np.float64)
    if not np.isfinite(ordered[[0, -1]]).all() or ordered[0] == ordered[-1]:
        raise RangeError("fit_tukey_lambda: the values are all equal, or not finite")
    n = ordered.size
    # Ranks on a logistic grid: single values in the tails, thousands in the middle.
    reach = math.log(n)
    grid = 1 / (1 + np.exp(-np.linspace(-reach, reach, min(MOST_BLOCKS, n // 4))))
    edges = np.unique(np.concatenate([[0], np.rint(grid * n).astype(np.int64), [n]]))
    counts = np.diff(edges)
    means = np.add.reduceat(ordered, edges[:-1]) / counts
    weights = counts / n
    centred = means - float(weights @ means)
    power = float(weights @ centred**2)

    def predicted(shape: float) -> NDArray[np.float64]:
        return np.asarray(np.diff(_integrated_quantile(edges / n, shape)) / weights)

    def correlation(shape: float) -> float:
        quantiles = predicted(shape)
        cross = float(weights @ (centred * quantiles))
        return cross / math.sqrt(power * float(weights @ quantiles**2))

    shape = _highest(correlation, *LAMBDAS)
    quantiles = predicted(shape)
    scale = float(weights @ (centred * quantiles)) / float(weights @ quantiles**2)
    return TukeyFit(
        shape=shape,
        scale=scale,
        sigma=scale * tukey_deviation(shape),
        correlation=correlation(shape),
    )


def _integrated_quantile(p: NDArray[np.float64], shape: float) -> NDArray[np.float64]:
    """Give the integral of the quantile function (p^l - (1-p)^l) / l from 0 to p."""
    total = np.zeros_like(p)
    for part in (p, 1 - p):
        logs = np.log(part, where=part > 0, out=np.zeros_like(part))
        total += part * (np.expm1(shape * logs) / shape if abs(shape) > 1e-9 else logs)
    return total / (shape + 1)


def _highest(score: Any, low: float, high: float) -> float:
    """Find the highest place of a smooth score: a coarse grid, then golden sections."""
    grid = np.linspace(low, high, 22)
    best = int(np.argmax([score(float(x)) for x in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    while high - low > 1e-5:
        one, two = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if score(one) > score(two):
            high = two
        else:
            low = one
    return (low + high) / 2
