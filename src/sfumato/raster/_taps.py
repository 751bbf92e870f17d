"""Weights of a resampled line, and the two loops that apply them.

A line of n samples becomes one of m: with the step s = n / m the centre of new
sample i lies at ``(i + 0.5) s - 0.5`` of the old line. A kernel is widened by s where
that is above 1, so that it takes away what the new line cannot show, and never
narrowed. Weights are cut at the ends of the line and add up to 1 again.
"""

# Compiled functions know no keyword-only arguments.
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

f32 = np.float32

__all__ = ["Kernel", "Taps", "apply_taps", "taps_for"]

Kernel: TypeAlias = Literal["area", "bicubic", "lanczos"]

CUBIC = -0.5
"""Slope of the cubic at 1 (Keys): the one value that keeps second-order exactness."""
LOBES = 3
SUPPORT = {"bicubic": 2.0, "lanczos": float(LOBES)}
ROWS = 8
"""New rows worked on at a time: so many values stand side by side for the vector unit."""


class Taps(NamedTuple):
    """The old samples that make up each new one.

    Shape:
        first (m,): the first old sample; weights (m, k): its share and those of the
        next ones, 0 beyond the last.
    """

    first: NDArray[np.int64]
    weights: NDArray[np.float32]


def taps_for(old: int, new: int, kernel: Kernel) -> Taps:
    """Give the weights that bring a line of ``old`` samples to ``new``."""
    step = old / new
    middle = (np.arange(new) + 0.5) * step - 0.5
    reach = step / 2 + 0.5 if kernel == "area" else SUPPORT[kernel] * max(step, 1.0)
    first = np.ceil(middle - reach).astype(np.int64)
    offsets = np.arange(int(np.floor(2 * reach)) + 1)
    at = first[:, None] + offsets
    if kernel == "area":
        left, right = (np.arange(new)[:, None] + side for side in (0, 1))
        weights = np.minimum(at + 1.0, right * step) - np.maximum(at, left * step)
        weights = np.maximum(weights, 0.0)
    else:
        away = (at - middle[:, None]) / max(step, 1.0)
        weights = _cubic(away) if kernel == "bicubic" else _lanczos(away)
    weights[(at < 0) | (at >= old)] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    return _packed(first, weights, old)


def _packed(first: NDArray[np.int64], weights: NDArray[np.float64], old: int) -> Taps:
    """Begin every row with a sample inside, and end it inside, the padding included."""
    count = min(-(-weights.shape[1] // 4) * 4, old)  # whole fours are summed fastest
    start = np.clip(first, 0, old - count)
    at = start[:, None] + np.arange(count) - first[:, None]
    inside = (at >= 0) & (at < weights.shape[1])
    packed = np.take_along_axis(weights, np.clip(at, 0, weights.shape[1] - 1), axis=1)
    return Taps(start, np.where(inside, packed, 0.0).astype(np.float32))


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1
    far = CUBIC * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) < LOBES, np.sinc(x) * np.sinc(x / LOBES), 0.0)


@compiled
def apply_taps(
    image: Any, row_first: Any, row_weights: Any, first: Any, weights: Any, band: Any, out: Any
) -> None:
    """Resample downwards, then along the rows, a few new rows at a time.

    Args:
        image: (h, w, c), any real dtype.
        row_first: first old row of each new row.
        row_weights: weights of the old rows.
        first: first old column of each new column.
        weights: weights of the old columns.
        band: low and high bound of the result, and 1 where it is rounded.
        out: (m, n, c), written.
    """
    height, width, channels = image.shape
    rows, columns = out.shape[0], out.shape[1]
    flat = image.reshape(height, width * channels)
    result = out.reshape(rows, columns * channels)
    line = np.empty(width * channels, np.float32)
    lines = np.zeros(width * channels * ROWS, np.float32)
    for top in range(0, rows, ROWS):
        count = min(ROWS, rows - top)
        for r in range(count):
            _add_rows(flat, row_first[top + r], row_weights[top + r], line)
            for i in range(line.shape[0]):
                lines[i * ROWS + r] = line[i]
        for channel in range(channels):
            _along(lines, channel, channels, first, weights, band, result[top : top + count])


@compiled
def _add_rows(flat: Any, start: int, share: Any, line: Any) -> None:
    """Sum old rows by their weights, four at a time to spare the sum."""
    line[:] = f32(0.0)
    taps = share.shape[0]
    for k in range(0, taps - 3, 4):
        a, b, c, d = flat[start + k], flat[start + k + 1], flat[start + k + 2], flat[start + k + 3]
        wa, wb, wc, wd = share[k], share[k + 1], share[k + 2], share[k + 3]
        for i in range(line.shape[0]):
            pair = wa * f32(a[i]) + wb * f32(b[i])
            line[i] += pair + (wc * f32(c[i]) + wd * f32(d[i]))
    for k in range(taps - taps % 4, taps):
        e, we = flat[start + k], share[k]
        for i in range(line.shape[0]):
            line[i] += we * f32(e[i])


@compiled
def _along(
    lines: Any, channel: int, channels: int, first: Any, weights: Any, band: Any, out: Any
) -> None:
    """Resample eight lines that stand side by side; eight scalars become one vector."""
    low, high, rounded = f32(band[0]), f32(band[1]), band[2] > 0
    for x in range(first.shape[0]):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = f32(0.0)
        at = (first[x] * channels + channel) * ROWS
        for k in range(weights.shape[1]):
            w = weights[x, k]
            v = lines[at : at + ROWS]
            s0 += w * v[0]
            s1 += w * v[1]
            s2 += w * v[2]
            s3 += w * v[3]
            s4 += w * v[4]
            s5 += w * v[5]
            s6 += w * v[6]
            s7 += w * v[7]
            at += channels * ROWS
        for r, s in enumerate((s0, s1, s2, s3, s4, s5, s6, s7)):
            if r < out.shape[0]:
                value = np.rint(s) if rounded else s
                out[r, x * channels + channel] = min(max(value, low), high)
