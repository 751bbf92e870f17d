"""Depth and surface direction as pictures that guide a generator."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.drawing import DrawingOperator, Into
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import FloatImage
from sfumato.errors import RangeError

__all__ = ["ShowDepth", "ShowNormals"]


class ShowDepth(DrawingOperator):
    """Show the depth of a sample as a picture: near is white, far is black.

    The shade is the inverse depth, stretched between its percentiles, as the published
    depth-guided generators were taught. Infinite depth (sky) is black.

    Args:
        percentiles: of the inverse depth; what lies beyond is black or white.
        into: where the picture goes: ``hint`` of one channel, or ``image``.

    Raises:
        FieldError: the sample has no depth.
        RangeError: a depth is not positive, or NaN.

    Example:
        >>> depth = np.array([[1.0, 2.0, np.inf]], np.float32)
        >>> shown = ShowDepth(percentiles=(0.0, 100.0))(
        ...     Sample(np.zeros((1, 3, 3), np.float32), depth=depth)
        ... )
        >>> shown.hint[0, :, 0].tolist()
        [1.0, 0.5, 0.0]
    """

    reads = ("image", "depth")
    percentiles: Annotated[tuple[float, float], Between(0.0, 100.0)] = (1.0, 99.0)
    into: Into = "hint"

    def check(self) -> None:
        if not self.percentiles[0] < self.percentiles[1]:
            raise RangeError("ShowDepth.percentiles: the first must be below the second")

    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        near = 1.0 / _positive(sample.require("depth", "ShowDepth"), "ShowDepth")
        low, high = np.percentile(near, self.percentiles)
        span = max(float(high - low), 1e-12)
        shade = np.clip((near - low) / span, 0.0, 1.0)
        return np.asarray(shade, np.float32)


class ShowNormals(DrawingOperator):
    """Show which way the surfaces of a sample face, worked out from its depth.

    The normal of z = depth(x, y) at each pixel, facing the viewer, with x to the right, y
    up and z to the viewer, is written as (n + 1) / 2 into red, green and blue: a wall
    that faces the viewer is (0.5, 0.5, 1).

    Args:
        field_of_view_deg: of the camera across the width; turns pixels into lengths.
        sigma: smoothing of the depth first, in pixels.
        into: where the picture goes: ``hint`` of three channels, or ``image``.

    Raises:
        FieldError: the sample has no depth.
        RangeError: a depth is not positive, or NaN.

    Example:
        >>> wall = Sample(np.zeros((8, 8, 3), np.float32), depth=np.full((8, 8), 2, np.float32))
        >>> ShowNormals()(wall).hint[4, 4].tolist()
        [0.5, 0.5, 1.0]
    """

    reads = ("image", "depth")
    field_of_view_deg: Annotated[float, Between(1.0, 170.0)] = 50.0
    sigma: Annotated[float, Between(0.0, 20.0)] = 0.0
    into: Into = "hint"

    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        depth = _positive(sample.require("depth", "ShowNormals"), "ShowNormals")
        depth = np.minimum(depth, 1e6)
        if self.sigma:
            depth = cv2.GaussianBlur(depth, (0, 0), self.sigma)
        return self._colors(depth)

    def _colors(self, depth: FloatImage) -> FloatImage:
        height, width = depth.shape
        focal = 0.5 * width / np.tan(np.radians(self.field_of_view_deg) / 2)
        across = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / focal
        down = ((np.arange(height, dtype=np.float32) - (height - 1) / 2) / focal)[:, None]
        points = np.stack(np.broadcast_arrays(across * depth, -down * depth, -depth), axis=-1)
        right, below = _difference(points, 1), _difference(points, 0)
        # Right times up; "below" points down, so the product is turned round.
        normal = np.cross(below, right)
        length = np.linalg.norm(normal, axis=-1, keepdims=True)
        unit = np.where(length > 0, normal / np.maximum(length, 1e-20), [0.0, 0.0, 1.0])
        return np.asarray((unit + 1.0) / 2.0, np.float32)


def _positive(depth: FloatImage, who: str) -> FloatImage:
    if not (depth > 0).all():
        raise RangeError(
            f"{who}: depth must be above 0 everywhere", hint="mark what has no depth as infinity"
        )
    return np.asarray(depth, np.float32)


def _difference(points: np.ndarray, axis: int) -> np.ndarray:
    if points.shape[axis] < 2:
        step = np.zeros(3)
        step[0 if axis == 1 else 1] = 1.0 if axis == 1 else -1.0
        return np.broadcast_to(step, points.shape)
    return np.asarray(np.gradient(points, axis=axis))
