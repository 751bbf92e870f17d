"""Fast exposure fusion: float32, tile by tile, on as many threads as OpenCV may use."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numba import from_dtype, types
from numpy.typing import DTypeLike, NDArray

from sfumato.capture._fuse_exact import Preference
from sfumato.capture._fuse_kernels import (
    REFLECT,
    REFLECT_EXPAND,
    SYMMETRIC,
    add_expanded,
    blend,
    lay_rim,
    reduce,
)
from sfumato.capture._fuse_tiles import finish_tiles, reduce_tiles
from sfumato.capture._fuse_worth import as_taste
from sfumato.core.opencv import cv2
from sfumato.core.shapes import full_range
from sfumato.raster.pyramid import Border

__all__ = ["compile_once", "fuse_fast", "is_worthwhile"]

logger = logging.getLogger(__name__)

Plane: TypeAlias = NDArray[np.float32]
Share: TypeAlias = Callable[[Callable[..., None], list[tuple[Any, ...]]], None]

ROWS, COLUMNS = 24, 125
"""Largest tile at the third level: what a thread works on, 96 x 500 pixels, stays in its caches."""
PATIENCE_S = 1.0
"""Compiling, or loading what was compiled, is announced if it takes longer."""
WORTH_SHARING = 2**16
"""Pixels from which a level is worth cutting for the threads."""
SMALLEST = 32
"""Below this many pixels a side there is nothing to gain."""


def is_worthwhile(size: tuple[int, int], levels: int) -> bool:
    """Say whether a picture has the three levels that tiles are made of."""
    return min(size) >= SMALLEST and levels >= 3


def fuse_fast(
    stack: NDArray[Any],
    preference: Preference,
    levels: int,
    border: Border,
    dtype: DTypeLike,
    *,
    clip: bool,
) -> NDArray[Any]:
    """Blend the frames, level by level.

    Args:
        stack: two frames or more.
        preference: what makes a pixel worth more.
        levels: pyramid levels, the residual included; 3 or more.
        border: what lies beyond the edge.
        dtype: that of the result; full range stays full range.
        clip: keep float results in 0..1.

    Shape:
        (n, h, w, c) to (h, w, c).
    """
    count, height, width, channels = stack.shape
    white = full_range(stack.dtype)
    rules = (SYMMETRIC, SYMMETRIC) if border == "symmetric" else (REFLECT, REFLECT_EXPAND)
    taste = as_taste(preference, white, channels)
    frames = np.ascontiguousarray(stack).reshape(count, height, width * channels).view()
    frames.flags.writeable = False  # so that read-only frames need no second compilation
    low = _planes((count, channels + 1), _half(_half((height, width))))
    out = np.empty((height, width, channels), dtype)
    finish = _finish(white, out.dtype, clip)
    threads = max(1, cv2.getNumThreads())
    rows, columns, bands = _tiles(_size(low), threads)
    compile_once(frames.dtype, out.dtype)
    with ThreadPoolExecutor(threads) as pool:
        share = _sharing(pool)
        walks = [(a, b, rows, columns) for a, b in bands]
        share(reduce_tiles, [(frames, low, taste, rules[0], walk) for walk in walks])
        fused_low = _fuse_below(low, levels - 2, rules, share)
        tail = (taste, rules, finish)
        flat = out.reshape(height, width * channels)
        share(finish_tiles, [(frames, low, fused_low, *tail, walk, flat) for walk in walks])
    return out


def _fuse_below(low: Plane, levels: int, rules: tuple[int, int], share: Share) -> Plane:
    """Fuse the levels from the third on; rims are laid for expansion when it returns."""
    pyramid = [low]
    for _ in range(levels - 1):
        fine = pyramid[-1]
        planes = list(np.ndindex(fine.shape[:2]))
        _lay_rims(fine, rules[0])
        coarse = _planes(fine.shape[:2], _half(_size(fine)))
        share(reduce, [(fine[plane], coarse[plane]) for plane in planes])
        pyramid.append(coarse)
    coarsest = pyramid[-1]
    fused: Plane = np.einsum("kchw,khw->chw", coarsest[:, :-1], coarsest[:, -1])
    _lay_rims(fused, rules[1])
    for fine, coarse in zip(pyramid[-2::-1], pyramid[:0:-1], strict=True):
        _lay_rims(coarse, rules[1])
        fused = _fuse_level(fine, coarse, fused, share)
        _lay_rims(fused, rules[1])
    _lay_rims(low, rules[1])
    return fused


def _fuse_level(fine: Plane, coarse: Plane, fused: Plane, share: Share) -> Plane:
    height, width = _size(fine)
    out = _planes(fused.shape[:1], (height, width))
    step = height if height * width < WORTH_SHARING else -(-height // 4)

    def blend_rows(channel: int, first: int) -> None:
        last = min(height, first + step)
        place = (first, last, 0, (width + 1) // 2, 2, 2, 2)
        for finer, coarser in zip(fine, coarse, strict=True):
            blend(finer[-1], finer[channel], coarser[channel], out[channel], place)
        add_expanded(fused[channel], out[channel], place)

    share(blend_rows, [(c, first) for c in range(len(out)) for first in range(0, height, step)])
    return out


def _lay_rims(planes: Plane, rule: int) -> None:
    height, width = _size(planes)
    for plane in planes.reshape(-1, *planes.shape[-2:]):
        lay_rim(plane, 2, 2, height, width, rule)


def _size(planes: Plane) -> tuple[int, int]:
    """Give the size of the pictures that planes hold inside their rims."""
    return planes.shape[-2] - 4, planes.shape[-1] - 4


def _half(size: tuple[int, int]) -> tuple[int, int]:
    return (size[0] + 1) // 2, (size[1] + 1) // 2


def _planes(count: tuple[int, ...], size: tuple[int, int]) -> Plane:
    return np.zeros((*count, size[0] + 4, size[1] + 4), np.float32)


def _tiles(size: tuple[int, int], threads: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Cut the third level into tiles: their rows and columns, and the bands to walk."""
    height, width = size
    columns = -(-width // -(-width // COLUMNS))
    columns = min(width, columns + (5 - columns) % 8)  # whole vectors: 2 columns + 6 pairs
    rows = min(ROWS, -(-height // threads))
    # A band is worth the room that its walk asks for, and small enough to share evenly.
    step = rows * max(1, -(-height // (rows * 8 * threads)))
    return rows, columns, [(a, min(height, a + step)) for a in range(0, height, step)]


def _finish(white: float, dtype: np.dtype[Any], clip: bool) -> NDArray[np.float32]:
    """Give factor, limits and what makes the cutting of the fraction a rounding."""
    full = full_range(dtype)
    if dtype != np.float32:
        return np.array([full / white, 0.0, full, 0.5], np.float32)
    limits = (0.0, full) if clip else (-np.inf, np.inf)
    return np.array([full / white, *limits, 0.0], np.float32)


def _sharing(pool: ThreadPoolExecutor) -> Share:
    def share(work: Callable[..., None], jobs: list[tuple[Any, ...]]) -> None:
        for _ in pool.map(lambda job: work(*job), jobs):
            pass

    return share


def compile_once(source: np.dtype[Any], result: np.dtype[Any]) -> None:
    """Compile or load the loops for a kind of picture, and say so where it takes long."""
    frames = types.Array(from_dtype(source), 3, "C", readonly=True)
    planes, four = types.Array(types.float32, 3, "C"), types.Array(types.float32, 4, "C")
    vector, picture = types.Array(types.float32, 1, "C"), types.Array(from_dtype(result), 2, "C")
    tuple_of: Any = types.UniTuple
    walk, pair = tuple_of(types.int64, 4), tuple_of(types.int64, 2)
    first = (frames, four, vector, types.int64, walk)
    second = (frames, four, planes, vector, pair, vector, walk, picture)
    if first in reduce_tiles.signatures and second in finish_tiles.signatures:
        return
    message = (
        "preparing the fusion of %s frames for this computer; the first time takes some seconds"
    )
    announcement = threading.Timer(PATIENCE_S, logger.warning, (message, source))
    announcement.start()
    try:
        reduce_tiles.compile(first)
        finish_tiles.compile(second)
    finally:
        announcement.cancel()
