"""Look at a picture from another side."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Motion
from sfumato.augment._projective import Projective
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.affine import fitted
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["Perspective"]

FARTHEST = 0.32
"""Beyond a third of the side the corners could change places."""


class Perspective(Resampled):
    """Draw a quadrangle near the corners, and let it become the whole picture.

    Args:
        scale: the standard deviation of the corners' moves, a share of the size, is drawn from
            here.
        keep_size: scale the result to the size of the picture.
        fit_output: change what is in view so that all of the picture is.
    """

    scale: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.05, 0.1)
    keep_size: bool = True
    fit_output: bool = False

    order = ("scale", "keep_size", "fit_output", "interpolation", "mask_interpolation",
             "border_mode", "fill", "fill_mask", "p")  # fmt: skip
    order_1_3 = ("scale", "keep_size", "border_mode", "fill", "fill_mask", "fit_output",
                 "interpolation", "p")  # fmt: skip
    defaults_1_3 = {}
    shorthand = {**Resampled.shorthand, "scale": from_low(0.0)}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        spread = rng.uniform(*self.scale)
        inward = np.mod(np.abs(rng.normal(0.0, spread, (4, 2))), FARTHEST)
        return {"inward": inward.tolist()}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        height, width = size
        inward = np.asarray(params["inward"]) * (width, height)
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        toward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        quad = corners + toward * inward
        sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
        out = (
            max(2, round(float(max(sides[1], sides[3])))),
            max(2, round(float(max(sides[0], sides[2])))),
        )
        target = np.array([[0, 0], [out[1], 0], [out[1], out[0]], [0, out[0]]], np.float64)
        # Corners are edges of pixels, whose centers are at whole numbers.
        matrix = _between((quad - 0.5), (target - 0.5))
        if self.fit_output:
            matrix, out = fitted(matrix, size)
        if self.keep_size:
            x, y = width / out[1], height / out[0]
            resize = np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1.0]])
            matrix, out = resize @ matrix, size
        return Projective(matrix, out, size)


def _between(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the homography that sends four points to four others."""
    x, y = old.T
    u, v = new.T
    zero, one = np.zeros(4), np.ones(4)
    rows = [
        np.column_stack([x, y, one, zero, zero, zero, -u * x, -u * y]),
        np.column_stack([zero, zero, zero, x, y, one, -v * x, -v * y]),
    ]
    solved = np.linalg.solve(np.concatenate(rows), np.concatenate([u, v]))
    return np.append(solved, 1.0).reshape(3, 3)
