"""The window sums behind SSIM, in one pass over the rows.

With s = x + y and d = x - y four filters do for five::

    2 mu_x mu_y         = (E[s]² - E[d]²) / 2      2 cov(x, y)     = (var s - var d) / 2
    mu_x² + mu_y²       = (E[s]² + E[d]²) / 2      var x + var y   = (var s + var d) / 2

Each row of sums is filtered downwards and then along the row while it is in the
cache, so nothing of the size of the picture is ever made.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.core.shapes import Image
from sfumato.errors import ShapeError

__all__ = ["RADIUS_PX", "Similarity", "check_window", "halve", "similarity", "similarity_map"]

Array: TypeAlias = NDArray[Any]

RADIUS_PX = 5
SIGMA_PX = 1.5
K1, K2 = 0.01, 0.03
BAND_ROWS = 64
TILE_VALUES = 4096
"""Values of a row worked on at a time: their eleven rows of sums stay in the cache."""

_offsets = np.arange(-RADIUS_PX, RADIUS_PX + 1)
_weights = np.exp(-0.5 * (_offsets / SIGMA_PX) ** 2)
TAPS = (_weights / _weights.sum()).astype(np.float32)


class Similarity(NamedTuple):
    """Means over the picture, one for each channel."""

    ssim: NDArray[np.float64]
    contrast: NDArray[np.float64]


def check_window(image: Image, least: int, who: str, hint: str) -> None:
    """Refuse a picture with a side below ``least`` pixels."""
    height, width = image.shape[:2]
    if min(height, width) < least:
        raise ShapeError(
            f"{who}: both sides must have at least {least} px, got {width} x {height} px", hint=hint
        )


def similarity(x: Image, y: Image, white: float, *, padded: bool = False) -> Similarity:
    """Give the mean SSIM, and the mean of its contrast and structure part, per channel."""
    height, width, channels = x.shape
    edge = 0 if padded else RADIUS_PX
    rows, columns = height - 2 * edge, width - 2 * edge
    sums = np.zeros((2, columns * channels))
    for top in range(edge, height - edge, BAND_ROWS):
        band = range(top, min(top + BAND_ROWS, height - edge))
        totals = np.zeros((2, columns * channels), np.float32)
        nothing = np.empty((0, 0), np.float32)
        _band(x, y, band, edge=edge, white=white, totals=totals, out=nothing)
        sums += totals
    ssim, contrast = sums.reshape(2, columns, channels).sum(axis=1) / (rows * columns)
    return Similarity(ssim, contrast)


def similarity_map(x: Image, y: Image, white: float) -> NDArray[np.float32]:
    """Give SSIM at every pixel, the border reflected about its outermost pixels."""
    height, width, channels = x.shape
    out = np.zeros((height, width * channels), np.float32)
    for top in range(0, height, BAND_ROWS):
        band = range(top, min(top + BAND_ROWS, height))
        totals = np.zeros((2, width * channels), np.float32)
        _band(x, y, band, edge=0, white=white, totals=totals, out=out[band.start : band.stop])
    return out.reshape(height, width, channels)


def _band(
    x: Image, y: Image, rows: range, *, edge: int, white: float, totals: Array, out: Array
) -> None:
    scale, c1, c2 = np.float32(1.0 / white), np.float32(K1**2), np.float32(K2**2)
    start, stop = rows.start - RADIUS_PX, rows.stop + RADIUS_PX
    first, second = (_rows(image, start, stop, edge) for image in (x, y))
    _similarity_rows(first, second, TAPS, x.shape[2], scale, c1, c2, totals, out)


def _rows(image: Image, start: int, stop: int, edge: int) -> Array:
    """Cut rows as one line each, reflected beyond the picture where ``edge`` is 0."""
    if start < 0 or stop > image.shape[0]:
        last = image.shape[0] - 1
        band = image[last - np.abs(last - np.abs(np.arange(start, stop)))]
    else:
        band = image[start:stop]
    if edge == 0:
        band = np.pad(band, ((0, 0), (RADIUS_PX, RADIUS_PX), (0, 0)), mode="reflect")
    return np.ascontiguousarray(band).reshape(stop - start, -1)


@compiled
def _similarity_rows(  # type: ignore[no-untyped-def]  # noqa: PLR0917
    x, y, g, channels, scale, c1, c2, totals, out
):
    """Add the SSIM and contrast of rows of interleaved values to the sum of each column."""
    height, width = x.shape[0], totals.shape[1]
    reach = 2 * RADIUS_PX
    for left in range(0, width, TILE_VALUES):
        wide = min(TILE_VALUES, width - left)
        deep = wide + reach * channels
        plus, minus = np.empty((11, deep), np.float32), np.empty((11, deep), np.float32)
        down, along = np.empty((4, deep), np.float32), np.empty((4, wide), np.float32)
        for i in range(height):
            _sum_and_difference(
                x[i, left : left + deep],
                y[i, left : left + deep],
                scale,
                plus[i % 11],
                minus[i % 11],
            )
            if i < reach:
                continue
            _filter_down(plus, i, g, down[0], down[2])
            _filter_down(minus, i, g, down[1], down[3])
            for k in range(4):
                _filter_along(down[k], channels, g, along[k])
            cut = slice(left, left + wide)
            _combine(along, c1, c2, totals[0, cut], totals[1, cut])
            if out.shape[0]:
                _combine(along, c1, c2, out[i - reach, cut], np.zeros(wide, np.float32))


@compiled
def _sum_and_difference(x, y, scale, plus, minus):  # type: ignore[no-untyped-def]
    one = np.float32(1.0)
    for j in range(len(plus)):
        a, b = np.float32(x[j]) * scale, np.float32(y[j]) * scale
        # About mid grey, so that squares lose no digits; `_combine` takes it back.
        plus[j] = a + b - one
        minus[j] = a - b


@compiled
def _filter_down(ring, i, g, mean, square):  # type: ignore[no-untyped-def]
    """Filter eleven rows, the last of which is row i, and their squares."""
    a, k = ring[(i + 1) % 11], ring[i % 11]
    b, j = ring[(i + 2) % 11], ring[(i + 10) % 11]
    c, h = ring[(i + 3) % 11], ring[(i + 9) % 11]
    d, q = ring[(i + 4) % 11], ring[(i + 8) % 11]
    e, p = ring[(i + 5) % 11], ring[(i + 7) % 11]
    f = ring[(i + 6) % 11]
    g0, g1, g2, g3, g4, g5 = g[0], g[1], g[2], g[3], g[4], g[5]
    for n in range(len(mean)):
        mean[n] = (
            g0 * (a[n] + k[n])
            + g1 * (b[n] + j[n])
            + g2 * (c[n] + h[n])
            + g3 * (d[n] + q[n])
            + g4 * (e[n] + p[n])
            + g5 * f[n]
        )
        square[n] = (
            g0 * (a[n] * a[n] + k[n] * k[n])
            + g1 * (b[n] * b[n] + j[n] * j[n])
            + g2 * (c[n] * c[n] + h[n] * h[n])
            + g3 * (d[n] * d[n] + q[n] * q[n])
            + g4 * (e[n] * e[n] + p[n] * p[n])
            + g5 * f[n] * f[n]
        )


@compiled
def _filter_along(line, step, g, out):  # type: ignore[no-untyped-def]
    """Filter a row whose neighbours lie ``step`` values apart."""
    b, c, d, e = line[step:], line[2 * step :], line[3 * step :], line[4 * step :]
    f, p, q, h = line[5 * step :], line[6 * step :], line[7 * step :], line[8 * step :]
    j, k = line[9 * step :], line[10 * step :]
    g0, g1, g2, g3, g4, g5 = g[0], g[1], g[2], g[3], g[4], g[5]
    for n in range(len(out)):
        out[n] = (
            g0 * (line[n] + k[n])
            + g1 * (b[n] + j[n])
            + g2 * (c[n] + h[n])
            + g3 * (d[n] + q[n])
            + g4 * (e[n] + p[n])
            + g5 * f[n]
        )


@compiled
def _combine(sums, c1, c2, ssim, contrast):  # type: ignore[no-untyped-def]
    mean_s, mean_d, square_s, square_d = sums[0], sums[1], sums[2], sums[3]
    half, one = np.float32(0.5), np.float32(1.0)
    for n in range(len(ssim)):
        s, d = mean_s[n], mean_d[n]
        var_s, var_d = square_s[n] - s * s, square_d[n] - d * d
        s += one
        structure = (half * (var_s - var_d) + c2) / (half * (var_s + var_d) + c2)
        light = (half * (s * s - d * d) + c1) / (half * (s * s + d * d) + c1)
        ssim[n] += light * structure
        contrast[n] += structure


@compiled
def halve(image, scale):  # type: ignore[no-untyped-def]
    """Give the means of blocks of 2 x 2 pixels, times a scale; the edge of an odd side repeats.

    Shape:
        (h, w, c) to ((h + 1) // 2, (w + 1) // 2, c), float32.
    """
    height, width, channels = image.shape
    out = np.empty(((height + 1) // 2, (width + 1) // 2, channels), np.float32)
    quarter = np.float32(0.25) * np.float32(scale)
    for i in range(out.shape[0]):
        up, low = 2 * i, min(2 * i + 1, height - 1)
        for j in range(out.shape[1]):
            left, right = 2 * j, min(2 * j + 1, width - 1)
            for c in range(channels):
                top = np.float32(image[up, left, c]) + np.float32(image[up, right, c])
                base = np.float32(image[low, left, c]) + np.float32(image[low, right, c])
                out[i, j, c] = quarter * (top + base)
    return out
