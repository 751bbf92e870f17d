"""Bring the frames of a raw burst to the reference, tile by tile, in whole cells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2

__all__ = ["aligned_planes"]

TILE, SEARCH = 32, 4
"""Side of a tile in cells, and how far it may lie from where the whole frame lies."""
LEAST_COMMON = TILE * TILE // 8
EXPLAINED = 1.5 * 2.0 * 0.08
"""Two noises of variance 1 differ by 2 on average, of which the blur leaves 8 %."""
Planes = NDArray[np.float32]
Shift = tuple[int, int]


def aligned_planes(reference: Planes, frame: Planes, most_shift: int) -> Planes:
    """Lay a frame over the reference.

    The whole frame is shifted by phase correlation of the lightness, then each tile by the best
    match nearby. Tiles overlap by half and are blended by a raised cosine. Shifts are whole
    cells of the mosaic, so no value is interpolated.

    Args:
        reference: stabilised planes, noise 1.
        frame: likewise.
        most_shift: of the whole frame, cells; beyond it the frame is taken as it lies.

    Shape:
        (h, w, 4), and the same back.
    """
    first, second = (_lightness(planes) for planes in (reference, frame))
    base = _whole_shift(first, second, most_shift)
    height, width = first.shape
    reach = TILE + SEARCH + max(abs(base[0]), abs(base[1]))
    wide = cv2.copyMakeBorder(frame, *(reach,) * 4, cv2.BORDER_REFLECT_101)
    # Outside there is nothing to compare: a reflected border would pull tiles towards it.
    light = np.pad(second, reach, constant_values=np.nan)
    near = np.pad(first, TILE, constant_values=np.nan)
    window = np.sin(np.pi * (np.arange(TILE) + 0.5) / TILE) ** 2
    weight = np.outer(window, window).astype(np.float32)[..., None]
    out = np.zeros((height + 2 * TILE, width + 2 * TILE, 4), np.float32)
    total = np.zeros((height + 2 * TILE, width + 2 * TILE, 1), np.float32)
    half, offset = TILE // 2, reach - TILE
    for top in range(half, height + TILE, half):
        for left in range(half, width + TILE, half):
            tile = near[top : top + TILE, left : left + TILE]
            dy, dx = _best(tile, light, top + offset + base[0], left + offset + base[1])
            y, x = top + offset + base[0] + dy, left + offset + base[1] + dx
            out[top : top + TILE, left : left + TILE] += weight * wide[y : y + TILE, x : x + TILE]
            total[top : top + TILE, left : left + TILE] += weight
    inner = np.s_[TILE : TILE + height, TILE : TILE + width]
    return np.asarray(out[inner] / total[inner], np.float32)


def _lightness(planes: Planes) -> Planes:
    light = cv2.transform(planes, np.full((1, 4), 0.5, np.float32))
    return np.asarray(cv2.GaussianBlur(light.reshape(planes.shape[:2]), (0, 0), 1.0), np.float32)


def _whole_shift(first: Planes, second: Planes, most: int) -> Shift:
    if min(first.shape) < 16 or most == 0:
        return 0, 0
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    # OpenCV 5 lays the window over the arrays that it is given.
    (dx, dy), _ = cv2.phaseCorrelate(first.copy(), second.copy(), window)
    found = round(dy), round(dx)
    return found if max(abs(found[0]), abs(found[1])) <= most else (0, 0)


def _best(tile: Planes, light: Planes, top: int, left: int) -> Shift:
    """Find the least squared difference around a place; stay there unless it is clearly less."""
    patch = light[top - SEARCH : top + TILE + SEARCH, left - SEARCH : left + TILE + SEARCH]
    if patch.shape != (TILE + 2 * SEARCH, TILE + 2 * SEARCH):
        return 0, 0
    # Summed as it is written: OpenCV's matching by Fourier transform loses such small differences.
    costs = np.zeros((2 * SEARCH + 1, 2 * SEARCH + 1))
    _differences(np.ascontiguousarray(tile), np.ascontiguousarray(patch), costs)
    y, x = np.unravel_index(int(costs.argmin()), costs.shape)
    # Of flat tiles noise alone would choose.
    here = costs[SEARCH, SEARCH]
    if here < EXPLAINED or costs[y, x] > 0.8 * here:
        return 0, 0
    return int(y) - SEARCH, int(x) - SEARCH


@compiled
def _differences(tile: Any, patch: Any, costs: Any) -> None:
    for i in range(costs.shape[0]):
        for j in range(costs.shape[1]):
            total, count = np.float32(0.0), 0
            for y in range(tile.shape[0]):
                for x in range(tile.shape[1]):
                    apart = tile[y, x] - patch[y + i, x + j]
                    if not math.isnan(apart):  # as it is where either lies outside
                        total += apart * apart
                        count += 1
            costs[i, j] = total / count if count >= LEAST_COMMON else np.inf
