"""A field given at the nodes of a regular grid, and linear or bilinear between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._field import Field
from sfumato.augment._motion import Points

__all__ = ["MeshField"]


class MeshField(Field):
    """Where the nodes of a grid over the new picture come from, and all between them.

    Args:
        offsets: by how much each node is moved, x and y, (rows, columns, 2); the nodes span
            the picture from its first pixel to its last.
        size: of the picture.
        triangles: cells are two flat triangles; else they are bilinear.
    """

    def __init__(
        self, offsets: NDArray[np.float64], size: tuple[int, int], *, triangles: bool
    ) -> None:
        super().__init__(size)
        self.offsets, self.triangles = offsets, triangles
        rows, columns = offsets.shape[:2]
        self.cells = np.array([columns - 1, rows - 1])
        self.spacing = np.maximum([size[1] - 1, size[0] - 1], 1) / self.cells
        corners = offsets[:-1, :-1], offsets[:-1, 1:], offsets[1:, :-1], offsets[1:, 1:]
        self.twist = corners[0] + corners[3] - corners[1] - corners[2]
        self._map: NDArray[np.float32] | None = None

    def places(self) -> NDArray[np.float32]:
        if self._map is None:
            height, width = self.size
            x, column, across = self._hats(width, 0)
            y, row, down = self._hats(height, 1)
            planes = np.moveaxis(self.offsets.astype(np.float32), 2, 0)
            moved = (y @ planes) @ x.T
            if self.triangles:
                s, t = across.astype(np.float32), down.astype(np.float32)[:, None]
                fold = np.minimum(s * t, (1 - s) * (1 - t))
                twist = np.moveaxis(self.twist.astype(np.float32), 2, 0)
                moved -= twist[:, row][:, :, column] * fold
            self._map = np.empty((height, width, 2), np.float32)
            np.add(moved[0], np.arange(width, dtype=np.float32), out=self._map[..., 0])
            np.add(moved[1], np.arange(height, dtype=np.float32)[:, None], out=self._map[..., 1])
        return self._map

    def _hats(
        self, length: int, axis: int
    ) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.float64]]:
        """Give the share of each node in each pixel, and each pixel's cell and place in it."""
        at = np.arange(length) / self.spacing[axis]
        cell = np.clip(np.floor(at).astype(np.intp), 0, self.cells[axis] - 1)
        share = at - cell
        hats = np.zeros((length, self.cells[axis] + 1), np.float32)
        pixels = np.arange(length)
        hats[pixels, cell] = 1 - share
        hats[pixels, cell + 1] = share
        return hats, cell, share

    def source(self, points: Points) -> Points:
        height, width = self.size
        inside = np.clip(points, 0.0, (width - 1, height - 1))
        at = inside / self.spacing
        column, row = np.clip(np.floor(at).astype(np.intp), 0, self.cells - 1).T
        s, t = (at - np.column_stack([column, row])).T[..., None]
        field = self.offsets
        above = (1 - s) * field[row, column] + s * field[row, column + 1]
        below = (1 - s) * field[row + 1, column] + s * field[row + 1, column + 1]
        moved = (1 - t) * above + t * below
        if self.triangles:
            moved -= self.twist[row, column] * np.minimum(s * t, (1 - s) * (1 - t))
        return np.asarray(points + moved)
