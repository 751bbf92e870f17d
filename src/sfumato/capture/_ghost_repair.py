"""Put the content of one frame into another, at the other's exposure."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._ghost_mask import Patch
from sfumato.capture._outlook import OPEN_RANGE, Outlook
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range

__all__ = ["repair"]

Codes: TypeAlias = NDArray[np.uint8]
Plane: TypeAlias = NDArray[Any]

TILE = 256
HALO = 4


def repair(frame: Image, inner: Image, outlook: Outlook, patch: Patch) -> Image:
    """Replace ghosts by what the neighbour frame shows there, in this frame's exposure.

    Where the neighbour is clipped it only bounds the values; there the bounds
    are kept and the surroundings of the ghost are carried on into it.

    Args:
        frame: the frame to mend.
        inner: the neighbour, mended already.
        outlook: what the neighbour lets one expect of the frame.
        patch: where the ghosts are.

    Shape:
        frame, inner (h, w, c).

    Returns:
        A new frame; pixels of weight 0 are those of the old one, bit for bit.
    """
    height, width = frame.shape[:2]
    guess = _continue_surroundings(frame, outlook, patch.cells)
    mended = frame.copy()
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            tile = np.s_[top : top + TILE, left : left + TILE]
            if not patch.weight[tile].any():
                continue
            y, x = max(0, top - HALO), max(0, left - HALO)
            halo = np.s_[y : top + TILE + HALO, x : left + TILE + HALO]
            inside = np.s_[top - y :, left - x :]
            fill, openness = (
                plane[inside][:TILE, :TILE] for plane in _fill(inner[halo], outlook, halo, guess)
            )
            # Outside the ghost itself a guess is worse than the pixel that is there.
            share = np.where(patch.core[tile] > 0, 1.0, 1.0 - openness) * patch.weight[tile]
            mixed = frame[tile] + share[..., None] * (outlook.curve.to_values(fill) - frame[tile])
            if frame.dtype != np.float32:
                mixed = np.clip(np.rint(mixed), 0, full_range(frame.dtype))
            mended[tile] = np.where(share[..., None] > 0, mixed.astype(frame.dtype), frame[tile])
    return mended


def _fill(
    inner: Image, outlook: Outlook, window: tuple[slice, slice], guess: Plane | None
) -> tuple[Plane, Plane]:
    """Give the new values in codes, and how much of them is a guess."""
    mapped = outlook.curve.middle_codes(inner)
    low = outlook.low[window].astype(np.float32)
    high = outlook.high[window].astype(np.float32)
    if inner.dtype == np.uint8:
        # A long step up from 8 bits leaves contours: smooth them inside the rounding interval.
        smooth = cv2.blur(mapped, (5, 5)).reshape(mapped.shape)
        bottom, top = np.minimum(low + 1.5, mapped), np.maximum(high - 1.5, mapped)
        mapped = np.clip(smooth, bottom, top)
    openness = np.clip((high - low - OPEN_RANGE[0]) / (OPEN_RANGE[1] - OPEN_RANGE[0]), 0.0, 1.0)
    if guess is None or not openness.any():
        return mapped, openness.max(axis=2)
    carried = _sample(guess, window, mapped.shape, outlook.factor)
    # Channels that are not clipped tell how much lighter than its surroundings the pixel is.
    sure = 1.0 - openness
    lighter = (sure * (mapped - carried)).sum(axis=2, keepdims=True)
    lighter /= np.maximum(sure.sum(axis=2, keepdims=True), 1.0)
    fill = mapped + openness * (np.clip(carried + lighter, low, high) - mapped)
    return np.asarray(fill), np.asarray(openness.max(axis=2))


def _continue_surroundings(
    frame: Image, outlook: Outlook, cells: NDArray[np.uint8]
) -> Plane | None:
    """Carry the known part of the open areas on into the ghosts, coarse to fine, in cells."""
    order = (cells.shape[1], cells.shape[0])
    shape = (*cells.shape, frame.shape[2])
    open_area = cv2.resize(outlook.clipped, order, interpolation=cv2.INTER_AREA) > 0
    if not (open_area & (cells > 0)).any():
        return None
    ghosts = cv2.dilate(cells, np.ones((5, 5), np.uint8))
    known = (open_area & (ghosts == 0)).astype(np.float32)[..., None]
    if not known.any():
        return None
    small = cv2.resize(frame, order, interpolation=cv2.INTER_AREA).reshape(shape)
    return _pull_push(outlook.curve.source_codes(small) * known, known)


def _pull_push(weighted: Plane, weight: Plane) -> Plane:
    """Fill what has no weight from ever coarser averages."""
    if min(weight.shape[:2]) <= 1 or (weight > 0).all():
        return np.asarray(weighted / np.maximum(weight, 1e-12))
    height, width = weight.shape[:2]
    half = ((width + 1) // 2, (height + 1) // 2)
    coarse = [
        cv2.resize(plane, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], -1)
        for plane in (weighted, weight)
    ]
    below = cv2.resize(_pull_push(*coarse), (width, height), interpolation=cv2.INTER_LINEAR)
    here = weighted / np.maximum(weight, 1e-12)
    share = np.minimum(weight, 1.0)
    return np.asarray(share * here + (1.0 - share) * below.reshape(height, width, -1))


def _sample(
    guess: Plane, window: tuple[slice, slice], shape: tuple[int, ...], factor: int
) -> Plane:
    """Read the cells at the pixels of a window, linearly between them."""
    if factor == 1:
        return np.asarray(guess[window])
    y = (np.arange(shape[0], dtype=np.float32) + window[0].start + 0.5) / factor - 0.5
    x = (np.arange(shape[1], dtype=np.float32) + window[1].start + 0.5) / factor - 0.5
    grid = np.meshgrid(x, y)
    read = cv2.remap(guess, *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(read).reshape(shape)
