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
SETTLED = 2e-2
"""Change of the place, in pixels, after which one more round would not matter."""
GOOD_ENOUGH = 0.05
"""Change of the place that is let pass after the last round."""
NARROWEST = 0.1
"""Blur below which an edge is as good as sharp."""
HOLD = 1e6
BIN_PX = 0.5
BOX = 2
"""Bins in the width of a pixel."""
SHARPEST = math.sqrt(NARROWEST**2 + BIN_PX**2 / 12.0)
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
def _window(
    plane: Plane,
    pose: tuple[float, float, float, float, float],
    ends: tuple[float, float, float],
    pixels: Array,
) -> int:
    """List the pixels near the window: place across, place along, value."""
    x, y, nx, ny, curvature = pose
    back, forth, along = ends
    height, width = plane.shape
    span_y = max(back, forth) * abs(ny) + (along + 0.5) * abs(nx)
    safe_x, safe_y = max(abs(nx), 1e-3), max(abs(ny), 1e-3)
    slip, wide = nx * ny / (safe_y * safe_y), (along + 0.5) / safe_y
    drop = nx * ny / (safe_x * safe_x)
    deep = (max(back, forth) + 0.5 * abs(curvature) * (along + 0.5) ** 2) / safe_x
    across, beside, values = pixels[0], pixels[1], pixels[2]
    count = 0
    for row in range(max(0, math.ceil(y - span_y)), min(height - 1, int(y + span_y)) + 1):
        dy = row - y
        # Columns of this row between the two sides, then between the two ends.
        first = max(dy * slip - wide, -dy * drop - deep)
        last = min(dy * slip + wide, -dy * drop + deep)
        begin = max(0, math.ceil(x + first))
        end = min(min(width - 1, math.floor(x + last)) + 1, begin + values.size - count)
        for column in range(begin, end):
            dx = column - x
            across[count] = dx * nx + dy * ny
            beside[count] = dx * ny - dy * nx
            values[count] = plane[row, column]
            count += 1
    return count


@compiled
def _gather(
    pixels: Array,
    count: int,
    curvature: float,
    ends: tuple[float, float, float],
    cells: NDArray[np.int32],
    bins: Array,
) -> int:
    """Sum the pixels of the window in bins of the distance to the bent edge.

    Gives for each bin the weight, and the weighted sums of the distance to the bin's
    middle and of the values; says how many bins have pixels.
    """
    back, forth, along = ends
    across, beside, values = pixels[0], pixels[1], pixels[2]
    start, last = -back, int((back + forth) * (1.0 / BIN_PX))
    square = curvature * curvature
    # One loop that the compiler can make wide, and one that it cannot.
    for k in range(count):
        d, t = across[k], beside[k]
        bow = 1.0 - curvature * d
        d = (2.0 * d - curvature * (d * d + t * t)) / (1.0 + math.sqrt(bow * bow + square * t * t))
        share = min(max(along + 0.5 - abs(t), 0.0), 1.0)
        beside[k] = share if start <= d <= forth else 0.0
        place = min(max((d - start) * (1.0 / BIN_PX), 0.0), float(last))
        cells[k] = np.int32(place)
        across[k] = place - cells[k] - 0.5
    bins[:, : last + 1] = 0.0
    for k in range(count):
        cell, w = cells[k], beside[k]
        bins[0, cell] += w
        bins[1, cell] += w * across[k]
        bins[2, cell] += w * values[k]
    full = 0
    for cell in range(last + 1):
        w = bins[0, cell]
        if w > 0.0:
            full += 1
            bins[1, cell] *= BIN_PX / w
            bins[2, cell] /= w
    return full


@compiled
def _solve(a: Array, b: Array) -> bool:
    """Solve a symmetric positive 4 x 4 system in place; False where it is singular."""
    d0 = a[0, 0]
    if not d0 > 0.0:
        return False
    l1, l2, l3 = a[1, 0] / d0, a[2, 0] / d0, a[3, 0] / d0
    d1 = a[1, 1] - l1 * a[1, 0]
    if not d1 > 1e-12 * a[1, 1]:
        return False
    u21, u31 = a[2, 1] - l2 * a[1, 0], a[3, 1] - l3 * a[1, 0]
    m2, m3 = u21 / d1, u31 / d1
    d2 = a[2, 2] - l2 * a[2, 0] - m2 * u21
    if not d2 > 1e-12 * a[2, 2]:
        return False
    u32 = a[3, 2] - l3 * a[2, 0] - m3 * u21
    n3 = u32 / d2
    d3 = a[3, 3] - l3 * a[3, 0] - m3 * u31 - n3 * u32
    if not d3 > 1e-12 * a[3, 3]:
        return False
    y1 = b[1] - l1 * b[0]
    y2 = b[2] - l2 * b[0] - m2 * y1
    x3 = (b[3] - l3 * b[0] - m3 * y1 - n3 * y2) / d3
    x2 = y2 / d2 - n3 * x3
    x1 = y1 / d1 - m2 * x2 - m3 * x3
    b[0], b[1], b[2], b[3] = b[0] / d0 - l1 * x1 - l2 * x2 - l3 * x3, x1, x2, x3
    return True


@compiled
def _tabulate(start: float, width: float, steps: Array) -> None:
    """Give the integral of the blurred step, the step, and the bell at every half bin's end."""
    inverse = 1.0 / width
    for k in range(steps.shape[1]):
        u = (start + k * BIN_PX) * inverse
        size = min(abs(u), TABLE_END) * (1.0 / TABLE_STEP)
        cell = int(size)
        rest = size - cell
        below = CDF[cell] + rest * (CDF[cell + 1] - CDF[cell])
        bell = PDF[cell] + rest * (PDF[cell + 1] - PDF[cell])
        if u < 0.0:
            below = 1.0 - below
        steps[0, k] = (u * below + bell) * width
        steps[1, k] = below
        steps[2, k] = bell


@compiled
def _accumulate(
    bins: Array,
    count: int,
    back: float,
    step: tuple[float, float, float, float],
    noise: tuple[float, float],
    steps: Array,
    a: Array,
    b: Array,
) -> None:
    """Sum the normal equations of low, contrast, place and width."""
    place, width, low, contrast = step
    black, growth = noise
    # The area of a pixel is a box across the edge: differences over its width.
    _tabulate(0.5 * BIN_PX - back - place - 0.5, width, steps[:, : count + BOX])
    # Sums in names of their own stay in registers; in the arrays they cost twice the time.
    a00 = a10 = a11 = a20 = a21 = a22 = a30 = a31 = a32 = a33 = 0.0
    b0 = b1 = b2 = b3 = 0.0
    for k in range(count):
        w = bins[0, k]
        if w == 0.0:
            continue
        # From the middle of the bin to the mean of its pixels by a tangent.
        off = bins[1, k]
        rise = steps[1, k + BOX] - steps[1, k]
        pdf = steps[2, k + BOX] - steps[2, k]
        cdf = steps[0, k + BOX] - steps[0, k] + off * rise
        rise += off * pdf / width
        model = low + contrast * cdf
        if growth > 0.0:
            w = w / max(black + growth * max(model, 0.0), 1e-12)
        d2 = -contrast * rise
        d3 = contrast * pdf
        r = w * (bins[2, k] - model)
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
    bins, steps = np.zeros((3, room)), np.zeros((3, room + BOX))
    most = (2 * math.ceil(1.5 * (reach + along)) + 3) ** 2
    pixels, cells = np.zeros((3, most)), np.zeros(most, np.int32)
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
        ends = (back, forth, along)
        near = _window(plane, pose, ends, pixels)
        if _gather(pixels, near, bend, ends, cells, bins) < 4:
            continue
        count = int((back + forth) * (1.0 / BIN_PX)) + 1
        place, width = 0.0, min(max(start[k], SHARPEST), reach)
        contrast = peak * math.sqrt(2.0 * math.pi * table[5, k])
        low, total = 0.0, 0.0
        for i in range(count):
            low, total = low + bins[0, i] * bins[2, i], total + bins[0, i]
        low = low / total - 0.5 * contrast
        for turn in range(ROUNDS):
            step = (place, width, low, contrast)
            _accumulate(bins, count, back, step, (black, growth), steps, a, b)
            # At its bound the width is held, or it would drag the place along.
            a[3, 3] *= HOLD if width <= SHARPEST and b[3] < 0.0 else 1.001
            if not _solve(a, b):
                break
            low += b[0]
            contrast += b[1]
            place += b[2]
            wider = min(max(width + b[3], 0.5 * width, SHARPEST), 2.0 * width, reach)
            change, width = wider - width, wider
            if abs(place) > FARTHEST or contrast <= 0.0:
                break
            settled = abs(b[2]) < SETTLED and abs(change) < 0.15 * width
            if settled or (turn == ROUNDS - 1 and abs(b[2]) < GOOD_ENOUGH):
                # The pixels of a bin differ in distance, which looks like blur.
                blur = math.sqrt(max(width * width - BIN_PX * BIN_PX / 12.0, NARROWEST**2))
                fitted[0, k], fitted[1, k] = place, blur
                fitted[2, k], fitted[3, k] = low, low + contrast
                break
