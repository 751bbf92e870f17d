"""Where frames of a bracket show different things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._codes import Codes, channel_max
from sfumato.capture._outlook import Outlook, shrink_factor
from sfumato.core.opencv import cv2

__all__ = [
    "Patch",
    "disagreement",
    "median_bitmap_motion",
    "merge_evidence",
    "scaled_excess",
    "share_of_cells",
    "widen",
]

Flags: TypeAlias = NDArray[np.uint8]

WEAK = 0.4
"""Part of the tolerance above which a pixel joins a ghost that it touches."""
REACH = 12
"""How far, in cells, a ghost grows into weaker evidence."""
SMALLEST = 12
"""A ghost of fewer cells is noise."""
THIN, LONGEST_SPECK = 1.5, 24
"""A string or twig is too thin to pass for a region: it needs this many tolerances and cells."""
SHARE = 0.4
NOISE_FACTOR = 4.0
NOISE_CAP = 3.0
"""The tolerance rises with noise to at most this many times its floor."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE = np.ones((3, 3), np.uint8)


def disagreement(codes: Codes, outlook: Outlook, floor: float) -> Codes:
    """Say how far each pixel is from what the neighbour frame lets one expect.

    The expected interval is widened to that of the eight neighbours, so that a
    misalignment of half a pixel passes.

    Args:
        codes: the frame that is judged.
        outlook: what to expect of it.
        floor: tolerance without noise, in codes.

    Shape:
        codes (h, w, c); the result (h, w).

    Returns:
        The largest excess of the channels, in codes, scaled so that ``floor``
        is the tolerance everywhere.
    """
    shape = codes.shape
    least = cv2.erode(outlook.low, _SQUARE).reshape(shape)
    most = cv2.dilate(outlook.high, _SQUARE).reshape(shape)
    excess = cv2.max(
        cv2.subtract(codes, most).reshape(shape), cv2.subtract(least, codes).reshape(shape)
    ).reshape(shape)
    return scaled_excess(np.asarray(excess, np.uint8), outlook, floor)


def scaled_excess(excess: Codes, outlook: Outlook, floor: float) -> Codes:
    """Bring the tolerance to ``floor`` everywhere, and the channels together.

    Shape:
        (h, w, c) to (h, w).
    """
    shape = excess.shape
    tolerance = np.clip(NOISE_FACTOR * outlook.curve.noise, floor, NOISE_CAP * floor)
    table = np.rint(255.0 * floor / tolerance).astype(np.uint8)
    if table.min() < 255:
        weight = cv2.LUT(outlook.source, np.ascontiguousarray(table.T)[None]).reshape(shape)
        excess = cv2.multiply(excess, weight, scale=1.0 / 255.0).reshape(shape)
    return channel_max(np.asarray(excess, np.uint8))


def merge_evidence(score: Codes, floor: float) -> Flags:
    """Turn disagreement into ghosts: whole regions, without specks and holes.

    Args:
        score: the result of `disagreement`.
        floor: the tolerance, in codes.

    Shape:
        (h, w) to (ceil(h / f), ceil(w / f)) cells with f of `shrink_factor`.
    """
    factor = shrink_factor((score.shape[0], score.shape[1]))
    broad = cv2.morphologyEx(share_of_cells(score > floor, factor), cv2.MORPH_OPEN, _SQUARE)
    plain = share_of_cells(score > THIN * floor, factor)
    strong = cv2.bitwise_or(broad, _touching(plain, plain, smallest=LONGEST_SPECK))
    if not strong.any():
        return np.asarray(strong, np.uint8)
    weak = cv2.morphologyEx(share_of_cells(score > WEAK * floor, factor), cv2.MORPH_OPEN, _CROSS)
    near = cv2.dilate(strong, _disc(REACH))
    candidates = cv2.bitwise_or(strong, cv2.bitwise_and(weak, near))
    closed = cv2.morphologyEx(candidates, cv2.MORPH_CLOSE, _disc(3))
    return _without_holes(_touching(np.asarray(closed, np.uint8), np.asarray(strong, np.uint8)))


def median_bitmap_motion(frames: list[Codes], exclusion: float) -> Flags:
    """Find motion by median-threshold bitmaps (Pece and Kautz).

    A pixel is above or below the median brightness of its frame in all frames
    alike, unless something moved. Values close to the median say nothing.

    Args:
        frames: codes of each frame, ``(h, w, c)``.
        exclusion: half width of the band about the median that is left out, in codes.

    Shape:
        the result has the cells of `merge_evidence`.
    """
    size = (frames[0].shape[0], frames[0].shape[1])
    above, below = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    for codes in frames:
        grey = cv2.cvtColor(codes, cv2.COLOR_RGB2GRAY) if codes.shape[-1] == 3 else codes[..., 0]
        median = float(np.median(grey[::4, ::4]))
        above |= (grey > median + exclusion).view(np.uint8)
        below |= (grey < median - exclusion).view(np.uint8)
    factor = shrink_factor(size)
    moved = cv2.morphologyEx(share_of_cells(above & below, factor), cv2.MORPH_OPEN, _SQUARE)
    closed = np.asarray(cv2.morphologyEx(moved, cv2.MORPH_CLOSE, _disc(4)), np.uint8)
    return _without_holes(_touching(closed, closed))


@dataclass(frozen=True, eq=False)
class Patch:
    """Ghosts at full size, and how strongly each pixel is repaired.

    Args:
        cells: the ghosts, in cells.
        core: the ghosts, in pixels, uint8 0 or 1.
        mask: a little more than the ghosts, uint8 0 or 1.
        weight: 1 on the mask, falling to 0 outside it, float32.
    """

    cells: Flags
    core: Flags
    mask: Flags
    weight: NDArray[np.float32]


def widen(cells: Flags, size: tuple[int, int], feather_px: float) -> Patch:
    """Bring a mask of cells to full size, with a seam around it.

    Args:
        cells: the ghosts.
        size: height and width of the picture.
        feather_px: width of the seam outside the mask.
    """
    factor = shrink_factor(size)
    grown = cv2.dilate(cells, _disc(2))
    reach = max(1, round(feather_px / factor))
    seam = cv2.dilate(grown, _disc(reach)).astype(np.float32)
    weight = cv2.blur(seam, (2 * reach + 1, 2 * reach + 1))
    height, width = size
    core, mask = (
        np.asarray(cv2.resize(flags, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
        for flags in (cv2.dilate(cells, _SQUARE), grown)
    )
    if factor > 1:
        weight = cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR)
    return Patch(cells, core, mask, np.maximum(weight, mask, dtype=np.float32))


def share_of_cells(flags: NDArray[Any], factor: int) -> Flags:
    """Flag the cells of which enough pixels are flagged."""
    marks = np.asarray(flags).view(np.uint8)
    if factor == 1:
        return marks.copy()
    height, width = marks.shape
    cells = (-(-width // factor), -(-height // factor))
    share = cv2.resize(marks * 255, cells, interpolation=cv2.INTER_AREA)
    return np.asarray(share >= SHARE * 255).view(np.uint8)


def _touching(candidates: Flags, seeds: Flags, smallest: int = SMALLEST) -> Flags:
    """Keep the connected regions that hold a seed and are no specks."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidates, connectivity=8)
    keep = np.zeros(count, np.uint8)
    keep[np.unique(labels[seeds > 0])] = 1
    keep[stats[:, cv2.CC_STAT_AREA] < smallest] = 0
    keep[0] = 0
    return np.asarray(keep[labels])


def _without_holes(mask: Flags) -> Flags:
    """Fill the enclosed parts that are smaller than the regions around them."""
    if not mask.any():
        return mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    hole = np.asarray(stats[:, cv2.CC_STAT_AREA] < max(SMALLEST, int(mask.sum()) // 20))
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        hole[np.unique(edge)] = False
    hole[0] = False
    return np.asarray(mask | hole[labels].view(np.uint8)) if count > 1 else mask


def _disc(radius: int) -> NDArray[Any]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
