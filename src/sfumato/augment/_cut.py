"""Another window onto the same pixels: a crop, a frame around the picture, or both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Motion, Resampling
from sfumato.augment._planes import pad_plane

__all__ = ["Cut"]


class Cut(Motion):
    """Take the window from (x, y) on, of the given size; it may reach beyond the picture."""

    def __init__(self, x: int, y: int, size: tuple[int, int]) -> None:
        self.x, self.y, self.size = x, y, size

    @property
    def matrix(self) -> NDArray[np.float64]:  # type: ignore[override]
        """Built when it is asked for: a picture alone does not need it."""
        return np.array([[1.0, 0.0, -self.x], [0.0, 1.0, -self.y], [0.0, 0.0, 1.0]])

    def inside(self, size: tuple[int, int]) -> bool:
        """Whether the window stays within a picture of this size."""
        height, width = self.size
        return (
            self.x >= 0 and self.y >= 0 and self.y + height <= size[0] and self.x + width <= size[1]
        )

    def image(self, plane: NDArray[Any], how: Resampling) -> NDArray[Any]:
        height, width = self.size
        rows, columns = plane.shape[0], plane.shape[1]
        x, y = self.x, self.y
        if x >= 0 and y >= 0 and y + height <= rows and x + width <= columns:
            return plane[y : y + height, x : x + width].copy()
        top, left = max(0, -self.y), max(0, -self.x)
        bottom = max(0, self.y + height - rows)
        right = max(0, self.x + width - columns)
        if how.border == "constant":
            part = plane[max(0, self.y) : self.y + height, max(0, self.x) : self.x + width]
            return pad_plane(part, (top, bottom, left, right), how)
        framed = pad_plane(plane, (top, bottom, left, right), how)
        y, x = max(0, self.y), max(0, self.x)
        return framed[y : y + height, x : x + width].copy()
