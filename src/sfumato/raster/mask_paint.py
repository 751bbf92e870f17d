"""Masks painted by hand: discs and strokes of a round brush."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import RangeError
from sfumato.raster._outlines import nearest_stroke
from sfumato.raster.mask_polygon import check_points, check_size, fill_polygons

__all__ = ["fill_circle", "fill_stroke"]

SAG_PX = 1e-4
"""A disc is painted as a polygon of the same area whose sides bulge no more than this."""


def fill_circle(
    center: tuple[float, float], radius_px: float, size: tuple[int, int], *, soft: bool = False
) -> NDArray[Any]:
    """Paint a disc into a mask of its own.

    Args:
        center: x and y, pixel centers at whole numbers; may lie outside.
        radius_px: its radius.
        size: height and width of the mask.
        soft: give the share of each pixel that is covered (to about 1e-4), float32,
            instead of whether its center is, bool.

    Raises:
        RangeError: a number is not finite, or the radius negative.

    Example:
        >>> fill_circle((1, 1), 1.0, (3, 3)).astype(int).tolist()
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    """
    height, width = check_size(size, "fill_circle")
    x, y = check_points([center], "fill_circle", 1)[0]
    _check_radius(radius_px, "fill_circle")
    if not soft:
        across, down = np.arange(width) - x, np.arange(height)[:, None] - y
        return np.asarray(across**2 + down**2 <= radius_px**2)
    sides = max(16, int(np.ceil(np.pi * np.sqrt(radius_px / (2 * SAG_PX)))))
    turn = 2 * np.pi / sides
    angle = np.arange(sides) * turn
    reach = radius_px * np.sqrt(turn / np.sin(turn))
    ring = np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)])
    return fill_polygons([ring], (height, width), soft=True)


def fill_stroke(
    points: NDArray[Any], radius_px: float, size: tuple[int, int], *, soft: bool = False
) -> NDArray[Any]:
    """Paint a stroke of a round brush into a mask of its own.

    Args:
        points: where the brush goes, in straight lines; one point is a dab.
        radius_px: radius of the brush.
        size: height and width of the mask.
        soft: let the edge fall off over one pixel, float32, instead of asking
            whether a pixel's center is covered, bool.

    Shape:
        points (k, 2), x then y, pixel centers at whole numbers.

    Raises:
        ShapeError: the points are not (k, 2).
        RangeError: a number is not finite, or the radius negative.

    Example:
        >>> fill_stroke(np.array([[1, 1], [3, 1]]), 0.5, (3, 5)).astype(int).tolist()
        [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    place = check_points(points, "fill_stroke", 1)
    _check_radius(radius_px, "fill_stroke")
    squares = np.full(check_size(size, "fill_stroke"), np.inf)
    nearest_stroke(place, radius_px + 1.0, squares)
    if not soft:
        return np.asarray(squares <= radius_px**2)
    away = np.sqrt(squares, out=squares)
    return np.asarray(np.clip(radius_px + 0.5 - away, 0.0, 1.0), np.float32)


def _check_radius(radius_px: float, who: str) -> None:
    if not 0.0 <= radius_px < np.inf:
        raise RangeError(f"{who}: radius_px {radius_px} is outside [0, inf)")
