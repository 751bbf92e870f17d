"""Sub-pixel edges from the areas that both sides take of the pixels between them."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.features._edge_seeds import BOX_VARIANCE, find_seeds
from sfumato.features._plane import Plane
from sfumato.features.edge_detector import EdgeDetector
from sfumato.features.edge_points import EdgePoints

__all__ = ["PartialAreaEdges"]

Array = NDArray[np.float64]

FADED = 0.002
"""Steps between pixels below this share of the contrast are the flat sides."""
FARTHEST = 1.0


class PartialAreaEdges(EdgeDetector):
    """Find edges so that the areas on both sides explain the pixels' values.

    A pixel on an ideal edge has the mean of both sides, weighted by their areas. Over
    a column of pixels across the edge that runs from flat to flat, dark L to bright H
    say, the sum of the values is therefore as good as the mean height y of the edge in
    that column: sum = L (y - top) + H (bottom - y). The heights of three columns give
    a parabola: place, direction and curvature of the edge. Each column starts and ends
    where its own values go flat, so that near edges do not mix.

    Exact for straight edges without blur, and nearly so for bent ones: the detector
    for clean pictures. More columns calm it where there is noise, if the edges are
    nearly straight over that width.

    Args:
        thresholds: a contour stays where every point reaches the first and at least
            one point the second; gradient per pixel, unit range.
        min_points: shorter contours are dropped.
        sigma: standard deviation of the Gaussian derivative that finds the pixels on
            the edge; it does not smooth the values that are summed.
        reach_px: how far a column may go to either side until it is flat; 4 serves a
            blur up to 1.5 px.
        columns: how many columns a point is fitted to.
        curvature_correction: move the points back where the contour is bent and the
            blur of the picture drew it towards its centre.

    Raises:
        RangeError: the first threshold is above the second, or the picture holds NaN.

    Example:
        >>> picture = np.zeros((9, 20), np.float32)
        >>> picture[:, 10:] = 0.8
        >>> picture[:, 9] = 0.2  # a quarter of the pixel is bright
        >>> PartialAreaEdges().detect(picture).x.mean().round(6)
        np.float64(9.25)

    References:
        A. Trujillo-Pino, K. Krissian, M. Alemán-Flores, D. Santana-Cedrés. Accurate
        Subpixel Edge Location Based on Partial Area Effect. Image and Vision
        Computing, 2013. doi:10.1016/j.imavis.2012.10.005
    """

    sigma: Annotated[float, Between(0.5, 20.0)] = 1.0
    reach_px: Annotated[int, Between(2, 20)] = 4
    columns: Literal[3, 5, 7] = 3
    curvature_correction: bool = True

    def locate(self, plane: Plane) -> EdgePoints:
        seeds, _, _ = find_seeds(plane, self.sigma, self.thresholds, 1, self.min_points)
        variance = seeds.table[5] - self.sigma**2 - BOX_VARIANCE
        found = np.full((6, variance.size), np.nan)
        _balance(plane, seeds.table, self.columns // 2, self.reach_px, found)
        x, y, nx, ny, contrast, curvature = found
        if self.curvature_correction:
            back = 0.5 * np.maximum(variance, 0.0) * seeds.curvature
            x, y = x - back * nx, y - back * ny
        edges = EdgePoints(
            x,
            y,
            nx,
            ny,
            seeds.table[4],
            contrast=contrast,
            blur=np.sqrt(np.maximum(variance, 0.0)),
            curvature=curvature,
            starts=seeds.starts,
            closed=seeds.closed,
            size=(plane.shape[0], plane.shape[1]),
        )
        return self.keep(edges, np.isfinite(contrast))


@compiled
def _column(
    plane: Plane,
    origin: tuple[int, int, int, int],
    column: int,
    centre: int,
    sign: float,
    least: float,
    reach: int,
    ends: NDArray[np.int64],
) -> bool:
    """Find where a column goes flat on both sides; False at the border of the picture."""
    x, y, across_x, across_y = origin
    height, width = plane.shape
    x, y = x + column * across_y, y + column * across_x
    for side in (-1, 1):
        row = centre
        for _ in range(reach + 1):
            next_x, next_y = x + (row + side) * across_x, y + (row + side) * across_y
            if next_x < 0 or next_y < 0 or next_x >= width or next_y >= height:
                return False
            here = plane[y + row * across_y, x + row * across_x]
            step = sign * side * (plane[next_y, next_x] - here)
            if step < least and row != centre:
                break
            row += side
        ends[(side + 1) // 2] = row
    return True


@compiled
def _balance(plane: Plane, table: Array, half: int, reach: int, found: Array) -> None:
    size = 2 * half + 1
    first, last, total = np.zeros(size), np.zeros(size), np.zeros(size)
    ends = np.zeros(2, np.int64)
    # Least squares of a parabola over the columns -half..half, in closed form.
    square = 0.0
    for c in range(-half, half + 1):
        square += c * c
    mean = square / size
    fourth = 0.0
    for c in range(-half, half + 1):
        fourth += (c * c - mean) ** 2
    for k in range(table.shape[1]):
        nx, ny = table[2, k], table[3, k]
        flat = abs(ny) >= abs(nx)
        across_x, across_y = (0, 1) if flat else (1, 0)
        origin = (int(table[6, k]), int(table[7, k]), across_x, across_y)
        up, aside = (ny, nx) if flat else (nx, ny)
        sign = 1.0 if up > 0.0 else -1.0
        contrast = table[4, k] * math.sqrt(2.0 * math.pi * table[5, k])
        start = table[1, k] - origin[1] if flat else table[0, k] - origin[0]
        inside = True
        dark, bright = 0.0, 0.0
        for c in range(-half, half + 1):
            centre = math.floor(start - c * aside / up + 0.5)
            if not _column(plane, origin, c, centre, sign, FADED * contrast, reach, ends):
                inside = False
                break
            i = c + half
            first[i], last[i], total[i] = ends[0], ends[1], 0.0
            x, y = origin[0] + c * across_y, origin[1] + c * across_x
            for row in range(ends[0], ends[1] + 1):
                total[i] += plane[y + row * across_y, x + row * across_x]
            dark += plane[y + ends[0] * across_y, x + ends[0] * across_x] / size
            bright += plane[y + ends[1] * across_y, x + ends[1] * across_x] / size
        step = bright - dark
        if not inside or sign * step <= 0.0:
            continue
        middle, slope, bend = 0.0, 0.0, 0.0
        for c in range(-half, half + 1):
            i = c + half
            place = bright * (last[i] + 0.5) - dark * (first[i] - 0.5) - total[i]
            place /= step
            middle += place / size
            slope += c * place / square
            bend += (c * c - mean) * place / fourth
        # The mean of c² over a column is c² + 1/12: 'middle' and 'bend' speak of means.
        offset = middle - bend * (mean + 1.0 / 12.0)
        if abs(offset - start) > FARTHEST:
            continue
        length = math.sqrt(1.0 + slope * slope)
        found[0, k] = origin[0] + offset * across_x
        found[1, k] = origin[1] + offset * across_y
        found[2, k] = sign * (across_x - slope * across_y) / length
        found[3, k] = sign * (across_y - slope * across_x) / length
        found[4, k] = sign * step
        found[5, k] = sign * 2.0 * bend / length**3
