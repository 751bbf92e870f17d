"""The published pipeline of exposure fusion on whole pictures, in float64."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import full_range
from sfumato.raster.pyramid import Border, collapse, gaussian_pyramid, laplacian_pyramid

__all__ = ["GREY", "TINY", "Preference", "fuse_exactly", "weight_maps"]

Float64: TypeAlias = NDArray[np.float64]

GREY = (0.29893602, 0.58704307, 0.11402090)
"""Red, green and blue in grey, as the published code takes them."""
TINY = 1e-12
"""Added to every weight, so that areas that no frame prefers share equally."""


class Preference(NamedTuple):
    """What makes a pixel of one frame worth more than that of another."""

    contrast: float
    saturation: float
    exposure: float
    sigma: float
    optimum: float


def weight_maps(stack: NDArray[Any], preference: Preference, border: Border) -> Float64:
    """Give the weight of each frame at each pixel; they add up to 1 over the frames.

    Shape:
        (n, h, w, c) to (n, h, w).
    """
    white = full_range(stack.dtype)
    weights = np.empty(stack.shape[:3], np.float64)
    for frame, weight in zip(stack, weights, strict=True):
        weight[...] = _worth(frame.astype(np.float64), white, preference, border) + TINY
    weights /= weights.sum(axis=0)
    return weights


def _worth(image: Float64, white: float, preference: Preference, border: Border) -> Float64:
    """Multiply the three measures, each to its power."""
    worth = np.ones(image.shape[:2])
    if preference.contrast:
        worth *= (_contrast(image, border) / white) ** preference.contrast
    if preference.saturation and image.shape[2] == 3:
        worth *= (_saturation(image) / white) ** preference.saturation
    if preference.exposure:
        distance = (image / white - preference.optimum) / preference.sigma
        worth *= np.exp(-0.5 * preference.exposure * (distance**2).sum(axis=2))
    return worth


def _contrast(image: Float64, border: Border) -> Float64:
    """Take the modulus of the Laplacian of grey.

    It is formed from differences in each channel, in the scale of the picture: flat areas and
    ramps of integers then come out as 0, where rounding would decide between the frames.
    """
    # One pixel beyond the edge, symmetric is the replicated border of the paper's code.
    mode: Any = "symmetric" if border == "symmetric" or min(image.shape[:2]) == 1 else "reflect"
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode=mode)
    sides = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    laplacian = sum(side - image for side in sides)
    grey = np.array(GREY) if image.shape[2] == 3 else np.ones(1)
    return np.abs(np.tensordot(laplacian, grey, axes=1))


def _saturation(image: Float64) -> Float64:
    """Take the standard deviation over the channels, exactly 0 where they are equal."""
    differences = image - np.roll(image, 1, axis=2)
    return np.asarray(np.sqrt((differences**2).sum(axis=2)) / 3.0)


def fuse_exactly(
    stack: NDArray[Any], preference: Preference, levels: int, border: Border
) -> Float64:
    """Blend the Laplacian pyramids of all frames by Gaussian pyramids of their weights.

    Shape:
        (n, h, w, c) to (h, w, c), white at 1, not clipped.
    """
    fused: list[NDArray[Any]] = []
    for frame, weight in zip(stack, weight_maps(stack, preference, border), strict=True):
        bands = laplacian_pyramid(_unit(frame), levels, border=border)
        shares = gaussian_pyramid(weight[..., None], levels, border=border)
        mixed = [share * band for share, band in zip(shares, bands, strict=True)]
        fused = [a + b for a, b in zip(fused, mixed, strict=True)] if fused else mixed
    return collapse(fused, border=border)


def _unit(frame: NDArray[Any]) -> Float64:
    return frame.astype(np.float64) / full_range(frame.dtype)
