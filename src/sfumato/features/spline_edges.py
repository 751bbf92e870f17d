"""Sub-pixel edges on a smooth surface through the gradient modulus."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.features._edge_bias import crest_bias
from sfumato.features._edge_seeds import BOX_VARIANCE, find_seeds
from sfumato.features._plane import Plane
from sfumato.features.edge_detector import EdgeDetector
from sfumato.features.edge_points import EdgePoints

__all__ = ["SplineEdges"]

Array = NDArray[np.float64]

POLE = math.sqrt(3.0) - 2.0
"""Of the recursive filter that turns values into coefficients of a cubic B-spline."""
FILTER_REACH = 9
FARTHEST = 1.5
"""Pixels that the crest may lie from where the search starts."""
STEPS = 8
SETTLED = 1e-5


class SplineEdges(EdgeDetector):
    """Find edges where a cubic B-spline through the gradient modulus has its crest.

    The spline is followed along the gradient, and the root of its derivative taken
    within 1.5 px. The search runs along the normal and not along a row or column, so
    the accuracy hardly depends on the direction of the edge.

    Args:
        thresholds: a contour stays where every point reaches the first and at least
            one point the second; gradient per pixel, unit range.
        min_points: shorter contours are dropped.
        sigma: standard deviation of the Gaussian derivative in pixels; larger for
            noisy pictures and blurred edges.
        curvature_correction: move the points back where the contour is bent and the
            smoothing drew it towards its centre.

    Raises:
        RangeError: the first threshold is above the second, or the picture holds NaN.

    Example:
        >>> ramp = np.array([0, 0, 0, 0, 1, 7, 31, 69, 93, 99, 100, 100, 100, 100])
        >>> edges = SplineEdges().detect(np.tile(ramp.astype(np.float32) / 100, (16, 1)))
        >>> edges.x.mean().round(2), edges.nx.mean().round(2)
        (np.float64(6.5), np.float64(1.0))

    References:
        M. Unser. Splines: A Perfect Fit for Signal and Image Processing. IEEE Signal
        Processing Magazine, 1999. doi:10.1109/79.799930
    """

    sigma: Annotated[float, Between(0.5, 20.0)] = 1.0
    curvature_correction: bool = True

    def locate(self, plane: Plane) -> EdgePoints:
        seeds, gx, gy = find_seeds(plane, self.sigma, self.thresholds, 1, self.min_points)
        coefficients = _spline_coefficients(np.sqrt(gx * gx + gy * gy))
        x, y, nx, ny = seeds.table[:4]
        found = np.full((3, x.size), np.nan)
        _climb(coefficients, seeds.table, found)
        step, strength, variance = found
        if self.curvature_correction:
            step = step - crest_bias(variance, seeds.curvature)
        edges = EdgePoints(
            x + step * nx,
            y + step * ny,
            nx,
            ny,
            strength,
            contrast=strength * np.sqrt(2.0 * np.pi * variance),
            blur=np.sqrt(np.maximum(variance - self.sigma**2 - BOX_VARIANCE, 0.0)),
            curvature=seeds.curvature,
            starts=seeds.starts,
            closed=seeds.closed,
            size=(plane.shape[0], plane.shape[1]),
        )
        return self.keep(edges, np.isfinite(found[0]))


def _spline_coefficients(values: Plane) -> Plane:
    """Give the cubic B-spline that passes through the values at the pixel centres."""
    at = np.abs(np.arange(-FILTER_REACH, FILTER_REACH + 1))
    kernel = POLE**at
    return np.asarray(
        cv2.sepFilter2D(
            values,
            cv2.CV_32F,
            kernel / kernel.sum(),
            kernel / kernel.sum(),
            borderType=cv2.BORDER_REFLECT_101,
        ),
        np.float32,
    )


@compiled
def _weights(t: float, w: Array, dw: Array, ddw: Array) -> None:
    """Give the four cubic B-splines at a fraction of a pixel, and their derivatives."""
    r = 1.0 - t
    w[0], w[3] = r * r * r / 6.0, t * t * t / 6.0
    w[1] = 2.0 / 3.0 - 0.5 * t * t * (2.0 - t)
    w[2] = 2.0 / 3.0 - 0.5 * r * r * (2.0 - r)
    dw[0], dw[3] = -0.5 * r * r, 0.5 * t * t
    dw[1], dw[2] = t * (1.5 * t - 2.0), r * (2.0 - 1.5 * r)
    ddw[0], ddw[1], ddw[2], ddw[3] = r, 3.0 * t - 2.0, 3.0 * r - 2.0, t


@compiled
def _climb(coefficients: Plane, table: Array, found: Array) -> None:
    height, width = coefficients.shape
    w, v = np.zeros((3, 4)), np.zeros((3, 4))
    for k in range(table.shape[1]):
        x0, y0, nx, ny = table[0, k], table[1, k], table[2, k], table[3, k]
        t = 0.0
        for _ in range(STEPS):
            x, y = x0 + t * nx, y0 + t * ny
            column, row = math.floor(x), math.floor(y)
            if column < 1 or row < 1 or column > width - 3 or row > height - 3:
                break
            _weights(x - column, w[0], w[1], w[2])
            _weights(y - row, v[0], v[1], v[2])
            value, slope, bend = 0.0, 0.0, 0.0
            for i in range(4):
                s, sx, sxx = 0.0, 0.0, 0.0
                for j in range(4):
                    c = coefficients[row - 1 + i, column - 1 + j]
                    s += w[0, j] * c
                    sx += w[1, j] * c
                    sxx += w[2, j] * c
                value += v[0, i] * s
                slope += nx * v[0, i] * sx + ny * v[1, i] * s
                bend += nx * nx * v[0, i] * sxx + 2.0 * nx * ny * v[1, i] * sx
                bend += ny * ny * v[2, i] * s
            if bend >= 0.0:
                break
            step = -slope / bend
            t += step
            if abs(t) > FARTHEST:
                break
            if abs(step) < SETTLED:
                found[0, k], found[1, k], found[2, k] = t, value, -value / bend
                break
