"""The two walks of fast exposure fusion over the tiles of a bracket.

Nothing of the two finest levels, 15 of 16 parts of the work, outlives a tile.
The first walk leaves the third level of every frame and of its weights; when
the levels below are fused, the second walk computes the finest two again, now
knowing what to add them to. So memory grows by a sixteenth of the pixels for
each frame, and everything is read from the nearest caches.

A tile covers ``rows x columns`` pixels of the third level, hence four times as
many at the finest. Its row i at the second level is row ``2 top - 2 + i`` of
the picture, its pair j is column ``2 left - 4 + j``.
"""

# Compiled functions know no keyword-only arguments.
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.capture._fuse_kernels import (
    RIM,
    add_expanded,
    blend,
    blend_columns,
    lay_rim,
    load,
    mirror,
    reduce_columns,
    reduce_row,
    store,
)
from sfumato.capture._fuse_worth import add_worth
from sfumato.core.compiled import compiled

__all__ = ["finish_tiles", "reduce_tiles"]


@compiled
def reduce_tiles(stack: Any, low: Any, taste: Any, rule: int, walk: Any) -> None:
    """Reduce each frame and its weights by two levels.

    Args:
        stack: (n, h, w * channels).
        low: (n, channels + 1, h2 + 4, w2 + 4) float32, the third level with a rim of two
            pixels; written, the weights last, the rim left as it is.
        taste: see `sfumato.capture._fuse_worth.as_taste`.
        rule: how the rim of a reduction is laid.
        walk: first and end row at the third level, rows and columns of a tile there.
    """
    first, last, rows, columns = walk
    count, channels = stack.shape[0], low.shape[1] - 1
    m, height = 2 * columns + 6, 4 * rows + RIM + 4
    planes = np.zeros((channels, 2, height * m), np.float32)
    worth = np.zeros((count, 2, height * m), np.float32)
    total = np.zeros((2, height * m), np.float32)
    half = np.zeros((2 * rows + 3, m), np.float32)
    sums = np.zeros((2, m), np.float32)
    row_of = np.zeros(height, np.int64)
    for top in range(first, last, rows):
        _rows_of_tile(top, stack.shape[1], rule, row_of)
        for start in range(0, low.shape[3] - 4, columns):
            left = min(start, low.shape[3] - 4 - columns)
            total[:] = 0.0
            for k in range(count):
                load(stack[k], channels, row_of, 4 * left - 8, m, rule, planes)
                add_worth(planes, m, taste, worth[k], total)
                for channel in range(channels):
                    reduce_columns(planes[channel], m, half, sums)
                    _reduce_half(half, stack, channels, top, left, last, rule, low[k, channel])
            for k in range(count):
                _normalise(worth[k], total, m, k == 0)
                reduce_columns(worth[k], m, half, sums)
                _reduce_half(half, stack, channels, top, left, last, rule, low[k, channels])


@compiled
def _rows_of_tile(top: int, height: int, rule: int, row_of: Any) -> None:
    for t in range(row_of.shape[0]):
        row_of[t] = mirror(4 * top - RIM + t, height, rule)


@compiled
def _normalise(worth: Any, total: Any, m: int, is_first: bool) -> None:
    """Divide by the total; the first frame turns the total into its reciprocal."""
    stop = worth.shape[1] - m
    for parity in range(2):
        value, divisor = worth[parity, m:stop], total[parity, m:stop]
        if is_first:
            for i in range(divisor.shape[0]):
                divisor[i] = np.float32(1.0) / divisor[i]
        for i in range(value.shape[0]):
            value[i] *= divisor[i]


@compiled
def _reduce_half(
    half: Any, stack: Any, channels: int, top: int, left: int, last: int, rule: int, low: Any
) -> None:
    """Take a tile from the second to the third level, into its place there."""
    height, width = (stack.shape[1] + 1) // 2, (stack.shape[2] // channels + 1) // 2
    lay_rim(half, 2 - 2 * top, 4 - 2 * left, height, width, rule)
    columns = (half.shape[1] - 6) // 2
    sums = np.empty(half.shape[1], np.float32)
    for i in range(min((half.shape[0] - 3) // 2, last - top)):
        reduce_row(half, 2 * i, 2, columns, low[top + i + 2][left + 2 :], sums)


@compiled
def finish_tiles(
    stack: Any, low: Any, fused_low: Any, taste: Any, rules: Any, finish: Any, walk: Any, out: Any
) -> None:
    """Blend the two finest levels onto the fused third, and write the picture.

    Args:
        stack: (n, h, w * channels).
        low: (n, channels + 1, h2 + 4, w2 + 4), the third level, its rim laid for expansion.
        fused_low: (channels, h2 + 4, w2 + 4), the same of the fused picture.
        taste: see `sfumato.capture._fuse_worth.as_taste`.
        rules: how the rim is laid for reduction, and for expansion.
        finish: see `store`.
        walk: first and end row at the third level, rows and columns of a tile there.
        out: (h, w * channels), written.
    """
    first, last, rows, columns = walk
    count, channels = stack.shape[0], low.shape[1] - 1
    size = (stack.shape[1] + 1) // 2, (stack.shape[2] // channels + 1) // 2
    m, height = 2 * columns + 6, 4 * rows + RIM + 4
    planes = np.zeros((channels, 2, height * m), np.float32)
    worth = np.zeros((count, 2, height * m), np.float32)
    total = np.zeros((2, height * m), np.float32)
    share = np.zeros((2 * rows + 3, m), np.float32)
    half = np.zeros((2 * rows + 3, m), np.float32)
    fused_half = np.zeros((channels, 2 * rows + 3, m), np.float32)
    fused = np.zeros((channels, 2, 4 * rows * m), np.float32)
    sums = np.zeros((2, m), np.float32)
    row_of = np.zeros(height, np.int64)
    for top in range(first, last, rows):
        _rows_of_tile(top, stack.shape[1], rules[0], row_of)
        half_rows = 2 * min(rows, last - top) + 3
        for start in range(0, low.shape[3] - 4, columns):
            left = min(start, low.shape[3] - 4 - columns)  # the last tile overlaps its neighbour
            y1, x1 = 2 - 2 * top, 4 - 2 * left
            place = (1, half_rows, 2, columns + 2, 0, top + 1, left)
            total[:] = 0.0
            fused[:] = 0.0
            fused_half[:] = 0.0
            for k in range(count):
                load(stack[k], channels, row_of, 4 * left - 8, m, rules[0], planes)
                add_worth(planes, m, taste, worth[k], total)
            for k in range(count):
                load(stack[k], channels, row_of, 4 * left - 8, m, rules[0], planes)
                _normalise(worth[k], total, m, k == 0)
                reduce_columns(worth[k], m, share, sums)
                for channel in range(channels):
                    reduce_columns(planes[channel], m, half, sums)
                    lay_rim(half, y1, x1, size[0], size[1], rules[1])
                    blend(share, half, low[k, channel], fused_half[channel], place)
                    blend_columns(worth[k], planes[channel], half, m, fused[channel], sums)
            for channel in range(channels):
                add_expanded(fused_low[channel], fused_half[channel], place)
                lay_rim(fused_half[channel], y1, x1, size[0], size[1], rules[1])
            store(fused, fused_half, m, 4 * top, 4 * left, finish, out)
