"""A homography, carried out by OpenCV; an affine map by its faster road."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Motion, Resampling
from sfumato.augment._planes import warp_plane

__all__ = ["Projective", "rotation_about", "shift"]


class Projective(Motion):
    """Send a picture through a homography.

    Args:
        matrix: (3, 3), from points of the old picture to points of the new one.
        size: of the new picture.
        source: size of the old picture.
        ellipse: boxes become the bound of the ellipse in them, not of themselves.
    """

    def __init__(
        self,
        matrix: NDArray[np.float64],
        size: tuple[int, int],
        source: tuple[int, int],
        *,
        ellipse: bool = False,
    ) -> None:
        self.ellipse = ellipse
        self.matrix: NDArray[np.float64] = matrix
        self.size = size
        self.source = source

    def image(self, plane: NDArray[Any], how: Resampling) -> NDArray[Any]:
        if self.size == plane.shape[:2] and np.array_equal(self.matrix, _IDENTITY):
            return plane
        return warp_plane(plane, self.matrix, self.size, how)


_IDENTITY = np.eye(3)


def shift(x: float, y: float) -> NDArray[np.float64]:
    """Move by x to the right and y down."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def rotation_about(
    center: tuple[float, float], degrees: float, scale: float = 1.0
) -> NDArray[np.float64]:
    """Turn counter-clockwise as seen, and scale, about a point."""
    turn = np.deg2rad(degrees)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    x, y = center
    return np.array(
        [[cos, sin, x - cos * x - sin * y], [-sin, cos, y + sin * x - cos * y], [0.0, 0.0, 1.0]]
    )
