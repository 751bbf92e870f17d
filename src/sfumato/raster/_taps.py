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
    count = min(weights.shape[1], old)
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
        band: low and high bound of the result, and whether it is rounded.
        out: (m, n, c), written.
    """
    height, width, channels = image.shape
    rows, columns = out.shape[0], out.shape[1]
    low, high, rounded = np.float32(band[0]), np.float32(band[1]), band[2] > 0
    line = np.empty(width * channels, np.float32)
    lines = np.zeros((width * channels, ROWS), np.float32)
    total = np.empty(channels * ROWS, np.float32)
    flat = image.reshape(height, width * channels)
    result = out.reshape(rows, columns * channels)
    for top in range(0, rows, ROWS):
        count = min(ROWS, rows - top)
        for r in range(count):
            line[:] = np.float32(0.0)
            for k in range(row_weights.shape[1]):
                weight = row_weights[top + r, k]
                if weight != 0:
                    source = flat[row_first[top + r] + k]
                    for i in range(line.shape[0]):
                        line[i] += weight * np.float32(source[i])
            for i in range(line.shape[0]):
                lines[i, r] = line[i]
        for x in range(columns):
            total[:] = np.float32(0.0)
            for k in range(weights.shape[1]):
                weight = weights[x, k]
                part = lines[(first[x] + k) * channels : (first[x] + k + 1) * channels].ravel()
                for i in range(channels * ROWS):
                    total[i] += weight * part[i]
            for channel in range(channels):
                for r in range(count):
                    value = total[channel * ROWS + r]
                    if rounded:
                        value = np.rint(value)
                    value = min(max(value, low), high)
                    result[top + r, x * channels + channel] = value
