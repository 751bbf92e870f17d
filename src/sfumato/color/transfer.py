"""Between the numbers in an sRGB file and the light that they stand for.

The curve is that of IEC 61966-2-1, with its linear toe: a power of 2.2 is up to
0.03 away from it.

References:
    IEC 61966-2-1:1999. Default RGB colour space: sRGB.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sfumato.core.shapes import from_unit, full_range
from sfumato.errors import DtypeError

__all__ = ["linear_to_srgb", "srgb_to_linear"]

TOE_ENCODED = 0.04045
TOE_LINEAR = 0.0031308


def srgb_to_linear(image: NDArray[Any]) -> NDArray[np.float32]:
    """Give the linear light of sRGB values.

    Float values beyond 0..1 follow the same curve, negative ones mirrored, so
    that nothing is lost on the way to light and back.

    Args:
        image: encoded values: uint8, uint16 or float32 with white at 1.

    Shape:
        any; an alpha channel is not encoded, keep it out.

    Raises:
        DtypeError: the dtype is none of uint8, uint16, float32.

    Example:
        >>> srgb_to_linear(np.array([0, 188, 255], np.uint8)).round(3).tolist()
        [0.0, 0.503000020980835, 1.0]
    """
    white = full_range(image.dtype)
    if image.dtype != np.float32:
        codes = np.arange(int(white) + 1, dtype=np.float64) / white
        return np.asarray(_decode(codes).astype(np.float32)[image])
    return np.asarray(_decode(image), dtype=np.float32)


def linear_to_srgb(light: NDArray[Any], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Give the sRGB values of linear light.

    Args:
        light: float32, display white at 1.
        dtype: what to give back; uint8 and uint16 are clipped and rounded,
            float32 keeps light above white.

    Shape:
        any.

    Raises:
        DtypeError: the light is not float32, or the dtype is no picture's.

    Example:
        >>> linear_to_srgb(np.array([0.0, 0.5, 1.0, 4.0], np.float32), np.uint8).tolist()
        [0, 188, 255, 255]
    """
    if light.dtype != np.float32:
        raise DtypeError(
            f"linear_to_srgb: linear light is float32, got {light.dtype}",
            hint="integers have too few steps for linear light in the shadows",
        )
    return from_unit(np.asarray(_encode(light), dtype=np.float32), dtype)


def _decode(values: NDArray[Any]) -> NDArray[Any]:
    size = np.abs(values)
    curve = np.power((size + 0.055) / 1.055, 2.4)
    return np.asarray(np.copysign(np.where(size <= TOE_ENCODED, size / 12.92, curve), values))


def _encode(light: NDArray[Any]) -> NDArray[Any]:
    size = np.abs(light)
    curve = 1.055 * np.power(size, 1.0 / 2.4) - 0.055
    return np.asarray(np.copysign(np.where(size <= TOE_LINEAR, size * 12.92, curve), light))
