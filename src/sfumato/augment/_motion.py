"""Where a transform sends every point, stated once: pictures, boxes and points follow from it.

Points have pixel centers at whole numbers. A motion knows the size that comes out, moves
points exactly, and carries a picture along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._table_loops import move_affinely, turn_affinely

__all__ = ["Fill", "Motion", "Points", "Resampling", "move_boxes", "move_keypoints"]

Points: TypeAlias = NDArray[np.float64]
Fill: TypeAlias = float | tuple[float, ...]

POINTS_PER_EDGE = 33
"""Samples of a box edge under a map that bends it."""
STEP_PX = 0.5
"""Half the base of the difference that finds the turn and growth of a bent map at a point."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How values between pixels and beyond the picture are found."""

    interpolation: str = "linear"
    border: str = "constant"
    fill: Fill = 0.0


class Motion(ABC):
    """One geometric map from the old picture into the new one."""

    size: tuple[int, int]
    """Height and width of what comes out."""
    matrix: NDArray[np.float64] | None = None
    """(3, 3), where the map is a homography."""
    own_tables = False
    """Whether boxes and key points do not follow from points alone: tiles that change places."""
    ellipse = False
    """Whether a box stands for the ellipse in it."""

    @abstractmethod
    def image(self, plane: NDArray[Any], how: Resampling) -> NDArray[Any]:
        """Carry a plane (h, w) or (h, w, c) of any dtype along."""

    def points(self, xy: Points) -> Points:
        """Move points (k, 2) exactly."""
        assert self.matrix is not None, "a motion without a matrix moves points itself"
        return apply_matrix(self.matrix, xy)

    def boxes(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move a table of boxes, where ``own_tables`` says so."""
        raise NotImplementedError

    def keypoints(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move a table of key points, where ``own_tables`` says so."""
        raise NotImplementedError


def apply_matrix(matrix: NDArray[np.float64], xy: Points) -> Points:
    """Move points by a homography; a point at or beyond the horizon becomes NaN."""
    moved = xy @ matrix[:2, :2].T + matrix[:2, 2]
    if matrix[2, 0] or matrix[2, 1]:
        depth = xy @ matrix[2, :2] + matrix[2, 2]
        moved /= np.where(depth > 0, depth, np.nan)[..., None]
    elif matrix[2, 2] != 1.0:
        moved /= matrix[2, 2]
    return moved


_RIM = np.linspace(0.0, 1.0, POINTS_PER_EDGE)
_ZERO = np.zeros(POINTS_PER_EDGE)
_OUTLINE = np.concatenate(
    [np.column_stack(pair) for pair in
     ((_RIM, _ZERO), (_RIM, _ZERO + 1), (_ZERO, _RIM), (_ZERO + 1, _RIM))]
)  # fmt: skip
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def move_boxes(motion: Motion, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the exact bound of every moved box; a box that meets the horizon is dropped."""
    if len(table) == 0:
        return table
    if motion.own_tables:
        return motion.boxes(table)
    matrix = motion.matrix
    if matrix is not None and not (matrix[2, 0] or matrix[2, 1]) and matrix[2, 2] == 1.0:
        moved_table = np.empty_like(table)
        move_affinely(matrix, table, motion.ellipse, moved_table)
        return moved_table
    # A straight edge stays straight under a homography.
    corners = _OUTLINE if matrix is None else _CORNERS
    low, high = table[:, None, :2], table[:, None, 2:4]
    outline = low + corners * (high - low)
    moved = motion.points(outline.reshape(-1, 2)).reshape(outline.shape)
    result = table.copy()
    moved.min(axis=1, out=result[:, :2])
    moved.max(axis=1, out=result[:, 2:4])
    lost = np.isnan(result[:, 0])
    return result[~lost] if lost.any() else result


def move_keypoints(motion: Motion, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move points, turn their angles and scale their sizes by the map's slope at each point."""
    if len(table) == 0:
        return table
    if motion.own_tables:
        return motion.keypoints(table)
    matrix = motion.matrix
    result = table.copy()
    if matrix is not None and not (matrix[2, 0] or matrix[2, 1]) and matrix[2, 2] == 1.0:
        turn_affinely(matrix, table, result)
        return result
    xy = table[:, :2]
    result[:, :2] = motion.points(xy)
    aimed = ~np.isnan(table[:, 2])
    if aimed.any():
        foot, angle = xy[aimed], table[aimed, 2]
        ahead = np.column_stack([np.cos(angle), np.sin(angle)]) * STEP_PX
        aside = ahead[:, ::-1] * [-1.0, 1.0]
        along = (motion.points(foot + ahead) - motion.points(foot - ahead)) / (2 * STEP_PX)
        across = (motion.points(foot + aside) - motion.points(foot - aside)) / (2 * STEP_PX)
        area = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
        result[aimed, 2] = np.mod(np.arctan2(along[:, 1], along[:, 0]), 2 * np.pi)
        result[aimed, 3] *= np.sqrt(area)
    lost = np.isnan(result[:, 0])
    return result[~lost] if lost.any() else result
