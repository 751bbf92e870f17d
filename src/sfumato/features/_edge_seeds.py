"""Local maxima of the gradient along its main axis: where sub-pixel detectors start."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.features._edge_chain import chain_points, contour_curvature
from sfumato.features._plane import Plane, gaussian_gradient

__all__ = ["BOX_VARIANCE", "SEED_COLUMNS", "EdgeSeeds", "find_seeds", "order_points"]

Array = NDArray[np.float64]

SEED_COLUMNS = ("x", "y", "nx", "ny", "strength", "variance", "pixel_x", "pixel_y")
BOX_VARIANCE = 1.0 / 12.0
"""What the integration over a pixel adds to the variance of a blur."""

# A maximum must stand out by a share: on an even ramp, rounding and the border make maxima.
# The Gaussian alone leaves 1 / 2 sigma² to a true one.
STANDS_OUT = 3e-3
STANDS_OUT_SIGMA = 0.1


class EdgeSeeds:
    """Points of the gradient's crest, ordered along contours.

    ``table`` has a row for each of `SEED_COLUMNS`: place, unit normal to the bright
    side, gradient modulus, variance of the blurred step along the normal (all blurs
    together), and the pixel whose modulus is the maximum. ``curvature`` is positive
    where the bright side is round.
    """

    def __init__(self, table: Array, starts: NDArray[Any], closed: NDArray[Any]) -> None:
        self.table = table
        self.starts = starts
        self.closed = closed
        self.curvature = contour_curvature(table[0], table[1], table[2], table[3], starts, closed)


def find_seeds(
    plane: Plane, sigma: float, thresholds: tuple[float, float], shape: int, min_points: int
) -> tuple[EdgeSeeds, Plane, Plane]:
    """Find the crest of the gradient and chain it; give the gradient as well.

    Args:
        plane: the picture.
        sigma: of the Gaussian derivative, pixels.
        thresholds: gradient per pixel; a contour stays where every point reaches the
            first and one point the second.
        shape: 0 fits a parabola to the modulus, 1 a Gaussian.
        min_points: shorter contours are dropped.
    """
    gx, gy = gaussian_gradient(plane, sigma)
    where = np.zeros(plane.size, np.int32)
    share = min(STANDS_OUT, STANDS_OUT_SIGMA / (sigma * sigma))
    count = _local_maxima(gx, gy, thresholds[0], share, where)
    table = np.zeros((len(SEED_COLUMNS), count))
    faintest = math.exp(-1.2 / (sigma * sigma + BOX_VARIANCE))
    _sub_pixel(gx, gy, where[:count], shape, faintest, table)
    return order_points(table, plane.shape, thresholds[1], min_points), gx, gy


def order_points(table: Array, size: tuple[int, ...], high: float, min_points: int) -> EdgeSeeds:
    """Chain points into contours and keep those that are strong and long enough."""
    order, starts, closed = chain_points(
        table[0], table[1], table[2], table[3], table[4], size[0], size[1], high, min_points
    )
    return EdgeSeeds(np.ascontiguousarray(table[:, order]), starts, closed)


@compiled
def _local_maxima(gx: Plane, gy: Plane, low: float, share: float, where: NDArray[np.int32]) -> int:
    height, width = gx.shape
    floor = np.float32(max(low * low, 1e-16))
    margin = np.float32((1.0 - share) ** 2)
    count = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            u, v = gx[y, x], gy[y, x]
            middle = u * u + v * v
            if middle < floor:
                continue
            if abs(u) >= abs(v):
                before = gx[y, x - 1] ** 2 + gy[y, x - 1] ** 2
                after = gx[y, x + 1] ** 2 + gy[y, x + 1] ** 2
            else:
                before = gx[y - 1, x] ** 2 + gy[y - 1, x] ** 2
                after = gx[y + 1, x] ** 2 + gy[y + 1, x] ** 2
            if middle > before and middle >= after and min(before, after) < margin * middle:
                where[count] = y * width + x
                count += 1
    return count


@compiled
def _sub_pixel(
    gx: Plane, gy: Plane, where: NDArray[np.int32], shape: int, faintest: float, table: Array
) -> None:
    width = gx.shape[1]
    for k in range(where.size):
        y, x = where[k] // width, where[k] % width
        u, v = float(gx[y, x]), float(gy[y, x])
        step_x, step_y = (1, 0) if abs(u) >= abs(v) else (0, 1)
        ua, va = float(gx[y - step_y, x - step_x]), float(gy[y - step_y, x - step_x])
        uc, vc = float(gx[y + step_y, x + step_x]), float(gy[y + step_y, x + step_x])
        middle = math.sqrt(u * u + v * v)
        before, after = math.sqrt(ua * ua + va * va), math.sqrt(uc * uc + vc * vc)
        lb = math.log(middle)
        la = math.log(max(before, faintest * middle))
        lc = math.log(max(after, faintest * middle))
        bend = la - 2.0 * lb + lc
        if shape == 1:
            offset = 0.5 * (la - lc) / bend
            strength = math.exp(lb - 0.25 * (la - lc) * offset)
        else:
            offset = 0.5 * (before - after) / (before - 2.0 * middle + after)
            strength = middle - 0.25 * (before - after) * offset
        if offset >= 0.0:
            nx, ny = u + offset * (uc - u), v + offset * (vc - v)
        else:
            nx, ny = u - offset * (ua - u), v - offset * (va - v)
        length = math.sqrt(nx * nx + ny * ny)
        if length == 0.0:
            nx, ny, length = u, v, middle
        nx, ny = nx / length, ny / length
        along = nx if step_x == 1 else ny
        table[0, k] = x + step_x * offset
        table[1, k] = y + step_y * offset
        table[2, k], table[3, k] = nx, ny
        table[4, k] = strength
        table[5, k] = -along * along / bend
        table[6, k], table[7, k] = x, y
