"""Bend a picture as if it were printed on rubber."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._field import DenseField, add_places
from sfumato.augment._motion import Motion
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng

__all__ = ["ElasticTransform"]

SMOOTH_CELLS = 4.0
"""Width of the smoothing in cells of the grid that the noise is drawn on."""
APPROXIMATE_KERNEL = 17
MAX_SIGMA = 2000.0


class ElasticTransform(Resampled):
    """Move every pixel by smoothed noise.

    The field has the statistics of white noise of unit strength, one value a pixel, smoothed
    by a Gaussian and scaled by ``alpha``. A wide Gaussian leaves nothing fine behind, so the
    noise is drawn and smoothed on a coarser grid, at the strength that gives the same field.

    Args:
        alpha: strength; the moves have a standard deviation of about alpha / (3.5 sigma) pixels.
        sigma: width of the Gaussian in pixels.
        approximate: smooth by a kernel of 17 pixels, whatever ``sigma`` is.
        same_dxdy: move by as much along x as along y.
        noise_distribution: of the noise: normal, or even between -1 and 1.
        keypoint_remapping_method: kept for older code; points are always moved exactly.

    References:
        P. Simard, D. Steinkraus, J. Platt. Best practices for convolutional neural networks
        applied to visual document analysis. ICDAR, 2003.
    """

    alpha: Annotated[float, Between(0.0)] = 1.0
    sigma: Annotated[float, Between(0.1, MAX_SIGMA)] = 50.0
    approximate: bool = False
    same_dxdy: bool = False
    noise_distribution: Literal["gaussian", "uniform"] = "gaussian"
    keypoint_remapping_method: Literal["direct", "mask"] = "mask"

    order = ("alpha", "sigma", "interpolation", "approximate", "same_dxdy", "mask_interpolation",
             "noise_distribution", "keypoint_remapping_method", "border_mode", "fill",
             "fill_mask", "p")  # fmt: skip
    legacy = {**Resampled.legacy, "alpha_affine": None}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"seed": int(rng.integers(2**63))}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        rng = np.random.default_rng(params["seed"])
        planes = 1 if self.same_dxdy else 2
        if self.approximate:
            field = self._noise(rng, (*size, planes))
            kernel = (APPROXIMATE_KERNEL, APPROXIMATE_KERNEL)
            field = cv2.GaussianBlur(field, kernel, self.sigma)
        else:
            field = self._smooth_noise(rng, size, planes)
        field = field.reshape(*size, planes) * np.float32(self.alpha)
        if planes == 1:
            field = np.repeat(field, 2, axis=2)
        return DenseField(add_places(field))

    def _noise(self, rng: Rng, shape: tuple[int, ...]) -> NDArray[np.float32]:
        if self.noise_distribution == "gaussian":
            return rng.standard_normal(shape, dtype=np.float32)
        return rng.random(shape, dtype=np.float32) * np.float32(2.0) - np.float32(1.0)

    def _smooth_noise(self, rng: Rng, size: tuple[int, int], planes: int) -> NDArray[np.float32]:
        height, width = size
        cell = max(1.0, self.sigma / SMOOTH_CELLS)
        rows, columns = max(2, math.ceil(height / cell)), max(2, math.ceil(width / cell))
        if cell < 1.5:  # hardly coarser: not worth a second resampling
            field = self._noise(rng, (height, width, planes))
            return cv2.GaussianBlur(field, (0, 0), self.sigma)  # type: ignore[no-any-return]
        # A cell stands for as many pixels as it covers: their mean has that much less variance.
        y_cell, x_cell = height / rows, width / columns
        field = self._noise(rng, (rows, columns, planes))
        field *= np.float32(1.0 / math.sqrt(y_cell * x_cell))
        smooth = cv2.GaussianBlur(
            field, (0, 0), sigmaX=self.sigma / x_cell, sigmaY=self.sigma / y_cell
        )
        return cv2.resize(  # type: ignore[no-any-return]
            smooth, (width, height), interpolation=cv2.INTER_CUBIC
        )
