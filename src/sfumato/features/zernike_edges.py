"""Sub-pixel edges from Zernike moments."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sfumato.features._edge_seeds import BOX_VARIANCE, SEED_COLUMNS, order_points
from sfumato.features._plane import Plane
from sfumato.features._zernike import blurred_moments, find_crossings, moment_planes
from sfumato.features.edge_detector import EdgeDetector
from sfumato.features.edge_points import EdgePoints
from sfumato.features.gradient import morphological_gradient

__all__ = ["ZernikeEdges"]


class ZernikeEdges(EdgeDetector):
    """Find edges by the Zernike moments of a small disc around each pixel.

    A morphological gradient picks the pixels that may be near an edge. In the disc
    around each of them, ``A11`` gives the direction of a step and ``A20 / |A11|`` its distance
    l from the middle, in radii of the disc (half the window). Blur shrinks l, and many
    neighbours see the same edge; so a point is placed only between the two neighbours
    from which the edge lies on opposite sides, by the ratio of both distances, which
    the blur does not change. That leaves contours one point thick. Blur must be well
    below the window's half: from about 3 px (7 x 7) an edge looks like an even ramp.

    Args:
        thresholds: a contour stays where every point reaches the first and at least
            one point the second; gradient per pixel, unit range, as the disc sees it.
        min_points: shorter contours are dropped.
        window: side of the masks in pixels; the larger is calmer under noise.
        scales: the morphological gradient is the mean over so many sizes of element;
            more see wider edges, and gain little against noise.
        curvature_correction: move the points back where the contour is bent: the model
            of a straight step sees it too far out by (window / 2)² / 10R, and blur
            draws it in.

    Raises:
        RangeError: the first threshold is above the second, or the picture holds NaN.

    Example:
        >>> ramp = np.array([0, 0, 0, 0, 1, 7, 31, 69, 93, 99, 100, 100, 100, 100])
        >>> edges = ZernikeEdges().detect(np.tile(ramp.astype(np.float32) / 100, (16, 1)))
        >>> edges.x.mean().round(2), edges.nx.mean().round(2)
        (np.float64(6.5), np.float64(1.0))

    References:
        S. Ghosal, R. Mehrotra. Orthogonal Moment Operators for Subpixel Edge Detection.
        Pattern Recognition, 1993. doi:10.1016/0031-3203(93)90038-X
    """

    window: Literal[5, 7] = 7
    scales: Literal[1, 2, 3] = 1
    curvature_correction: bool = True

    def locate(self, plane: Plane) -> EdgePoints:
        if min(plane.shape) < self.window:
            return EdgePoints.none((plane.shape[0], plane.shape[1]))
        low, high = self.thresholds
        coarse = morphological_gradient(plane, self.scales)
        room = np.zeros((len(SEED_COLUMNS), np.count_nonzero(coarse >= low)))
        moments = moment_planes(plane, self.window)
        count = find_crossings(coarse, *moments, low, self.window, room)
        seeds = order_points(room[:, :count], plane.shape, high, self.min_points)
        x, y, nx, ny, strength, travel, _, _ = seeds.table
        radius = self.window / 2
        slopes, variances, heights, shifts = (column[::-1] for column in blurred_moments())
        variance = np.interp(travel, slopes, variances) * radius**2
        if self.curvature_correction:
            back = np.interp(travel, slopes, shifts) * seeds.curvature * radius**2
            x, y = x - back * nx, y - back * ny
        return EdgePoints(
            x,
            y,
            nx,
            ny,
            strength,
            contrast=strength * (0.375 * np.pi * radius) / np.interp(travel, slopes, heights),
            # The masks see the picture as squares, which adds the area of a pixel once more.
            blur=np.sqrt(np.maximum(variance - 2.0 * BOX_VARIANCE, 0.0)),
            curvature=seeds.curvature,
            starts=seeds.starts,
            closed=seeds.closed,
            size=(plane.shape[0], plane.shape[1]),
        )
