"""Vary the stains of a histological section."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, full_range, to_unit
from sfumato.errors import SpecError

__all__ = ["HEStain"]

PRESETS: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "ruifrok": ((0.644211, 0.716556, 0.266844), (0.092789, 0.954111, 0.283111)),
    "macenko": ((0.5626, 0.7201, 0.4062), (0.2159, 0.8012, 0.5581)),
    "standard": ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11)),
    "high_contrast": ((0.55, 0.88, 0.11), (0.12, 0.86, 0.49)),
    "h_heavy": ((0.75, 0.61, 0.32), (0.04, 0.93, 0.36)),
    "e_heavy": ((0.60, 0.75, 0.28), (0.17, 0.95, 0.25)),
    "dark": ((0.78, 0.55, 0.28), (0.09, 0.97, 0.21)),
    "light": ((0.57, 0.71, 0.38), (0.15, 0.89, 0.42)),
}
"""Optical density of hematoxylin and of eosin in red, green and blue."""
DARKEST = 1e-6
BACKGROUND = 0.85
"""Luma from which on a pixel counts as glass."""
DENSE = 0.15
"""Optical density below which a pixel says nothing about the stains."""
MOST_PIXELS = 20000
PERCENT = 1.0
SPARSENESS = 0.1


class HEStain(PixelTransform):
    """Vary the stains of a section stained with hematoxylin and eosin.

    The optical density -log v of each pixel is split into amounts of the two stains by least
    squares; each amount is multiplied and shifted by what was drawn, and put back together.

    Args:
        method: take the densities of the stains from a preset, from one drawn at random, or
            measure them in the picture, as Macenko or (sparse and not negative) as Vahadane do.
        preset: which one, for the method ``preset``; none for ``standard``.
        intensity_scale_range: the two factors are drawn from here.
        intensity_shift_range: the two shifts are drawn from here.
        augment_background: vary the glass as well.

    Raises:
        ShapeError: the picture has not three channels.
        SpecError: a preset for a method that takes none.

    Example:
        >>> HEStain(p=1)(np.full((8, 8, 3), 200, np.uint8)).shape
        (8, 8, 3)

    References:
        A. C. Ruifrok, D. A. Johnston. Quantification of Histochemical Staining by Color
        Deconvolution. Analytical and Quantitative Cytology and Histology, 2001.
        M. Macenko et al. A Method for Normalizing Histology Slides for Quantitative Analysis.
        ISBI 2009. doi:10.1109/ISBI.2009.5193250
        A. Vahadane et al. Structure-Preserving Color Normalization and Sparse Stain Separation
        for Histological Images. IEEE Transactions on Medical Imaging, 2016.
        doi:10.1109/TMI.2016.2529665
    """

    method: Literal["preset", "random_preset", "vahadane", "macenko"] = "random_preset"
    preset: (
        Literal[
            "ruifrok", "macenko", "standard", "high_contrast", "h_heavy", "e_heavy", "dark", "light"
        ]
        | None
    ) = None
    intensity_scale_range: Annotated[tuple[float, float], Between(0.0, 10.0)] = (0.7, 1.3)
    intensity_shift_range: Annotated[tuple[float, float], Between(-1.0, 1.0)] = (-0.2, 0.2)
    augment_background: bool = False

    channels = (3,)

    def check(self) -> None:
        if self.preset is not None and self.method != "preset":
            raise SpecError(f"HEStain.preset: the method '{self.method}' takes none")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        params: Params = {
            "scale": rng.uniform(*self.intensity_scale_range, 2).tolist(),
            "shift": rng.uniform(*self.intensity_shift_range, 2).tolist(),
        }
        if self.method == "preset":
            params["preset"] = self.preset or "standard"
        elif self.method == "random_preset":
            params["preset"] = list(PRESETS)[int(rng.integers(len(PRESETS)))]
        return params

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "HEStain", (3,))
        if "preset" in params:
            stains = np.array(PRESETS[params["preset"]])
        else:
            stains = measure_stains(image, sparse=self.method == "vahadane")
        split = np.linalg.pinv(stains)
        # Amounts a = d split, varied a' = a scale + shift, and back d' = a' stains.
        matrix = (split * np.array(params["scale"]) @ stains).astype(np.float32)
        offset = (np.array(params["shift"]) @ stains).astype(np.float32)
        plain = (split @ stains).astype(np.float32)
        levels = image if image.dtype == np.uint8 else to_unit(image)
        white = full_range(levels.dtype)
        table = np.maximum(np.arange(256) / 255.0, DARKEST)
        out = np.empty(image.shape, np.float32)
        glass = np.float32(2.0 * white if self.augment_background else BACKGROUND * white)
        _restain(
            np.ascontiguousarray(levels), (-np.log(table)).astype(np.float32), matrix, offset,
            plain, glass, out,
        )  # fmt: skip
        np.exp(out, out=out)
        if image.dtype == np.uint8:
            return (np.minimum(out, 1.0) * np.float32(255.0)).astype(np.uint8)
        return from_unit(np.clip(out, 0.0, 1.0), image.dtype)


@compiled
def _restain(
    image: Image, density_of: Image, matrix: Image, offset: Image, plain: Image, glass: float,
    out: Image,
) -> None:  # fmt: skip
    height, width, _ = image.shape
    density = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            luma = 0.299 * image[y, x, 0] + 0.587 * image[y, x, 1] + 0.114 * image[y, x, 2]
            for c in range(3):
                if image.itemsize == 1:
                    density[c] = density_of[int(image[y, x, c])]
                else:
                    density[c] = -np.log(max(np.float32(image[y, x, c]), np.float32(1e-6)))
            stained = luma < glass
            for c in range(3):
                total = np.float32(0.0)
                for k in range(3):
                    total += density[k] * (matrix[k, c] if stained else plain[k, c])
                out[y, x, c] = -(total + (offset[c] if stained else np.float32(0.0)))


def measure_stains(image: Image, *, sparse: bool) -> NDArray[np.float64]:
    """Find the optical densities of hematoxylin and eosin in a picture, each of length 1.

    Where too little is stained, the standard ones are given.
    """
    unit = np.maximum(to_unit(image).reshape(-1, 3).astype(np.float64), DARKEST)
    density = -np.log(unit)
    density = density[(density > DENSE).all(axis=1)]
    if len(density) > MOST_PIXELS:
        density = density[:: -(-len(density) // MOST_PIXELS)]
    if len(density) < 3:
        return np.array(PRESETS["standard"])
    stains = _extremes(density)
    if sparse:
        stains = _factorized(density, stains)
    # Hematoxylin takes more of the red.
    return stains if stains[0, 0] >= stains[1, 0] else stains[::-1]


def _extremes(density: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the outermost directions in the plane of the two largest variances (Macenko)."""
    _, vectors = np.linalg.eigh(np.cov(density, rowvar=False))
    plane = vectors[:, :0:-1]
    plane = plane * np.where(plane.sum(axis=0) < 0.0, -1.0, 1.0)
    spread = density @ plane
    angles = np.arctan2(spread[:, 1], spread[:, 0])
    ends = np.percentile(angles, [PERCENT, 100.0 - PERCENT])
    stains = np.abs(np.stack([np.cos(ends), np.sin(ends)], axis=1) @ plane.T)
    unit: NDArray[np.float64] = stains / np.linalg.norm(stains, axis=1, keepdims=True)
    return unit


def _factorized(
    density: NDArray[np.float64], stains: NDArray[np.float64], rounds: int = 100
) -> NDArray[np.float64]:
    """Refine by sparse factors without negative numbers, by multiplicative steps (Vahadane)."""
    tiny = 1e-9
    amounts = np.maximum(density @ np.linalg.pinv(stains), 1e-3)
    stains = np.maximum(stains, 1e-3)
    for _ in range(rounds):
        amounts *= (density @ stains.T) / (amounts @ (stains @ stains.T) + SPARSENESS + tiny)
        stains *= (amounts.T @ density) / (amounts.T @ amounts @ stains + tiny)
        lengths = np.linalg.norm(stains, axis=1, keepdims=True)
        stains /= lengths
        amounts *= lengths.T
    return stains
