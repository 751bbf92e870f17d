"""Let the tiles of a picture change places."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Motion, Points, Resampling
from sfumato.augment._targets import Params, Targets
from sfumato.augment.spatial import SpatialTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["RandomGridShuffle"]


class RandomGridShuffle(SpatialTransform):
    """Cut the picture into tiles and let those of one size change places by chance.

    A point moves with its tile; a box becomes the bound of all its pieces.

    Args:
        grid: rows and columns of tiles; fewer where the picture has fewer pixels.
    """

    grid: Annotated[tuple[int, int], Between(1)] = (3, 3)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        rows, columns = _edges(targets.size[0], self.grid[0]), _edges(targets.size[1], self.grid[1])
        shapes: dict[tuple[int, int], list[int]] = {}
        for k in range((len(rows) - 1) * (len(columns) - 1)):
            i, j = divmod(k, len(columns) - 1)
            shape = (int(rows[i + 1] - rows[i]), int(columns[j + 1] - columns[j]))
            shapes.setdefault(shape, []).append(k)
        order = list(range((len(rows) - 1) * (len(columns) - 1)))
        for tiles in shapes.values():
            for place, tile in zip(tiles, rng.permutation(tiles).tolist(), strict=True):
                order[place] = tile
        return {"order": order}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return _Tiles(_edges(size[0], self.grid[0]), _edges(size[1], self.grid[1]), params["order"])


def _edges(length: int, parts: int) -> NDArray[np.intp]:
    parts = min(parts, length)
    return np.rint(np.linspace(0, length, parts + 1)).astype(np.intp)


class _Tiles(Motion):
    """Place k of the new picture shows tile ``order[k]`` of the old one."""

    own_tables = True

    def __init__(self, rows: NDArray[np.intp], columns: NDArray[np.intp], order: list[int]) -> None:
        self.rows, self.columns = rows, columns
        self.size = (int(rows[-1]), int(columns[-1]))
        self.order = order
        across = len(columns) - 1
        places = [divmod(k, across) for k in range(len(order))]
        corners = np.array([[columns[j], rows[i]] for i, j in places])
        self.move = np.zeros((len(order), 2))
        for place, tile in enumerate(order):
            self.move[tile] = corners[place] - corners[tile]

    def image(self, plane: NDArray[Any], how: Resampling) -> NDArray[Any]:
        result = np.empty_like(plane)
        across = len(self.columns) - 1
        for place, tile in enumerate(self.order):
            (i, j), (k, m) = divmod(place, across), divmod(tile, across)
            result[self._span(self.rows, i), self._span(self.columns, j)] = plane[
                self._span(self.rows, k), self._span(self.columns, m)
            ]
        return result

    @staticmethod
    def _span(edges: NDArray[np.intp], k: int) -> slice:
        return slice(int(edges[k]), int(edges[k + 1]))

    def points(self, xy: Points) -> Points:
        i = np.searchsorted(self.rows, xy[:, 1] + 0.5, side="right") - 1
        i = np.clip(i, 0, len(self.rows) - 2)
        j = np.searchsorted(self.columns, xy[:, 0] + 0.5, side="right") - 1
        j = np.clip(j, 0, len(self.columns) - 2)
        return np.asarray(xy + self.move[i * (len(self.columns) - 1) + j])

    def boxes(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the bound of all pieces of each box."""
        result = table.copy()
        rows, columns = self.rows - 0.5, self.columns - 0.5
        for k, (x0, y0, x1, y1) in enumerate(table[:, :4]):
            left, right = np.maximum(columns[:-1], x0), np.minimum(columns[1:], x1)
            top, bottom = np.maximum(rows[:-1], y0), np.minimum(rows[1:], y1)
            met = ((bottom > top)[:, None] & (right > left)[None, :]).ravel()
            if not met.any():
                continue
            low = np.dstack(np.meshgrid(left, top)).reshape(-1, 2)[met] + self.move[met]
            high = np.dstack(np.meshgrid(right, bottom)).reshape(-1, 2)[met] + self.move[met]
            result[k, :2], result[k, 2:4] = low.min(axis=0), high.max(axis=0)
        return result

    def keypoints(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Tiles neither turn nor grow."""
        result = table.copy()
        result[:, :2] = self.points(table[:, :2])
        return result
