"""A map that bends: every pixel of the new picture says where it comes from in the old one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Motion, Points, Resampling
from sfumato.augment._planes import remap_plane
from sfumato.core.opencv import cv2

__all__ = ["DenseField", "Field", "add_places", "invert"]

FIXED_POINT_STEPS = 8
NEWTON_STEPS = 8
SLOPE_PX = 0.25
GOOD_PX = 1e-3
"""A point counts as found when the map leads this close to where it came from."""


class Field(Motion):
    """A bent map of a picture onto one of the same size.

    A subclass says where pixels come from, in `places` for the whole picture at once and in
    `source` for any points; points are moved by inverting `source`.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._fixed: tuple[Any, Any] | None = None

    @abstractmethod
    def places(self) -> NDArray[np.float32]:
        """Where every pixel of the new picture comes from: x and y, (h, w, 2)."""

    @abstractmethod
    def source(self, points: Points) -> Points:
        """Where points (k, 2) of the new picture come from."""

    def fixed(self) -> tuple[Any, Any]:
        """Give the places as OpenCV reads them anyway, to 1/32 pixel, which is faster."""
        whole, part = cv2.convertMaps(self.places(), None, cv2.CV_16SC2)
        return whole, part

    def image(self, plane: NDArray[Any], how: Resampling) -> NDArray[Any]:
        if how.interpolation.startswith("nearest"):
            return remap_plane(plane, self.places(), None, how)
        if self._fixed is None:
            self._fixed = self.fixed()
        return remap_plane(plane, self._fixed[0], self._fixed[1], how)

    def points(self, xy: Points) -> Points:
        return invert(self.source, np.asarray(xy, np.float64), self.size)


class DenseField(Field):
    """A field known at whole pixels: linear between them, beyond them as at the edge.

    Args:
        places: where every pixel comes from, x and y, (h, w, 2).
    """

    def __init__(self, places: NDArray[np.float32]) -> None:
        super().__init__((places.shape[0], places.shape[1]))
        self._places = places

    def places(self) -> NDArray[np.float32]:
        return self._places

    def source(self, points: Points) -> Points:
        height, width = self.size
        inside = np.clip(points, 0.0, (width - 1, height - 1))
        x0, y0 = np.floor(inside).astype(np.intp).T
        x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
        right, down = (inside - np.column_stack([x0, y0])).T[..., None]
        field = self._places
        above = (1 - right) * field[y0, x0] + right * field[y0, x1]
        below = (1 - right) * field[y1, x0] + right * field[y1, x1]
        return np.asarray((1 - down) * above + down * below + (points - inside), np.float64)


def add_places(offsets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn offsets (h, w, 2) into places, in the same array."""
    height, width = offsets.shape[:2]
    offsets[..., 0] += np.arange(width, dtype=np.float32)
    offsets[..., 1] += np.arange(height, dtype=np.float32)[:, None]
    return offsets


def invert(source: Any, goal: Points, size: tuple[int, int]) -> Points:
    """Find the points that a map sends to the goal.

    Fixed-point steps find them where the map is gentle, Newton's steps make them exact, and
    what is still not found is sought on a grid over the picture. Where the map folds and a
    goal has several answers, one of them is given.
    """
    if len(goal) == 0:
        return goal.copy()
    found = goal.copy()
    for _ in range(FIXED_POINT_STEPS):
        found += goal - source(found)
    found = _newton(source, goal, found)
    miss = np.linalg.norm(source(found) - goal, axis=1)
    lost = ~(miss < GOOD_PX)
    if lost.any():
        height, width = size
        x, y = np.meshgrid(np.linspace(0, width - 1, 65), np.linspace(0, height - 1, 65))
        grid = np.column_stack([x.ravel(), y.ravel()])
        there = source(grid)
        nearest = [int(np.argmin(((there - one) ** 2).sum(axis=1))) for one in goal[lost]]
        again = _newton(source, goal[lost], grid[nearest])
        better = np.linalg.norm(source(again) - goal[lost], axis=1) < np.nan_to_num(
            miss[lost], nan=np.inf
        )
        found[lost] = np.where(better[:, None], again, found[lost])
    return found


def _newton(source: Any, goal: Points, found: Points) -> Points:
    found = found.copy()
    count = len(found)
    dx, dy = np.array([SLOPE_PX, 0.0]), np.array([0.0, SLOPE_PX])
    for _ in range(NEWTON_STEPS):
        probes = np.concatenate([found, found + dx, found - dx, found + dy, found - dy])
        value, right, left, below, above = source(probes).reshape(5, count, 2)
        rest = goal - value
        if not (np.abs(rest) > GOOD_PX / 10).any():
            break
        a, c = ((right - left) / (2 * SLOPE_PX)).T
        b, d = ((below - above) / (2 * SLOPE_PX)).T
        area = a * d - b * c
        area = np.where(np.abs(area) < 1e-3, np.copysign(1e-3, area), area)
        step = (
            np.column_stack([d * rest[:, 0] - b * rest[:, 1], a * rest[:, 1] - c * rest[:, 0]])
            / area[:, None]
        )
        length = np.linalg.norm(step, axis=1, keepdims=True)
        limit = 4.0 + np.linalg.norm(rest, axis=1, keepdims=True)
        found += step * np.minimum(1.0, limit / np.maximum(length, 1e-12))
    return found
