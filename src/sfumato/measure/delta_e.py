"""Color difference as people see it."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.metric import Metric
from sfumato.core.shapes import Image, to_unit
from sfumato.errors import ShapeError

__all__ = ["DeltaE2000", "delta_e_2000", "srgb_to_lab"]

Array: TypeAlias = NDArray[np.float64]

BAND_ROWS = 128
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = TO_XYZ.sum(axis=1)
"""The white of D65, so that R = G = B is neutral to the last digit."""
FAR = 25.0**7


def srgb_to_lab(image: Image) -> Array:
    """Turn sRGB values into CIE L*a*b* under D65.

    Args:
        image: display values in sRGB encoding; float values below 0 are encoded as
            their mirror image.

    Shape:
        (h, w, 3) to float64 (h, w, 3): L* 0 to 100, a*, b*.

    Raises:
        ShapeError: not three channels.
        DtypeError: not uint8, uint16 or float32.

    Example:
        >>> srgb_to_lab(np.array([[[255, 0, 0]]], np.uint8)).round(2).tolist()
        [[[53.24, 80.09, 67.2]]]
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError(f"srgb_to_lab: expected (h, w, 3), got {image.shape}")
    encoded = to_unit(image).astype(np.float64)
    size = np.abs(encoded)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    xyz = (np.copysign(linear, encoded) @ TO_XYZ.T) / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def delta_e_2000(first: NDArray[Any], second: NDArray[Any]) -> Array:
    """Give the CIEDE2000 difference of CIE L*a*b* colors.

    About 1 is just seen side by side. Symmetric, 0 only for equal colors, meant for
    differences below 5 or so. The weights k_L, k_C, k_H are 1.

    Shape:
        both (..., 3); returns (...).

    Raises:
        ShapeError: the last axis is not L*, a*, b*.

    Example:
        >>> one, other = np.array([50.0, 2.5, 0.0]), np.array([73.0, 25.0, -18.0])
        >>> round(float(delta_e_2000(one, other)), 4)
        27.1492

    References:
        G. Sharma, W. Wu, E. Dalal. The CIEDE2000 Color-Difference Formula. Color
        Research & Application, 2005. doi:10.1002/col.20070
    """
    lab1, lab2 = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if lab1.shape[-1:] != (3,) or lab2.shape[-1:] != (3,):
        raise ShapeError(f"delta_e_2000: expected (..., 3), got {lab1.shape} and {lab2.shape}")
    mean_chroma = (np.hypot(lab1[..., 1], lab1[..., 2]) + np.hypot(lab2[..., 1], lab2[..., 2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(mean_chroma**7 / (mean_chroma**7 + FAR))
    c1, h1 = _polar(lab1, stretch)
    c2, h2 = _polar(lab2, stretch)
    neutral = c1 * c2 == 0
    turn = np.where(neutral, 0.0, (h2 - h1 + 180.0) % 360.0 - 180.0)
    # Opposite hues lie half a turn apart either way: the standard takes the positive one.
    turn = np.where((turn == -180.0) & (h2 > h1), 180.0, turn)
    hue = np.where(neutral, h1 + h2, _mean_hue(h1, h2))
    light, chroma = (lab1[..., 0] + lab2[..., 0]) / 2, (c1 + c2) / 2
    d_light, d_chroma = lab2[..., 0] - lab1[..., 0], c2 - c1
    d_hue = 2.0 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    bend = (light - 50.0) ** 2
    s_light = 1.0 + 0.015 * bend / np.sqrt(20.0 + bend)
    s_hue = 1.0 + 0.015 * chroma * _hue_weight(hue)
    blue = np.radians(60.0 * np.exp(-(((hue - 275.0) / 25.0) ** 2)))
    rotation = -2.0 * np.sqrt(chroma**7 / (chroma**7 + FAR)) * np.sin(blue)
    l_part, c_part, h_part = d_light / s_light, d_chroma / (1 + 0.045 * chroma), d_hue / s_hue
    square = l_part**2 + c_part**2 + h_part**2 + rotation * c_part * h_part
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _polar(lab: Array, stretch: Array) -> tuple[Array, Array]:
    """Give chroma and hue in degrees of 0 to 360, a* stretched."""
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0


def _mean_hue(h1: Array, h2: Array) -> Array:
    total, far = h1 + h2, np.abs(h1 - h2) > 180.0
    return np.where(far, np.where(total < 360.0, total + 360.0, total - 360.0), total) / 2


def _hue_weight(hue: Array) -> Array:
    angles = np.radians([hue - 30.0, 2 * hue, 3 * hue + 6.0, 4 * hue - 63.0])
    a, b, c, d = np.cos(angles)
    return np.asarray(1.0 - 0.17 * a + 0.24 * b + 0.32 * c - 0.20 * d)


class DeltaE2000(Metric):
    """Give the mean CIEDE2000 difference of two pictures in sRGB.

    Range 0 to about 100, best 0; 1 is just seen side by side, and below 2 over a
    whole picture hardly. Grey pictures are compared as R = G = B. Flat pictures are
    like any others. NaN is refused.

    Shape:
        prediction and target (h, w, 1 or 3) or (h, w).

    Raises:
        ShapeError: the shapes differ, or there are neither 1 nor 3 channels.
        DtypeError: the dtypes differ.
        RangeError: NaN or infinity.

    Example:
        >>> one, other = (np.full((2, 2, 3), v, np.uint8) for v in (128, 130))
        >>> round(DeltaE2000()(other, one), 3)
        0.753
    """

    higher_is_better = False
    value_range = (0.0, math.inf)

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        pair = super().check_pair(prediction, target)
        if pair[0].shape[2] not in (1, 3):
            raise ShapeError(
                f"DeltaE2000: expected 1 or 3 channels, got {pair[0].shape[2]}",
                hint="take the alpha channel off: image[..., :3]",
            )
        return pair

    def score(self, prediction: Image, target: Image) -> float:
        bands = range(0, target.shape[0], BAND_ROWS)
        total = sum(float(self._difference(prediction, target, top).sum()) for top in bands)
        return float(total / (target.shape[0] * target.shape[1]))

    def map(self, prediction: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float32]:
        """Give the difference at every pixel, float32 (h, w)."""
        first, second = self.check_pair(prediction, target)
        bands = range(0, second.shape[0], BAND_ROWS)
        parts = [self._difference(first, second, top).astype(np.float32) for top in bands]
        return np.concatenate(parts)

    def _difference(self, prediction: Image, target: Image, top: int) -> Array:
        rows = slice(top, top + BAND_ROWS)
        first, second = (
            np.broadcast_to(image[rows], (*image[rows].shape[:2], 3))
            for image in (prediction, target)
        )
        return delta_e_2000(srgb_to_lab(first), srgb_to_lab(second))
