"""Masks as polygons, and polygons as masks.

Points are x then y with pixel centers at whole numbers, so a pixel reaches from k - 1/2
to k + 1/2 and a picture of width w from -1/2 to w - 1/2. (COCO counts from the outer
corner of the first pixel: take 1/2 from its points.) A ring is closed by itself and
may run either way; what it winds around at least once is inside, so that a ring that
crosses itself has no gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.raster._outlines import add_areas, add_crossings, trace
from sfumato.raster.mask import hard_mask
from sfumato.raster.mask_morphology import Connectivity

__all__ = ["Polygon", "check_points", "check_size", "fill_polygons", "polygons_of"]

Ring = NDArray[np.float64]
Box = tuple[int, int, int, int]
MOST_PIXELS = 2**31
EXACT = 1e-9
"""Shares so close to 0 or 1 are those numbers and a rounding error."""


class Polygon(NamedTuple):
    """One region: what its outline encloses, without its holes.

    Shape:
        outline and each hole (k, 2), x then y.
    """

    outline: Ring
    holes: tuple[Ring, ...] = ()


def polygons_of(
    mask: NDArray[Any], *, simplify_px: float = 0.0, connectivity: Connectivity = 8
) -> list[Polygon]:
    """Give the outline of every connected part of a mask, with its holes.

    The outlines run along the sides of the pixels, so `fill_polygons` gives back the
    very mask. Simplified ones keep within ``simplify_px`` of them (Douglas and
    Peucker): only pixels whose center is that close to a side can change.

    Args:
        mask: hard.
        simplify_px: how far an outline may move; parts and holes that shrink to a
            line go.
        connectivity: whether pixels that touch at a corner are one part.

    Raises:
        DtypeError: the mask is soft.
        RangeError: simplify_px is negative or not finite.

    Example:
        >>> [square] = polygons_of(np.array([[0, 1, 1], [0, 1, 1]]))
        >>> square.outline.tolist()
        [[2.5, -0.5], [2.5, 1.5], [0.5, 1.5], [0.5, -0.5]]

    References:
        D. Douglas, T. Peucker. Algorithms for the Reduction of the Number of Points
        Required to Represent a Digitized Line. Cartographica, 1973.
        doi:10.3138/FM57-6770-U75U-7727
    """
    solid = hard_mask(mask, "polygons_of").astype(np.uint8)
    if not 0.0 <= simplify_px < np.inf:
        raise RangeError(f"polygons_of: simplify_px {simplify_px} is outside [0, inf)")
    if connectivity not in (4, 8):
        raise RangeError(f"polygons_of: connectivity {connectivity} is not one of 4, 8")
    padded = np.pad(solid, 1)
    most = _count_corners(padded)
    points = np.empty((most, 2), np.int32)
    ends, pixels = np.empty(most // 4, np.int64), np.empty((most // 4, 2), np.int64)
    count = trace(padded, connectivity == 8, points, ends, pixels)
    labels = np.asarray(cv2.connectedComponents(solid, connectivity=connectivity)[1])
    outlines: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for k in range(count):
        ring = points[ends[k - 1] if k else 0 : ends[k]]
        part = int(labels[pixels[k, 0], pixels[k, 1]])
        # With the region on the right hand, a walk around a hole is the other way round.
        is_hole = _signed_area(ring) < 0
        if simplify_px:
            ring = cv2.approxPolyDP(ring.astype(np.float32), simplify_px, True)[:, 0]
        if len(ring) < 3:
            continue
        placed = ring.astype(np.float64) - 0.5
        if is_hole:
            holes.setdefault(part, []).append(placed)
        else:
            outlines[part] = placed
    return [Polygon(ring, tuple(holes.get(part, ()))) for part, ring in outlines.items()]


def fill_polygons(
    polygons: Sequence[Polygon | NDArray[Any]], size: tuple[int, int], *, soft: bool = False
) -> NDArray[Any]:
    """Paint polygons into a mask of their own.

    Args:
        polygons: `Polygon`, or rings (k, 2) without holes; what any of them covers
            is in.
        size: height and width of the mask.
        soft: give the exact share of each pixel that is covered, float32, instead of
            whether its center is, bool. Shares of overlapping polygons add up, to 1 at
            most.

    Raises:
        ShapeError: a ring is not (k, 2), or has fewer than 3 points.
        DtypeError: points are not numbers.
        RangeError: a point is not finite, or the size is not positive.

    Example:
        >>> roof = np.array([[-0.5, 1.5], [1.5, -0.5], [3.5, 1.5]])
        >>> fill_polygons([roof], (2, 4), soft=True).tolist()
        [[0.0, 0.5, 0.5, 0.0], [0.5, 1.0, 1.0, 0.5]]
        >>> fill_polygons([roof], (2, 4)).astype(int).tolist()
        [[0, 1, 0, 0], [1, 1, 1, 0]]
    """
    height, width = check_size(size, "fill_polygons")
    total: NDArray[Any] = np.zeros((height, width), np.float32 if soft else np.bool_)
    for polygon in polygons:
        outline, holes = polygon if isinstance(polygon, Polygon) else (polygon, ())
        ring = check_points(outline, "fill_polygons", 3) + 0.5
        box = _box(ring, (0, 0, width, height))
        inside = _covered(ring, box, soft=soft)
        left, top, right, bottom = box
        for hole in holes:
            ring = check_points(hole, "fill_polygons", 3) + 0.5
            x0, y0, x1, y1 = _box(ring, box)
            gap = _covered(ring, (x0, y0, x1, y1), soft=soft)
            part = inside[y0 - top : y1 - top, x0 - left : x1 - left]
            part[...] = np.maximum(part - gap, 0.0) if soft else part & ~gap
        part = total[top:bottom, left:right]
        part[...] = np.minimum(part + inside, 1.0) if soft else part | inside
    return total


def check_size(size: tuple[int, int], who: str) -> tuple[int, int]:
    """Return height and width if a picture can have them.

    Raises:
        RangeError: a side is below 1, or the picture too large.
        DtypeError: not two whole numbers.
    """
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size,)
    if len(sides) != 2 or any(not isinstance(s, (int, np.integer)) for s in sides):
        raise DtypeError(f"{who}: size is (height, width) in whole pixels, got {size!r}")
    height, width = int(sides[0]), int(sides[1])
    if min(height, width) < 1 or height * width > MOST_PIXELS:
        raise RangeError(f"{who}: no mask has the size {size!r}")
    return height, width


def check_points(points: Any, who: str, least: int) -> NDArray[np.float64]:
    """Return points as float64 if they can be drawn.

    Raises:
        ShapeError: not (k, 2), or fewer than ``least``.
        DtypeError: not numbers.
        RangeError: not finite.
    """
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError):
        raise DtypeError(f"{who}: points must be rows of two numbers, x then y") from None
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < least:
        raise ShapeError(
            f"{who}: expected (k, 2) with k >= {least}, got shape {array.shape}",
            hint="one row a point, x then y: np.reshape(flat, (-1, 2))"
            if array.ndim == 1
            else None,
        )
    if not np.isfinite(array).all():
        raise RangeError(f"{who}: a point is not finite")
    return array


def _box(ring: Ring, within: Box) -> Box:
    """Give the pixels that a ring may touch: left, top, right and bottom, ends excluded."""
    low, high = np.floor(ring.min(axis=0)), np.ceil(ring.max(axis=0))
    left, right = (int(min(max(v, within[0]), within[2])) for v in (low[0], high[0]))
    top, bottom = (int(min(max(v, within[1]), within[3])) for v in (low[1], high[1]))
    return left, top, right, bottom


def _covered(ring: Ring, box: Box, *, soft: bool) -> NDArray[Any]:
    left, top, right, bottom = box
    shape = (bottom - top, right - left + 1)
    if not soft:
        turns = np.zeros(shape, np.int32)
        add_crossings(ring, left, top, turns)
        return np.asarray(np.cumsum(turns[:, :-1], axis=1, dtype=np.int32) != 0)
    areas = np.zeros(shape)
    add_areas(ring, left, top, areas)
    share = np.minimum(np.abs(np.cumsum(areas, axis=1, out=areas)[:, :-1]), 1.0)
    share[share < EXACT] = 0.0
    share[share > 1.0 - EXACT] = 1.0
    return share.astype(np.float32)


def _count_corners(padded: NDArray[np.uint8]) -> int:
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    single = int(np.count_nonzero(a ^ b ^ c ^ d))
    crossed = int(np.count_nonzero((a == d) & (b == c) & (a != b)))
    return single + 2 * crossed


def _signed_area(ring: NDArray[np.int32]) -> float:
    x, y = ring.astype(np.float64).T
    return float(x @ np.roll(y, -1) - np.roll(x, -1) @ y) / 2
