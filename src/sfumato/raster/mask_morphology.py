"""Grow, shrink and tidy masks.

An element of radius r holds the steps (x, y) from a pixel with x² + y² <= r²
(``disc``), with both at most r (``square``), or with one of them 0 and the other at
most r (``cross``). What lies beyond the picture takes no part, so the mask of a whole
picture stays whole, and shrinking is growing the inverse.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError
from sfumato.raster.mask import HardMask, as_mask, hard_mask

__all__ = [
    "Connectivity",
    "Element",
    "closing",
    "dilate",
    "erode",
    "fill_holes",
    "opening",
    "outline",
    "remove_small",
]

Element: TypeAlias = Literal["disc", "square", "cross"]
Connectivity: TypeAlias = Literal[4, 8]
"""Whether pixels that touch at a corner only are neighbors (8) or not (4)."""

WIDEST_PX = 1000.0
"""Float32 distances tell neighboring squares of distances apart up to here."""
WIDEST_SOFT_DISC_PX = 250.0
"""A soft disc is searched pixel by pixel, so its cost grows with the square of the radius."""


def dilate(mask: NDArray[Any], *, radius_px: float, element: Element = "disc") -> NDArray[Any]:
    """Grow a mask: a pixel takes the largest value under the element.

    Args:
        mask: hard or soft.
        radius_px: how far it grows; 0 changes nothing.
        element: the shape that is moved over the mask.

    Raises:
        RangeError: the radius is negative, NaN, or too large.

    Example:
        >>> dot = np.zeros((3, 5), bool)
        >>> dot[1, 2] = True
        >>> dilate(dot, radius_px=1).astype(int).tolist()
        [[0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]]
    """
    return _dilated(as_mask(mask, "dilate"), radius_px, element, "dilate")


def erode(mask: NDArray[Any], *, radius_px: float, element: Element = "disc") -> NDArray[Any]:
    """Shrink a mask: a pixel takes the smallest value under the element.

    Args:
        mask: hard or soft.
        radius_px: how much it loses at its border; nothing at the edge of the picture.
        element: the shape that is moved over the mask.

    Raises:
        RangeError: as `dilate`.
    """
    given = as_mask(mask, "erode")
    if given.dtype == np.bool_:
        return ~_dilated(~given, radius_px, element, "erode")
    # Not 1 - mask, which would round: what comes out are values that went in.
    return np.asarray(-_dilated(-given, radius_px, element, "erode"))


def opening(mask: NDArray[Any], *, radius_px: float, element: Element = "disc") -> NDArray[Any]:
    """Shrink, then grow: what is thinner than the element goes, the rest stays.

    Args:
        mask: hard or soft.
        radius_px: radius of the element.
        element: the shape that is moved over the mask.

    Raises:
        RangeError: as `dilate`.
    """
    shrunk = erode(mask, radius_px=radius_px, element=element)
    return dilate(shrunk, radius_px=radius_px, element=element)


def closing(mask: NDArray[Any], *, radius_px: float, element: Element = "disc") -> NDArray[Any]:
    """Grow, then shrink: gaps thinner than the element close, the rest stays.

    Args:
        mask: hard or soft.
        radius_px: radius of the element.
        element: the shape that is moved over the mask.

    Raises:
        RangeError: as `dilate`.
    """
    grown = dilate(mask, radius_px=radius_px, element=element)
    return erode(grown, radius_px=radius_px, element=element)


def fill_holes(mask: NDArray[Any], *, connectivity: Connectivity = 8) -> HardMask:
    """Fill what is surrounded by the mask and does not reach the edge of the picture.

    Args:
        mask: hard.
        connectivity: of the mask; what it surrounds connects by the other one.

    Raises:
        DtypeError: the mask is soft.

    Example:
        >>> ring = np.ones((5, 5), bool)
        >>> ring[2, 2] = False
        >>> bool(fill_holes(ring).all())
        True
    """
    solid = hard_mask(mask, "fill_holes")
    _check_connectivity(connectivity, "fill_holes")
    labels = _labels(~solid, 4 if connectivity == 8 else 8)[1]
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    open_air = np.zeros(int(labels.max()) + 1, bool)
    open_air[rim] = True
    open_air[0] = False
    return ~open_air[labels]


def remove_small(
    mask: NDArray[Any], *, least_area_px: int, connectivity: Connectivity = 8
) -> HardMask:
    """Remove connected parts of fewer pixels than a number.

    Args:
        mask: hard.
        least_area_px: pixels that a part must have to stay.
        connectivity: whether parts that touch at a corner are one.

    Raises:
        DtypeError: the mask is soft.
        RangeError: the area is negative.

    Example:
        >>> remove_small(np.array([[1, 0, 1, 1]]), least_area_px=2).tolist()
        [[False, False, True, True]]
    """
    solid = hard_mask(mask, "remove_small")
    _check_connectivity(connectivity, "remove_small")
    if least_area_px < 0:
        raise RangeError(f"remove_small: least_area_px {least_area_px} is negative")
    count, labels = _labels(solid, connectivity)
    large = np.bincount(labels.ravel(), minlength=count) >= least_area_px
    large[0] = False
    return np.asarray(large[labels])


def outline(
    mask: NDArray[Any],
    *,
    width_px: float = 1.0,
    side: Literal["inside", "outside", "both"] = "inside",
    element: Element = "disc",
) -> NDArray[Any]:
    """Take the pixels along the border of a mask.

    Args:
        mask: hard or soft.
        width_px: how far from the border they reach on either side.
        side: which side of the border. The edge of the picture is no border.
        element: the shape that measures the width; ``square`` closes corners.

    Raises:
        RangeError: as `dilate`.

    Example:
        >>> outline(np.array([[0, 1, 1, 1, 0]])).astype(int).tolist()
        [[0, 1, 0, 1, 0]]
    """
    given = as_mask(mask, "outline")
    if side not in ("inside", "outside", "both"):
        raise RangeError(f"outline: side {side!r} is not one of 'inside', 'outside', 'both'")
    inner = given if side == "outside" else erode(given, radius_px=width_px, element=element)
    outer = given if side == "inside" else dilate(given, radius_px=width_px, element=element)
    return np.asarray(outer & ~inner if given.dtype == np.bool_ else outer - inner)


def _dilated(mask: NDArray[Any], radius_px: float, element: Element, who: str) -> NDArray[Any]:
    if element not in ("disc", "square", "cross"):
        raise RangeError(f"{who}: element {element!r} is not one of 'disc', 'square', 'cross'")
    soft_disc = element == "disc" and mask.dtype != np.bool_
    widest = WIDEST_SOFT_DISC_PX if soft_disc else WIDEST_PX
    if not 0.0 <= radius_px <= widest:
        raise RangeError(
            f"{who}: radius_px {radius_px} is outside [0, {widest:g}]",
            hint="a hard mask or a square element may be wider" if soft_disc else None,
        )
    reach = min(int(radius_px + 1e-9), max(mask.shape))
    if reach == 0:
        return mask.copy()
    if element == "disc" and mask.dtype == np.bool_:
        return _within_reach(mask, radius_px)
    plane = mask.astype(np.uint8) if mask.dtype == np.bool_ else mask
    across, down = np.ones((1, 2 * reach + 1), np.uint8), np.ones((2 * reach + 1, 1), np.uint8)
    if element == "square":
        grown = cv2.dilate(cv2.dilate(plane, across), down)
    elif element == "cross":
        grown = np.maximum(cv2.dilate(plane, across), cv2.dilate(plane, down))
    else:
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        disc = (x * x + y * y <= radius_px**2 + 1e-9).astype(np.uint8)
        grown = cv2.dilate(plane, disc)
    result: NDArray[Any] = np.asarray(grown, mask.dtype)
    return result


def _within_reach(mask: HardMask, radius_px: float) -> HardMask:
    """Find the pixels at most so far from the mask, at one cost for every radius."""
    if not mask.any():
        return mask.copy()
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.rint(np.square(away, dtype=np.float64)) <= radius_px**2 + 1e-9)


def _labels(mask: HardMask, connectivity: Connectivity) -> tuple[int, NDArray[np.int32]]:
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity)
    return int(count), np.asarray(labels, np.int32)


def _check_connectivity(connectivity: int, who: str) -> None:
    if connectivity not in (4, 8):
        raise RangeError(f"{who}: connectivity {connectivity} is not one of 4, 8")
