"""Move the nodes of a grid, and the triangles between them along."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from sfumato.augment._mesh_field import MeshField
from sfumato.augment._motion import Motion
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import as_range
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["PiecewiseAffine"]

Count = Annotated[tuple[int, int], Between(2, 1000)]


class PiecewiseAffine(Resampled):
    """Move every node of a grid by chance; each triangle between nodes is mapped affinely.

    Args:
        scale: the standard deviation of the moves, a share of the size, is drawn from here.
        nb_rows: rows of nodes, drawn from here.
        nb_cols: columns of nodes, drawn from here.
        absolute_scale: the scale is in pixels.
        keypoint_remapping_method: kept for older code; points are always moved exactly.
    """

    scale: Annotated[tuple[float, float], Between(0.0)] = (0.03, 0.05)
    nb_rows: Count = (4, 4)
    nb_cols: Count = (4, 4)
    absolute_scale: bool = False
    keypoint_remapping_method: Literal["direct", "mask"] = "mask"

    order = ("scale", "nb_rows", "nb_cols", "interpolation", "mask_interpolation",
             "absolute_scale", "keypoint_remapping_method", "p", "border_mode", "fill",
             "fill_mask")  # fmt: skip
    order_1_3 = ("scale", "nb_rows", "nb_cols", "interpolation", "mask_interpolation", "fill",
                 "fill_mask", "border_mode", "absolute_scale", "p")  # fmt: skip
    legacy = {**Resampled.legacy, "keypoints_threshold": None}
    defaults_1_3 = {}
    shorthand = {**Resampled.shorthand, "scale": as_range, "nb_rows": as_range, "nb_cols": as_range}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        rows = int(rng.integers(self.nb_rows[0], self.nb_rows[1] + 1))
        columns = int(rng.integers(self.nb_cols[0], self.nb_cols[1] + 1))
        spread = rng.uniform(*self.scale)
        return {"moves": rng.normal(0.0, spread, (rows, columns, 2))}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        height, width = size
        offsets = np.array(params["moves"], np.float64)
        if not self.absolute_scale:
            offsets *= (width, height)
        rows, columns = offsets.shape[:2]
        x, y = np.meshgrid(np.linspace(0, width - 1, columns), np.linspace(0, height - 1, rows))
        nodes = np.dstack([x, y])
        # A node that would leave the picture stays on its rim.
        offsets = np.clip(nodes + offsets, 0.0, (width - 1, height - 1)) - nodes
        return MeshField(offsets, size, triangles=True)
