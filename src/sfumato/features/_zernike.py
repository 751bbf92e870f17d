"""Zernike moments of the disc around a pixel, compiled."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.features._plane import Plane

__all__ = ["blurred_moments", "find_crossings", "moment_planes", "zernike_masks"]

Array = NDArray[np.float64]

LEAST_TRAVEL = 0.1
"""Pixels that an estimate must move from one pixel to the next; on an even ramp it does not."""
FARTHEST = 1.25
"""Pixels along the axis that an edge may be from a pixel which takes part in a point."""


@cache
def zernike_masks(size: int) -> tuple[Array, Array, Array]:
    """Give the masks of A11 (real and imaginary part) and A20 over a size x size window.

    Each value is the integral of x, y or 2 (x² + y²) - 1 over the part of the pixel
    inside the unit disc, whose radius is half the window. Strips across the pixel are
    integrated in closed form along x and by a Gauss rule along y, divided where the
    circle enters.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)
    real, imaginary, radial = np.zeros((3, size, size))
    for row in range(size):
        for column in range(size):
            y0, x0 = (2.0 * row - size) / size, (2.0 * column - size) / size
            y1, x1 = y0 + 2.0 / size, x0 + 2.0 / size
            for low, high in _pieces(x0, x1, y0, y1):
                y = 0.5 * (low + high) + 0.5 * (high - low) * nodes
                w = 0.5 * (high - low) * weights
                rim = np.sqrt(np.maximum(1.0 - y * y, 0.0))
                a, b = np.clip(x0, -rim, rim), np.clip(x1, -rim, rim)
                real[row, column] += w @ (0.5 * (b * b - a * a))
                imaginary[row, column] += w @ (y * (b - a))
                cubes = 2.0 / 3.0 * (b**3 - a**3)
                radial[row, column] += w @ (cubes + (2.0 * y * y - 1.0) * (b - a))
    return real, imaginary, radial


def _pieces(x0: float, x1: float, y0: float, y1: float) -> list[tuple[float, float]]:
    """Divide a pixel's height where the circle crosses its left or right side."""
    cuts = {max(y0, -1.0), min(y1, 1.0)}
    for x in (x0, x1):
        if abs(x) < 1.0:
            height = math.sqrt(1.0 - x * x)
            cuts |= {y for y in (-height, height) if y0 < y < y1}
    ends = sorted(cuts)
    return list(pairwise(ends))


@cache
def blurred_moments() -> tuple[Array, Array, Array, Array]:
    """Tabulate what a blur does to the moments of a step, in radii of the disc.

    A blurred step is a mean over displaced steps at l, normally distributed with the
    variance s². With h = sqrt(1 - l²), per unit of height, A11 is 2/3 h³, the slope of
    A20 is 2/3 h (1 - 4 l²), and bending by curvature k moves A20 by
    -k ((2 l² - 1) h³ / 3 + 2 h⁵ / 5); displacements along the edge bend it the other
    way by k s² / 2.

    Returns:
        Slope of A20 / A11 (falling), and for each the variance s², the factor of A11
        and the shift of the zero of A20 per curvature.
    """
    spread = np.linspace(0.005, 0.755, 151)[:, None]
    at = np.linspace(-1.0, 1.0, 4001)[None, :]
    h = np.sqrt(1.0 - at * at)
    density = np.exp(-0.5 * (at / spread) ** 2)
    density /= spread * math.sqrt(2.0 * math.pi) / (at[0, 1] - at[0, 0])
    height = (density * h**3).sum(axis=1)
    slope = (density * h * (1.0 - 4.0 * at * at)).sum(axis=1)
    bend = (density * ((2.0 * at * at - 1.0) * h**3 / 3.0 + 0.4 * h**5)).sum(axis=1)
    variance = spread[:, 0] ** 2
    # Where the slope is nearly gone the zero of A20 is not determined any more.
    solid = slope > 0.03
    shift = 0.5 * variance - 1.5 * bend / np.maximum(slope, 0.03)
    return (slope / height)[solid], variance[solid], height[solid], shift[solid]


def moment_planes(plane: Plane, size: int) -> tuple[Plane, Plane, Plane]:
    """Give A11 (real and imaginary part) and A20 of the disc around every pixel."""
    border = cv2.BORDER_REPLICATE
    real, imaginary, radial = (
        cv2.filter2D(plane, cv2.CV_32F, mask.astype(np.float32), borderType=border)
        for mask in zernike_masks(size)
    )
    return real, imaginary, radial


@compiled
def find_crossings(
    coarse: Plane,
    real: Plane,
    imaginary: Plane,
    radial: Plane,
    low: float,
    size: int,
    table: Array,
) -> int:
    """Find pairs of neighbours between which an edge passes, and where.

    Args:
        coarse: the morphological gradient; a pixel below ``low`` is not looked at.
        real: A11 along rows.
        imaginary: A11 along columns.
        radial: A20.
        low: gradient per pixel that a point must reach.
        size: side of the masks.
        table: filled in, a column for each point: place, normal, gradient, by how many
            pixels the place moved over one pixel, and the pixel.

    Returns:
        How many points were found.
    """
    height, width = coarse.shape
    half, radius = size // 2, 0.5 * size
    # A step through the middle has |A11| = 2/3 of its height, a ramp pi/4 of its slope.
    slope = 4.0 / (math.pi * radius)
    count = 0
    for y in range(half, height - half):
        for x in range(half, width - half):
            if coarse[y, x] < low:
                continue
            u, v = float(real[y, x]), float(imaginary[y, x])
            length = math.sqrt(u * u + v * v)
            if length * slope < low or length == 0.0:
                continue
            flat = abs(u) >= abs(v)
            offset = radius * radial[y, x] / (u if flat else v)
            if abs(offset) > FARTHEST:
                continue
            step = 1 if offset >= 0.0 else -1
            x2, y2 = (x + step, y) if flat else (x, y + step)
            if x2 < half or y2 < half or x2 >= width - half or y2 >= height - half:
                continue
            u2, v2 = float(real[y2, x2]), float(imaginary[y2, x2])
            main, main2 = (u, u2) if flat else (v, v2)
            facing = u * u2 + v * v2
            alike = facing > 0.0 and facing * facing > 0.25 * length * length * (u2 * u2 + v2 * v2)
            if not alike or main * main2 <= 0.0:
                continue
            offset2 = radius * radial[y2, x2] / main2
            # The neighbour must see the edge on its near side, and this pixel be the nearer one.
            if offset2 * step > 0.0 or abs(offset2) > FARTHEST:
                continue
            if abs(offset2) < abs(offset) or (abs(offset2) == abs(offset) and step < 0):
                continue
            travel = (offset - offset2) * step
            if travel < LEAST_TRAVEL or count >= table.shape[1]:
                continue
            share = offset * step / travel
            u, v = u + share * (u2 - u), v + share * (v2 - v)
            length = math.sqrt(u * u + v * v)
            table[0, count] = x + (step * share if flat else 0.0)
            table[1, count] = y + (0.0 if flat else step * share)
            table[2, count], table[3, count] = u / length, v / length
            table[4, count], table[5, count] = length * slope, travel
            table[6, count], table[7, count] = x, y
            count += 1
    return count
