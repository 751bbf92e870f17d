"""Sub-pixel edges by interpolating the crest of the gradient."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from sfumato.core.bounds import Between
from sfumato.features._edge_bias import axis_bias, crest_bias
from sfumato.features._edge_seeds import BOX_VARIANCE, find_seeds
from sfumato.features._noise import white_noise
from sfumato.features._plane import Plane
from sfumato.features.edge_detector import EdgeDetector
from sfumato.features.edge_points import EdgePoints

__all__ = ["DevernayEdges"]

NOISE_SIGMA = 7.5
SIGMAS = 1.0, 2.0
"""Least and most that is chosen by itself."""


class DevernayEdges(EdgeDetector):
    """Find edges where the gradient has its crest, between the pixels.

    A pixel whose gradient modulus is the greatest along the row or column nearest to
    the gradient gives one point: the peak of a curve through the modulus there and at
    both neighbours. The quickest of the sub-pixel detectors, for clean pictures and
    for contours of any shape.

    Every smoothing draws a bent edge towards its centre of curvature, by about
    s² / 2R where s² is the variance of all blurs together. The correction measures both
    s² (from the peak) and 1 / R (from how the normal turns along the contour).

    Args:
        thresholds: a contour stays where every point reaches the first and at least
            one point the second; gradient per pixel, unit range.
        min_points: shorter contours are dropped.
        sigma: standard deviation of the Gaussian derivative in pixels; larger is calmer
            under noise and blinder to detail. Without it 1, and from noise of 0.0023 of
            white on as much as its cube root, 7.5 n^(1/3), up to 2: the error on blurred
            edges goes with n / sigma³, so it stays the same. The noise is measured.
        peak: the curve through the three values: a Gaussian, which the crest of a
            blurred step is, or the parabola of the paper, which ripples by 0.02 px.
        curvature_correction: move the points back where the contour is bent.

    Raises:
        RangeError: the first threshold is above the second, or the picture holds NaN.

    Example:
        >>> ramp = np.array([0, 0, 0, 0, 1, 7, 31, 69, 93, 99, 100, 100, 100, 100])
        >>> edges = DevernayEdges().detect(np.tile(ramp.astype(np.float32) / 100, (16, 1)))
        >>> edges.x.mean().round(2), edges.nx.mean().round(2)
        (np.float64(6.5), np.float64(1.0))

    References:
        F. Devernay. A Non-Maxima Suppression Method for Edge Detection with Sub-Pixel
        Accuracy. INRIA RR-2724, 1995.
        R. Grompone von Gioi, G. Randall. A Sub-Pixel Edge Detector: an Implementation
        of the Canny/Devernay Algorithm. IPOL, 2017. doi:10.5201/ipol.2017.216
        P. Mendonça, D. Padfield, J. Miller, M. Turek. Bias in the Localization of
        Curved Edges. ECCV, 2004. doi:10.1007/978-3-540-24671-8_44
    """

    sigma: Annotated[float, Between(0.5, 20.0)] | None = None
    peak: Literal["gaussian", "parabola"] = "gaussian"
    curvature_correction: bool = True

    def locate(self, plane: Plane) -> EdgePoints:
        shape = int(self.peak == "gaussian")
        sigma = self.sigma or float(np.clip(NOISE_SIGMA * np.cbrt(white_noise(plane)), *SIGMAS))
        seeds, _, _ = find_seeds(plane, sigma, self.thresholds, shape, self.min_points)
        x, y, nx, ny, strength, variance, _, _ = seeds.table
        if self.curvature_correction:
            back = crest_bias(variance, seeds.curvature) + axis_bias(seeds)
            x, y = x - back * nx, y - back * ny
        return EdgePoints(
            x,
            y,
            nx,
            ny,
            strength,
            contrast=strength * np.sqrt(2.0 * np.pi * variance),
            blur=np.sqrt(np.maximum(variance - sigma**2 - BOX_VARIANCE, 0.0)),
            curvature=seeds.curvature,
            starts=seeds.starts,
            closed=seeds.closed,
            size=(plane.shape[0], plane.shape[1]),
        )
