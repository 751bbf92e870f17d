"""Move the nodes of a grid inside the picture, and all between them along."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._mesh_field import MeshField
from sfumato.augment._motion import Motion
from sfumato.augment._resampled import Interpolated
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["GridElasticDeform"]


class GridElasticDeform(Interpolated):
    """Move the inner nodes of a grid by chance; the rim stays, and between nodes all follows.

    Args:
        num_grid_xy: columns and rows of cells.
        magnitude: the most that a node moves along either axis, in pixels.
    """

    num_grid_xy: Annotated[tuple[int, int], Between(1, 1000)]
    magnitude: Annotated[int, Between(1)]
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    order = ("num_grid_xy", "magnitude", "interpolation", "mask_interpolation", "p")
    _example = {"num_grid_xy": (4, 3), "magnitude": 3}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        columns, rows = self.num_grid_xy
        moves = np.zeros((rows + 1, columns + 1, 2))
        inner = moves[1:-1, 1:-1]
        inner[:] = rng.uniform(-self.magnitude, self.magnitude, inner.shape)
        return {"moves": moves}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return MeshField(np.asarray(params["moves"], np.float64), size, triangles=False)
