"""Least squares of a blurred step on the pixels around a point, compiled."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.features._plane import Plane

__all__ = ["fit_steps"]

Array = NDArray[np.float64]

ROUNDS = 5
FARTHEST = 1.0
"""Pixels that the fit may move a point; beyond, it has found something else."""
INWARD = 0.55
"""Of the radius of a bent edge: nearer to its centre, a blurred disc is no blurred step."""
SETTLED = 1e-2
"""Change of the place, in pixels, after which one more round would not matter."""
GOOD_ENOUGH = 0.05
"""Change of the place that is let pass after the last round."""
NARROWEST = 0.1
"""Blur below which an edge is as good as sharp."""
HOLD = 1e6
BIN_PX = 0.25
TABLE_STEP = 1.0 / 256.0
TABLE_END = 5.0

_at = np.arange(0.0, TABLE_END + 2 * TABLE_STEP, TABLE_STEP)
PDF = np.exp(-0.5 * _at * _at) / math.sqrt(2.0 * math.pi)
CDF = np.array([0.5 * math.erfc(-u / math.sqrt(2.0)) for u in _at])


@compiled
def _fall_off(
    gx: Plane, gy: Plane, x: float, y: float, nx: float, ny: float, peak: float, reach: float
) -> float:
    """Give how far the edge goes on to one side before another one begins."""
    height, width = gx.shape
    least, place = peak, 0.0
    d = 0.5
    while d <= reach:
        column, row = math.floor(x + d * nx + 0.5), math.floor(y + d * ny + 0.5)
        if column < 0 or row < 0 or column >= width or row >= height:
            return d
        slope = abs(gx[row, column] * nx + gy[row, column] * ny)
        if slope < least:
            least, place = slope, d
        elif slope > least + 0.2 * peak:
            return max(place, 1.0)
        d += 0.5
    return reach


@compiled
def _gather(
    plane: Plane,
    pose: tuple[float, float, float, float, float],
    ends: tuple[float, float, float],
    away: Array,
    light: Array,
    weight: Array,
) -> int:
    """Sum the pixels of the window in bins of the distance to the bent edge.

    Gives for each bin that has pixels their mean distance, mean value and weight. A bin
    adds no more than BIN_PX² / 12 to the variance of the blur.
    """
    x, y, nx, ny, curvature = pose
    back, forth, along = ends
    bins = int((back + forth) / BIN_PX) + 1
    away[:bins] = 0.0
    light[:bins] = 0.0
    weight[:bins] = 0.0
    height, width = plane.shape
    span_y = max(back, forth) * abs(ny) + (along + 0.5) * abs(nx)
    safe_x, safe_y = max(abs(nx), 1e-3), max(abs(ny), 1e-3)
    slip, wide = nx * ny / (safe_y * safe_y), (along + 0.5) / safe_y
    drop = nx * ny / (safe_x * safe_x)
    deep = (max(back, forth) + 0.5 * abs(curvature) * (along + 0.5) ** 2) / safe_x
    for row in range(max(0, math.ceil(y - span_y)), min(height - 1, int(y + span_y)) + 1):
        dy = row - y
        # Columns of this row between the two sides, then between the two ends.
        middle, half = dy * slip, wide
        first, last = middle - half, middle + half
        middle, half = -dy * drop, deep
        first, last = max(first, middle - half), min(last, middle + half)
        for column in range(max(0, math.ceil(x + first)), min(width - 1, math.floor(x + last)) + 1):
            dx = column - x
            t = dx * ny - dy * nx
            share = along + 0.5 - abs(t)
            if share <= 0.0:
                continue
            d = dx * nx + dy * ny
            if curvature != 0.0:
                bow = 1.0 - curvature * d
                d = 2.0 * d - curvature * (d * d + t * t)
                d /= 1.0 + math.sqrt(bow * bow + curvature * curvature * t * t)
            if d < -back or d > forth:
                continue
            w, k = min(share, 1.0), int((d + back) / BIN_PX)
            away[k] += w * d
            light[k] += w * plane[row, column]
            weight[k] += w
    count = 0
    for k in range(bins):
        if weight[k] > 0.0:
            w = weight[k]
            away[count], light[count], weight[count] = away[k] / w, light[k] / w, w
            count += 1
    return count


@compiled
def _solve(a: Array, b: Array) -> bool:
    """Solve a symmetric positive 4 x 4 system in place; False where it is singular."""
    for j in range(4):
        pivot = a[j, j]
        for k in range(j):
            pivot -= a[j, k] * a[j, k]
        if not pivot > 1e-12 * a[j, j]:
            return False
        root = math.sqrt(pivot)
        a[j, j] = root
        for i in range(j + 1, 4):
            value = a[i, j]
            for k in range(j):
                value -= a[i, k] * a[j, k]
            a[i, j] = value / root
    for i in range(4):
        for k in range(i):
            b[i] -= a[i, k] * b[k]
        b[i] /= a[i, i]
    for i in range(3, -1, -1):
        for k in range(i + 1, 4):
            b[i] -= a[k, i] * b[k]
        b[i] /= a[i, i]
    return True


@compiled
def _accumulate(
    away: Array,
    light: Array,
    weight: Array,
    count: int,
    step: tuple[float, float, float, float],
    noise: tuple[float, float],
    a: Array,
    b: Array,
) -> None:
    """Sum the normal equations of low, contrast, place and width."""
    place, width, low, contrast = step
    black, growth = noise
    inverse = 1.0 / width
    # Sums in names of their own stay in registers; in the arrays they cost twice the time.
    a00 = a10 = a11 = a20 = a21 = a22 = a30 = a31 = a32 = a33 = 0.0
    b0 = b1 = b2 = b3 = 0.0
    for k in range(count):
        # The area of a pixel is a box across the edge: differences of the erf's integral.
        cdf, pdf, rise = 0.0, 0.0, 0.0
        for side in (-0.5, 0.5):
            u = (away[k] - place + side) * inverse
            size = min(abs(u), TABLE_END) * (1.0 / TABLE_STEP)
            cell = int(size)
            rest = size - cell
            below = CDF[cell] + rest * (CDF[cell + 1] - CDF[cell])
            bell = PDF[cell] + rest * (PDF[cell + 1] - PDF[cell])
            if u < 0.0:
                below = 1.0 - below
            sign = 2.0 * side
            rise += sign * below
            pdf += sign * bell
            cdf += sign * (u * below + bell) * width
        model = low + contrast * cdf
        w = weight[k]
        if growth > 0.0:
            w = w / max(black + growth * max(model, 0.0), 1e-12)
        d2 = -contrast * rise
        d3 = contrast * pdf
        r = w * (light[k] - model)
        w1, w2, w3 = w * cdf, w * d2, w * d3
        b0, b1, b2, b3 = b0 + r, b1 + r * cdf, b2 + r * d2, b3 + r * d3
        a00, a10, a20, a30 = a00 + w, a10 + w1, a20 + w2, a30 + w3
        a11, a21, a31 = a11 + w1 * cdf, a21 + w1 * d2, a31 + w1 * d3
        a22, a32, a33 = a22 + w2 * d2, a32 + w2 * d3, a33 + w3 * d3
    b[0], b[1], b[2], b[3] = b0, b1, b2, b3
    a[0, 0], a[1, 0], a[2, 0], a[3, 0] = a00, a10, a20, a30
    a[1, 1], a[2, 1], a[3, 1] = a11, a21, a31
    a[2, 2], a[3, 2], a[3, 3] = a22, a32, a33


@compiled
def fit_steps(
    plane: Plane,
    gx: Plane,
    gy: Plane,
    table: Array,
    curvature: Array,
    start: Array,
    window: tuple[float, float, float, float],
    fitted: Array,
) -> None:
    """Fit a step at every seed: place along the normal, width, low and high; NaN where none fits.

    Args:
        plane: the picture.
        gx: its derivative to the right.
        gy: its derivative down.
        table: the seeds, a row for each column of theirs.
        curvature: of the contour at each seed.
        start: width to begin with.
        window: half the window across and along the edge; variance of a black pixel and
            its growth up to white.
        fitted: filled in.
    """
    reach, along, black, growth = window
    room = int(2.0 * reach / BIN_PX) + 2
    away, light, weight = np.zeros(room), np.zeros(room), np.zeros(room)
    a, b = np.zeros((4, 4)), np.zeros(4)
    for k in range(table.shape[1]):
        x, y, nx, ny, peak = table[0, k], table[1, k], table[2, k], table[3, k], table[4, k]
        forth = _fall_off(gx, gy, x, y, nx, ny, peak, reach)
        back = _fall_off(gx, gy, x, y, -nx, -ny, peak, reach)
        bend = curvature[k]
        if bend > 0.0:
            forth = min(forth, INWARD / bend)
        elif bend < 0.0:
            back = min(back, -INWARD / bend)
        pose = (x, y, nx, ny, bend)
        count = _gather(plane, pose, (back, forth, along), away, light, weight)
        if count < 4:
            continue
        place, width = 0.0, min(max(start[k], NARROWEST), reach)
        contrast = peak * math.sqrt(2.0 * math.pi * table[5, k])
        low = 0.0
        for i in range(count):
            low += light[i] / count
        low -= 0.5 * contrast
        for turn in range(ROUNDS):
            step = (place, width, low, contrast)
            _accumulate(away, light, weight, count, step, (black, growth), a, b)
            # At its bound the width is held, or it would drag the place along.
            a[3, 3] *= HOLD if width <= NARROWEST and b[3] < 0.0 else 1.001
            if not _solve(a, b):
                break
            low += b[0]
            contrast += b[1]
            place += b[2]
            wider = min(max(width + b[3], 0.5 * width, NARROWEST), 2.0 * width, reach)
            change, width = wider - width, wider
            if abs(place) > FARTHEST or contrast <= 0.0:
                break
            settled = abs(b[2]) < SETTLED and abs(change) < 0.1 * width
            if settled or (turn == ROUNDS - 1 and abs(b[2]) < GOOD_ENOUGH):
                fitted[0, k], fitted[1, k] = place, width
                fitted[2, k], fitted[3, k] = low, low + contrast
                break
