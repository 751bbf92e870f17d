"""What all sub-pixel edge detectors share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit
from sfumato.errors import RangeError
from sfumato.features._plane import Plane, grey_plane
from sfumato.features.edge_points import EdgePoints

__all__ = ["EdgeDetector"]

BRIDGE_PX = 3.0


class EdgeDetector(Operator):
    """Find edges to a fraction of a pixel.

    ``detect(picture)`` gives the points. As a step of a pipeline a detector leaves the
    image as it is, puts the points into ``meta["edges"]`` and a drawing of the contours
    (white on black, one channel) into ``hint``.

    The thresholds are gradients per pixel of the unit-range picture, so they mean the
    same for uint8, uint16 and float32, and the same as those of `Canny`. Colour is
    looked at as luma. A picture without edges gives no points.

    Args:
        thresholds: a contour stays where every point reaches the first and at least
            one point the second.
        min_points: shorter contours are dropped.

    Raises:
        RangeError: the first threshold is above the second, or the picture holds NaN.
    """

    writes = ("hint",)

    thresholds: Annotated[tuple[float, float], Between(0.0, 1e6)] = (0.02, 0.05)
    min_points: Annotated[int, Between(1, 10**6)] = 5

    def check(self) -> None:
        low, high = self.thresholds
        if low > high:
            raise RangeError(
                f"{type(self).__name__}.thresholds: the first, {low:g}, is above "
                f"the second, {high:g}"
            )

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        edges = self.detect(sample.image)
        drawing = edges.draw().astype(np.float32) / np.float32(255.0)
        hint = from_unit(drawing, sample.image.dtype)
        return sample.but(hint=hint, meta={**sample.meta, "edges": edges})

    def detect(self, image: NDArray[Any]) -> EdgePoints:
        """Give the points on the edges of a picture.

        Args:
            image: uint8, uint16 or float32.

        Shape:
            image (h, w), (h, w, 1) or (h, w, 3).

        Raises:
            ShapeError: another shape or number of channels.
            DtypeError: another dtype.
            RangeError: the picture holds NaN or infinity.
        """
        plane = grey_plane(image, type(self).__name__)
        if min(plane.shape) < 3:
            return EdgePoints.none((plane.shape[0], plane.shape[1]))
        return self.locate(plane)

    def keep(self, edges: EdgePoints, good: NDArray[np.bool_]) -> EdgePoints:
        """Leave out points that were not found, without cutting contours for a gap of a point."""
        if good.all():
            return edges
        return edges.select(good, bridge_px=BRIDGE_PX, min_points=self.min_points)

    @abstractmethod
    def locate(self, plane: Plane) -> EdgePoints:
        """Find the points in a plane (h, w) of finite float32."""
