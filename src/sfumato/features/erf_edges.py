"""Sub-pixel edges by fitting a blurred step to the pixels around."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.core.bounds import Between
from sfumato.errors import RangeError
from sfumato.features._edge_seeds import BOX_VARIANCE, find_seeds
from sfumato.features._erf_fit import fit_steps
from sfumato.features._plane import Plane
from sfumato.features.edge_detector import EdgeDetector
from sfumato.features.edge_points import EdgePoints

__all__ = ["ErfEdges"]


class ErfEdges(EdgeDetector):
    """Find edges by fitting a blurred step, and measure their blur.

    Around each point of the gradient's crest the pixels within ``reach_px`` across the
    edge and ``along_px`` along it are explained by

        low + (high - low) Φ((d - p) / s),

    with d the distance to the edge and Φ the normal distribution, averaged over the
    area of a pixel; least squares give both values, the place p and the blur s. The
    window is bent with the contour, so bent edges need no correction to first order; it
    is shortened where another edge begins. Many pixels share in each point: the best
    detector under noise.

    Args:
        thresholds: a contour stays where every point reaches the first and at least
            one point the second; gradient per pixel, unit range.
        min_points: shorter contours are dropped.
        sigma: standard deviation of the Gaussian derivative that finds the crest.
        reach_px: half the window across the edge; about 3 s and more.
        along_px: half the window along the edge; larger is calmer under noise and
            blinder to corners.
        noise: variance of a black pixel and its growth up to white, both in units of
            full range squared: the law variance = a + b value of a sensor. Pixels are
            weighted by it; without it all count alike.

    Raises:
        RangeError: the first threshold is above the second, the noise is nothing
            anywhere, or the picture holds NaN.

    Example:
        >>> ramp = np.array([0, 0, 0, 0, 1, 7, 31, 69, 93, 99, 100, 100, 100, 100])
        >>> edges = ErfEdges().detect(np.tile(ramp.astype(np.float32) / 100, (9, 1)))
        >>> edges.x.mean().round(2), edges.blur.mean().round(1)
        (np.float64(6.5), np.float64(1.0))

    References:
        M. Hagara, P. Kulla. Edge Detection with Sub-pixel Accuracy Based on
        Approximation of Edge with Erf Function. Radioengineering, 2011.
    """

    sigma: Annotated[float, Between(0.5, 20.0)] = 1.0
    reach_px: Annotated[float, Between(2.0, 30.0)] = 4.0
    along_px: Annotated[float, Between(0.5, 10.0)] = 3.0
    noise: Annotated[tuple[float, float], Between(0.0, 1.0)] | None = None

    def check(self) -> None:
        super().check()
        if self.noise is not None and self.noise[0] + self.noise[1] <= 0.0:
            raise RangeError("ErfEdges.noise: a picture without noise needs no weights")

    def locate(self, plane: Plane) -> EdgePoints:
        seeds, gx, gy = find_seeds(plane, self.sigma, self.thresholds, 1, self.min_points)
        x, y, nx, ny, strength, variance, _, _ = seeds.table
        start = np.sqrt(np.maximum(variance - self.sigma**2 - BOX_VARIANCE, 0.0))
        fitted = np.full((4, x.size), np.nan)
        black, growth = self.noise or (1.0, 0.0)
        window = (self.reach_px, self.along_px, black, growth)
        fit_steps(plane, gx, gy, seeds.table, seeds.curvature, start, window, fitted)
        step, width, low, high = fitted
        # What stays is the bias of a blurred circle's mid level, half that of its crest.
        step = step - 0.5 * seeds.curvature * (width * width + BOX_VARIANCE)
        edges = EdgePoints(
            x + step * nx,
            y + step * ny,
            nx,
            ny,
            strength,
            contrast=high - low,
            blur=width,
            curvature=seeds.curvature,
            starts=seeds.starts,
            closed=seeds.closed,
            size=(plane.shape[0], plane.shape[1]),
        )
        return self.keep(edges, np.isfinite(step))
