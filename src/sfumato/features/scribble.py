"""Edges as a hand would scribble them: few, thick, and a little beside the mark."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.drawing import DrawingOperator
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import FloatImage, Image
from sfumato.features._pen import thickness_of
from sfumato.features.devernay import DevernayEdges
from sfumato.features.edge_points import EdgePoints

__all__ = ["Scribble"]

SHIFT_BITS = 4
"""OpenCV draws at fractions of a pixel given in so many bits."""


class Scribble(DrawingOperator):
    """Draw the longest outlines of a picture as wobbly strokes, white on black.

    Contours are found to a fraction of a pixel, the short ones left out, the others
    moved by a smooth random offset and drawn with a round pen. The same seed gives the
    same scribble.

    Args:
        pen_px: width of the strokes in pixels.
        wobble_px: standard deviation of the strokes' offset in pixels.
        sigma: smoothing of the picture first, in pixels; details below it are left out.
        shortest_px: shorter contours are left out.
        into: where the drawing goes: ``image``, or ``hint`` of one channel.

    Raises:
        ShapeError: neither 1 nor 3 channels.
        RangeError: the picture holds NaN or infinity.

    Example:
        >>> disc = cv2.circle(np.zeros((64, 64), np.uint8), (32, 32), 20, 200, -1)[..., None]
        >>> scribble = Scribble()(disc, 0)
        >>> bool(scribble[29:36, 8:17].max() == 255), int(scribble[32, 32, 0])
        (True, 0)
    """

    pen_px: Annotated[int, Between(1, 50)] = 3
    wobble_px: Annotated[float, Between(0.0, 50.0)] = 1.0
    sigma: Annotated[float, Between(0.3, 50.0)] = 2.0
    shortest_px: Annotated[float, Between(0.0, 1e5)] = 20.0

    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        return self.draw(sample.image, rng)

    def draw(self, image: Image, rng: Rng) -> FloatImage:
        """Give the scribble, float32 (h, w), 1 on the strokes."""
        edges = DevernayEdges(sigma=self.sigma).detect(image)
        canvas = np.zeros(image.shape[:2], np.uint8)
        thickness = thickness_of(self.pen_px)
        for k in range(len(edges.closed)):
            stroke = self._stroke(edges, k, rng)
            if stroke is not None:
                fixed = np.rint(stroke * (1 << SHIFT_BITS)).astype(np.int32)[:, None]
                closed = bool(edges.closed[k])
                cv2.polylines(canvas, [fixed], closed, 255, thickness, cv2.LINE_AA, SHIFT_BITS)
        return canvas.astype(np.float32) / np.float32(255.0)

    def _stroke(self, edges: EdgePoints, k: int, rng: Rng) -> np.ndarray | None:
        """Give the wobbly points of a contour, or nothing where it is too short."""
        span = slice(edges.starts[k], edges.starts[k + 1])
        points = np.column_stack([edges.x[span], edges.y[span]])
        if np.linalg.norm(np.diff(points, axis=0), axis=1).sum() < self.shortest_px:
            return None
        # White noise smoothed over a third of the contour, at most 30 points, and scaled back.
        width = max(1, min(30, len(points) // 3))
        noise = rng.normal(size=(len(points), 2))
        smooth = cv2.blur(noise, (1, width), borderType=cv2.BORDER_REFLECT)
        return np.asarray(points + self.wobble_px * np.sqrt(width) * smooth)
