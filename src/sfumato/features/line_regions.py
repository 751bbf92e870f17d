"""The areas that the lines of a drawing enclose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError, ShapeError

__all__ = ["LineRegion", "line_regions"]


SMALLEST_BALL_PX = 3
"""Of the balls that look for areas which the first one is too large for."""


@dataclass(frozen=True, slots=True)
class LineRegion:
    """One area between lines.

    Args:
        label: its number in the label map.
        area_px: pixels it covers.
        box: x0 y0 x1 y1, first and last pixel.
        inside: x and y of a pixel deep inside, where a color can be dropped.
        touches_border: it reaches the edge of the picture, as backgrounds do.
    """

    label: int
    area_px: int
    box: tuple[int, int, int, int]
    inside: tuple[int, int]
    touches_border: bool


def line_regions(
    ink: NDArray[Any], *, gap_px: int = 3, smallest_px: int = 30
) -> tuple[NDArray[np.int32], tuple[LineRegion, ...]]:
    """Number the areas between the lines of a drawing; small gaps in a line do not leak.

    A ball of ``gap_px`` is moved through the paper: what it can reach without crossing
    a line is one area. Closed areas that it is too large for are found by smaller balls.
    Corners, and the lines themselves, then go to the nearest area.

    Args:
        ink: true or above a half on the lines.
        gap_px: gaps up to this width are closed, in pixels.
        smallest_px: smaller areas are added to the nearest other one.

    Shape:
        ink (h, w); the labels (h, w) int32 from 1, 0 where the page has no area at all.
        Regions are sorted by area, largest first, and numbered so.

    Raises:
        ShapeError: the ink is no plane.
        RangeError: a size is negative.

    Example:
        >>> ink = np.zeros((40, 60), bool)
        >>> ink[5:35, 30] = ink[5, 10:51] = ink[34, 10:51] = True
        >>> ink[5:35, 10] = ink[5:35, 50] = True
        >>> labels, regions = line_regions(ink)
        >>> [r.touches_border for r in regions]
        [True, False, False]

    References:
        S. H. Zhang et al. Vectorizing Cartoon Animations. IEEE TVCG, 2009 (trapped ball).
    """
    if np.ndim(ink) != 2:
        raise ShapeError(f"line_regions: expected ink (h, w), got {np.shape(ink)}")
    if gap_px < 0 or smallest_px < 0:
        raise RangeError("line_regions: gap_px and smallest_px are sizes from 0 on")
    lines = np.asarray(ink) if np.asarray(ink).dtype == bool else np.asarray(ink) > 0.5
    paper = (~lines).astype(np.uint8)
    seeds = _seeds(paper, gap_px, max(smallest_px, 1))
    count, labels, numbers, _ = cv2.connectedComponentsWithStats(seeds, connectivity=4)
    kept = [k for k in range(1, count) if numbers[k, cv2.CC_STAT_AREA] >= max(smallest_px, 1)]
    if not kept:
        return np.zeros(paper.shape, np.int32), ()
    spread = _spread(np.where(np.isin(labels, kept), labels, 0), paper)
    order = sorted(kept, key=lambda k: (-int(np.count_nonzero(spread == k)), k))
    renamed = np.zeros(count, np.int32)
    renamed[order] = np.arange(1, len(order) + 1)
    result = renamed[spread]
    regions = tuple(_describe(result, paper, k + 1) for k in range(len(order)))
    return result, tuple(r for r in regions if r.area_px)


def _seeds(paper: NDArray[np.uint8], gap_px: int, smallest_px: int) -> NDArray[np.uint8]:
    """Give the centers that a ball as wide as the gap can have without touching a line."""
    if gap_px == 0:
        return paper
    # The page ends at its border, but the ball may stand on it: the margin counts as paper.
    margin = gap_px + 1
    wide = cv2.copyMakeBorder(paper, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=1)
    distance = cv2.distanceTransform(wide, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = distance[margin:-margin, margin:-margin]
    free = np.asarray(distance > (gap_px + 1) / 2, np.uint8)
    while (gap_px := gap_px // 2) >= SMALLEST_BALL_PX:
        finer = np.asarray(distance > (gap_px + 1) / 2, np.uint8)
        count, labels = cv2.connectedComponents(finer, connectivity=4)
        seen = np.bincount(labels.ravel(), weights=free.ravel(), minlength=count)
        reached = seen >= smallest_px
        reached[0] = True
        free |= np.asarray(~reached[labels], np.uint8)
    return free


def _spread(labels: NDArray[np.int32], paper: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Let every pixel have the label of the nearest labelled one, first through paper."""
    # A watershed floods the paper before it climbs the lines, so areas meet inside them.
    height = np.where(paper > 0, 0, 255).astype(np.uint8)
    depth = cv2.distanceTransform(1 - paper, cv2.DIST_L2, 3)
    height = np.where(paper > 0, height, np.minimum(100 + 20 * depth, 255)).astype(np.uint8)
    markers = cv2.copyMakeBorder(labels.astype(np.int32), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    relief = cv2.copyMakeBorder(height, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    flooded = cv2.watershed(np.repeat(relief[..., None], 3, axis=2), markers)[1:-1, 1:-1]
    ridges = (flooded <= 0).astype(np.uint8)
    if not ridges.any():
        return np.asarray(flooded, np.int32)
    # The watershed leaves one-pixel ridges between areas: they go to the nearest one.
    _, nearest = cv2.distanceTransformWithLabels(
        ridges, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, np.int32)
    owner[nearest[ridges == 0]] = flooded[ridges == 0]
    return np.asarray(owner[nearest], np.int32)


def _describe(labels: NDArray[np.int32], paper: NDArray[np.uint8], label: int) -> LineRegion:
    mask = (labels == label).astype(np.uint8)
    rows, columns = np.nonzero(mask)
    if rows.size == 0:
        return LineRegion(label, 0, (0, 0, 0, 0), (0, 0), False)
    x0, y0, x1, y1 = (int(v) for v in (columns.min(), rows.min(), columns.max(), rows.max()))
    free = (mask * paper)[y0 : y1 + 1, x0 : x1 + 1]  # the area reaches into its lines
    inner = cv2.copyMakeBorder(free, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    deepest = int(np.argmax(cv2.distanceTransform(inner, cv2.DIST_L2, 3)))
    down, across = divmod(deepest, inner.shape[1])
    height, width = labels.shape
    return LineRegion(
        label=label,
        area_px=int(rows.size),
        box=(x0, y0, x1, y1),
        inside=(x0 + across - 1, y0 + down - 1),
        touches_border=bool(x0 == 0 or y0 == 0 or x1 == width - 1 or y1 == height - 1),
    )
