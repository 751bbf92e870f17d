"""Response curves: from linear light on the sensor to the numbers of a picture, and back."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import RangeError

__all__ = ["Curve", "decode_response", "encode_response"]

Curve: TypeAlias = Literal["linear", "srgb", "gamma", "filmic"]
"""``linear`` y = x; ``gamma`` y = x^(1/2.2); ``srgb`` the curve of IEC 61966-2-1;
``filmic`` an S-curve over the logarithm of light, y = (1 + k) x^p / (x^p + k) with
p = 1.2 and k = 0.18^p, with toe and shoulder."""
FILM_POWER = 1.2
FILM_HALF = 0.18**FILM_POWER
GAMMA = 2.2


def encode_response(light: Any, curve: Curve) -> NDArray[Any]:
    """Turn linear light in 0..1 into picture values in 0..1.

    Args:
        light: any shape; float64 stays float64, else float32.
        curve: which response.

    Raises:
        RangeError: the curve is unknown.

    Example:
        >>> encode_response(np.array([0.0, 0.18, 1.0]), "filmic").round(3).tolist()
        [0.0, 0.564, 1.0]
    """
    x = _float(light)
    if curve == "linear":
        return x.copy()
    if curve == "gamma":
        return np.asarray(x ** (1.0 / GAMMA))
    if curve == "srgb":
        return np.where(x <= 0.0031308, x * 12.92, 1.055 * np.maximum(x, 0) ** (1 / 2.4) - 0.055)
    if curve == "filmic":
        power = x**FILM_POWER
        return np.asarray((1.0 + FILM_HALF) * power / (power + FILM_HALF))
    raise _unknown(curve)


def decode_response(values: Any, curve: Curve) -> NDArray[Any]:
    """Turn picture values in 0..1 back into linear light; the exact inverse.

    Args:
        values: any shape; float64 stays float64, else float32.
        curve: which response.

    Raises:
        RangeError: the curve is unknown.

    Example:
        >>> bool(np.isclose(decode_response(encode_response(0.3, "filmic"), "filmic"), 0.3))
        True
    """
    y = _float(values)
    if curve == "linear":
        return y.copy()
    if curve == "gamma":
        return np.asarray(y**GAMMA)
    if curve == "srgb":
        return np.where(y <= 0.040449936, y / 12.92, ((np.maximum(y, 0) + 0.055) / 1.055) ** 2.4)
    if curve == "filmic":
        power = FILM_HALF * y / (1.0 + FILM_HALF - y)
        return np.asarray(power ** (1.0 / FILM_POWER))
    raise _unknown(curve)


def _float(values: Any) -> NDArray[Any]:
    array = np.asarray(values)
    return array.astype(np.float32 if array.dtype != np.float64 else np.float64, copy=False)


def _unknown(curve: Any) -> RangeError:
    return RangeError(f"the response {curve!r} is none of linear, srgb, gamma, filmic")
