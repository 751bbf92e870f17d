"""Compiled loops of fast exposure fusion.

A tile of the finest level is held as planes of float32, the even columns apart
from the odd ones: the filters of the pyramid then read and write neighbouring
values only, which is what vector units want. Both parts are flat, ``rows * m``
values, so that most loops run over a whole tile at once; what they compute at
the ends of its rows is wrong and never used. The levels below are ordinary
planes. Values keep the scale of the picture (white is 255, 65535 or 1).

Nothing here knows about borders: whoever calls lays a rim of two pixels around
each picture first (`lay_rim`, or the row and column tables of `load`).
"""

# Compiled functions know no keyword-only arguments.
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.core.compiled import compiled

__all__ = [
    "add_expanded",
    "blend",
    "blend_columns",
    "lay_rim",
    "load",
    "mirror",
    "reduce",
    "reduce_columns",
    "reduce_row",
    "store",
]

f32 = np.float32
WIDEST = 512
"""Most pairs of columns in a tile; a constant, so that row buffers are known not to overlap."""
RIM = 7
"""Rows of a tile above the first that it is responsible for: two reductions and a neighbour."""
SYMMETRIC, REFLECT, REFLECT_EXPAND = 0, 1, 2
"""Rules of a rim; OpenCV's expansion repeats the last pixel but mirrors at the first."""


@compiled
def mirror(index: int, size: int, rule: int) -> int:
    """Say which pixel stands for the one at ``index``, inside or outside of ``size``."""
    if size == 1:
        return 0
    while index < 0 or index >= size:
        if index < 0:
            index = -1 - index if rule == SYMMETRIC else -index
        elif rule == REFLECT:
            index = 2 * size - 2 - index
        else:
            index = 2 * size - 1 - index
    return index


@compiled
def lay_rim(plane: Any, top: int, left: int, height: int, width: int, rule: int) -> None:
    """Fill what a plane holds around its picture, two pixels at most on each side.

    Args:
        plane: (rows, columns), changed in place.
        top: row of the plane where the picture begins; negative if it begins above.
        left: column of the plane where the picture begins; as ``top``.
        height: rows of the picture, also those beyond the plane.
        width: columns of the picture, as ``height``.
        rule: one of the rules above.
    """
    rows, columns = plane.shape
    for i in range(max(0, top), min(rows, top + height)):
        row = plane[i]
        for j in (left - 2, left - 1, left + width, left + width + 1):
            if 0 <= j < columns:
                row[j] = row[left + mirror(j - left, width, rule)]
    for i in (top - 2, top - 1, top + height, top + height + 1):
        if 0 <= i < rows:
            plane[i, :] = plane[top + mirror(i - top, height, rule), :]


@compiled
def load(frame: Any, channels: int, row_of: Any, x0: int, m: int, rule: int, planes: Any) -> None:
    """Take a tile out of a frame, as planes of even and of odd columns.

    Args:
        frame: (h, w * channels), values in any dtype.
        channels: 1 or 3.
        row_of: the row of the frame for each row of the tile, the rim included.
        x0: first column of the tile, even, may lie outside.
        m: pairs of columns.
        rule: how the rim is laid.
        planes: (channels, 2, rows * m) float32, written.
    """
    width = frame.shape[1] // channels
    first, last = max(x0, 0), min(x0 + 2 * m, width)
    line = np.empty(2 * m * channels, frame.dtype)
    pairs = np.empty(6 * WIDEST, np.float32)
    for t in range(row_of.shape[0]):
        row = frame[row_of[t]]
        inside, into = row[first * channels :], line[(first - x0) * channels :]
        for i in range((last - first) * channels):
            into[i] = inside[i]
        for i in range(2 * m - (last - first)):
            j = i if i < first - x0 else i + last - first
            x = mirror(x0 + j, width, rule)
            for channel in range(channels):
                line[j * channels + channel] = row[x * channels + channel]
        if channels == 3:
            for j in range(m):
                pairs[j] = line[6 * j]
                pairs[WIDEST + j] = line[6 * j + 1]
                pairs[2 * WIDEST + j] = line[6 * j + 2]
                pairs[3 * WIDEST + j] = line[6 * j + 3]
                pairs[4 * WIDEST + j] = line[6 * j + 4]
                pairs[5 * WIDEST + j] = line[6 * j + 5]
        else:
            for j in range(m):
                pairs[j] = line[2 * j]
                pairs[WIDEST + j] = line[2 * j + 1]
        for part in range(2 * channels):
            values = pairs[part * WIDEST :]
            out = planes[part % channels, part // channels, t * m : t * m + m]
            for j in range(m):
                out[j] = values[j]


@compiled
def reduce_columns(tile: Any, m: int, out: Any, sums: Any) -> None:
    """Halve one plane of a tile.

    Args:
        tile: (2, rows * m); row ``1 + 2 i`` is the first that row i of the result needs.
        m: pairs of columns.
        out: (rows, m), written; column j lies at pair j, the outermost are not written.
        sums: (2, m), room to work.
    """
    for i in range(out.shape[0]):
        start = (1 + 2 * i) * m
        for parity in range(2):
            tap = tile[parity, start : start + 5 * m]
            a, b, c, d, e = tap[:m], tap[m:], tap[2 * m :], tap[3 * m :], tap[4 * m :]
            column = sums[parity]
            for j in range(m):
                column[j] = (a[j] + e[j]) + f32(4.0) * (b[j] + d[j]) + f32(6.0) * c[j]
        even, odd, row = sums[0], sums[1], out[i]
        west, east, near = even[: m - 2], even[2:], even[1:]
        left, right, inner = odd[: m - 2], odd[1:], row[1:]
        for j in range(m - 2):
            near_sum = f32(6.0) * near[j] + f32(4.0) * (left[j] + right[j])
            inner[j] = ((west[j] + east[j]) + near_sum) * f32(1.0 / 256.0)


@compiled
def reduce(source: Any, out: Any) -> None:
    """Halve a plane; both have their rim of two pixels, that of the source is laid."""
    height, width = out.shape[0] - 4, out.shape[1] - 4
    sums = np.empty(source.shape[1] + 1, np.float32)
    for y in range(height):
        reduce_row(source, 2 * y, 0, width, out[y + 2][2:], sums)


@compiled
def reduce_row(source: Any, top: int, left: int, width: int, out: Any, sums: Any) -> None:
    """Give one row of a halved plane, from five rows that begin at (top, left)."""
    a, b, c = source[top][left:], source[top + 1][left:], source[top + 2][left:]
    d, e = source[top + 3][left:], source[top + 4][left:]
    for x in range(2 * width + 3):
        sums[x] = (a[x] + e[x]) + f32(4.0) * (b[x] + d[x]) + f32(6.0) * c[x]
    for x in range(width):
        near = f32(4.0) * (sums[2 * x + 1] + sums[2 * x + 3]) + f32(6.0) * sums[2 * x + 2]
        out[x] = ((sums[2 * x] + sums[2 * x + 4]) + near) * f32(1.0 / 256.0)


@compiled
def expand_down(above: Any, here: Any, below: Any, odd: bool, column: Any) -> None:
    """Double three rows downwards into one, 8 times too bright, as long as ``column``."""
    if odd:
        for x in range(column.shape[0]):
            column[x] = f32(4.0) * (here[x] + below[x])
    else:
        for x in range(column.shape[0]):
            column[x] = (above[x] + below[x]) + f32(6.0) * here[x]


@compiled
def blend(share: Any, image: Any, low: Any, out: Any, place: Any) -> None:
    """Add a share of the Laplacian of an image, ``share * (image - expand(low))``.

    Args:
        share: (rows, columns), the weight.
        image: (rows, columns).
        low: the next coarser level, (rows, columns) with its rim.
        out: (rows, columns), changed in place.
        place: first and end row; first column (even) and number of pairs; the rim of
            share, image and out; the row and the column of ``low`` for row 0 and pair 0.
    """
    first, last, x0, pairs, rim, dy, dx = place
    column = np.empty(pairs + 2, np.float32)
    west, here, east = column[:pairs], column[1:], column[2:]
    for i in range(first, last):
        y, x = (i >> 1) + dy, (x0 >> 1) + dx - 1
        expand_down(low[y - 1][x:], low[y][x:], low[y + 1][x:], i & 1 == 1, column)
        weight, value = share[i + rim][x0 + rim :], image[i + rim][x0 + rim :]
        row = out[i + rim][x0 + rim :]
        for x in range(pairs):
            even = ((west[x] + east[x]) + f32(6.0) * here[x]) * f32(1.0 / 64.0)
            odd = (here[x] + east[x]) * f32(1.0 / 16.0)
            row[2 * x] += weight[2 * x] * (value[2 * x] - even)
            row[2 * x + 1] += weight[2 * x + 1] * (value[2 * x + 1] - odd)


@compiled
def add_expanded(low: Any, out: Any, place: Any) -> None:
    """Add ``expand(low)``; the arguments are those of `blend`."""
    first, last, x0, pairs, rim, dy, dx = place
    column = np.empty(pairs + 2, np.float32)
    west, here, east = column[:pairs], column[1:], column[2:]
    for i in range(first, last):
        y, x = (i >> 1) + dy, (x0 >> 1) + dx - 1
        expand_down(low[y - 1][x:], low[y][x:], low[y + 1][x:], i & 1 == 1, column)
        row = out[i + rim][x0 + rim :]
        for x in range(pairs):
            row[2 * x] += ((west[x] + east[x]) + f32(6.0) * here[x]) * f32(1.0 / 64.0)
            row[2 * x + 1] += (here[x] + east[x]) * f32(1.0 / 16.0)


@compiled
def blend_columns(share: Any, image: Any, low: Any, m: int, out: Any, sums: Any) -> None:
    """Do as `blend` at the finest level, for one channel of a tile.

    Args:
        share: (2, rows * m), the weight.
        image: (2, rows * m).
        low: (rows, m), the next coarser level.
        m: pairs of columns.
        out: (2, rows * m) without the rim of the tile, changed in place.
        sums: (2, m), room to work.
    """
    column = sums[0]
    west, here, east, inner = column[: m - 2], column[1 : m - 1], column[2:], m - 2
    for u in range(out.shape[1] // m):
        y = 2 + (u >> 1)
        expand_down(low[y - 1], low[y], low[y + 1], u & 1 == 1, column)
        start, place = (u + RIM) * m + 1, u * m + 1
        weight, value, row = share[0, start:], image[0, start:], out[0, place:]
        for j in range(inner):
            even = ((west[j] + east[j]) + f32(6.0) * here[j]) * f32(1.0 / 64.0)
            row[j] += weight[j] * (value[j] - even)
        weight, value, row = share[1, start:], image[1, start:], out[1, place:]
        for j in range(inner):
            row[j] += weight[j] * (value[j] - (here[j] + east[j]) * f32(1.0 / 16.0))


@compiled
def store(fused: Any, low: Any, m: int, y0: int, x0: int, finish: Any, out: Any) -> None:
    """Add ``expand(low)`` to the finest level of a tile, and write it into the picture.

    Args:
        fused: (channels, 2, rows * m).
        low: (channels, rows, m), the fused next coarser level.
        m: pairs of columns.
        y0: row of the picture for row 0.
        x0: column of the picture for pair 4, even.
        finish: factor, lower and upper limit, and what to add before the fraction is cut off.
        out: (h, w * channels), written where the tile lies inside.
    """
    channels = fused.shape[0]
    width = out.shape[1] // channels
    count = min(m - 6, (width - x0 + 1) // 2)
    whole = min(count, (width - x0) // 2)
    column = np.empty(m, np.float32)
    west, here, east = column[3:], column[4:], column[5:]
    pairs = np.empty(6 * WIDEST, np.float32)
    for u in range(min(fused.shape[2] // m, out.shape[0] - y0)):
        for channel in range(channels):
            y, start = 2 + (u >> 1), u * m + 4
            coarse = low[channel]
            expand_down(coarse[y - 1], coarse[y], coarse[y + 1], u & 1 == 1, column)
            even, odd = fused[channel, 0, start:], fused[channel, 1, start:]
            row = pairs[channel * WIDEST : (channel + 1) * WIDEST]
            for j in range(count):
                low_even = ((west[j] + east[j]) + f32(6.0) * here[j]) * f32(1.0 / 64.0)
                row[j] = _finished(even[j] + low_even, finish)
            row = pairs[(channels + channel) * WIDEST : (channels + channel + 1) * WIDEST]
            for j in range(count):
                row[j] = _finished(odd[j] + (here[j] + east[j]) * f32(1.0 / 16.0), finish)
        part = out[y0 + u][x0 * channels :]
        if channels == 3:
            for j in range(whole):
                part[6 * j] = pairs[j]
                part[6 * j + 1] = pairs[WIDEST + j]
                part[6 * j + 2] = pairs[2 * WIDEST + j]
                part[6 * j + 3] = pairs[3 * WIDEST + j]
                part[6 * j + 4] = pairs[4 * WIDEST + j]
                part[6 * j + 5] = pairs[5 * WIDEST + j]
        else:
            for j in range(whole):
                part[2 * j] = pairs[j]
                part[2 * j + 1] = pairs[WIDEST + j]
        if count > whole:
            for channel in range(channels):
                part[2 * whole * channels + channel] = pairs[channel * WIDEST + whole]


@compiled
def _finished(value: Any, finish: Any) -> Any:
    return min(max(value * finish[0], finish[1]), finish[2]) + finish[3]
