"""Remove noise of standard deviation 1 that is the same everywhere.

Both denoisers get the four sites of a mosaic as one picture of four planes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import MissingExtraError

__all__ = ["denoise_nlm", "denoise_wavelet"]

Planes = NDArray[np.float32]

PATCH_PX, SEARCH_PX, REACH = 3, 15, 1.7
"""Found on Kodak pictures at three noise levels. A site is every other pixel: patches are small."""
CODES_PER_SIGMA, MOST_CODES = 200.0, 60000.0

LEVELS, WINDOW_PX, TAKEN_OFF = 4, 5, 1.3
WAVELET = "db2"
LEAST_WAVELET_SIDE = 2 * 2**LEVELS
TURN = np.array([[1, 1, 1, 1], [1, 0, 0, -1], [0, 1, -1, 0], [1, -1, -1, 1]], np.float64)
TURN /= np.linalg.norm(TURN, axis=1, keepdims=True)
"""Lightness of a cell and three differences; orthonormal, so noise stays white and 1. It is
the same for every Bayer pattern up to signs and order."""


def denoise_nlm(planes: Planes, strength: float) -> Planes:
    """Average each place with those that look alike, by OpenCV's non-local means.

    The four sites are compared together and averaged with the same weights.

    Shape:
        (h, w, 4), and the same back.
    """
    low, high = float(planes.min()), float(planes.max())
    scale = min(CODES_PER_SIGMA, MOST_CODES / max(high - low, 1e-6))
    codes = np.rint((planes - low) * np.float32(scale)).astype(np.uint16)
    reach = [REACH * strength * scale] * planes.shape[2]
    found = cv2.fastNlMeansDenoising(
        np.ascontiguousarray(codes), reach, None, PATCH_PX, SEARCH_PX, cv2.NORM_L1
    )
    return np.asarray(found.reshape(planes.shape) / np.float32(scale) + np.float32(low), np.float32)


def denoise_wavelet(planes: Planes, strength: float) -> Planes:
    """Shrink undecimated wavelet coefficients by how much stands out of the noise around them.

    Works on lightness and differences of the cells. Each coefficient is multiplied by
    s / (s + n), n the variance of the noise there and s the mean square over a small window less
    1.3 times n, at least 0.

    Shape:
        (h, w, 4), and the same back.
    """
    wavelets = _wavelets()
    height, width = planes.shape[:2]
    whole = 2**LEVELS
    below, beside = (max(-n % whole, LEAST_WAVELET_SIDE - n) for n in (height, width))
    turned = cv2.transform(planes, TURN.astype(np.float32))
    for k in range(planes.shape[2]):
        plane = np.pad(turned[..., k], ((0, below), (0, beside)), mode="symmetric")
        levels = wavelets.swt2(plane, WAVELET, LEVELS, norm=True, trim_approx=True)
        for j, details in enumerate(levels[1:]):
            noise = (strength * 0.5 ** (LEVELS - j)) ** 2
            levels[j + 1] = tuple(_shrunk(detail, noise) for detail in details)
        turned[..., k] = wavelets.iswt2(levels, WAVELET, norm=True)[:height, :width]
    return np.asarray(cv2.transform(turned, TURN.T.astype(np.float32)), np.float32)


def _shrunk(detail: NDArray[Any], noise: float) -> NDArray[Any]:
    energy = cv2.blur(detail * detail, (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_REFLECT)
    signal = np.maximum(energy - np.float32(TAKEN_OFF * noise), 0.0)
    return np.asarray(detail * (signal / (signal + np.float32(noise))))


def _wavelets() -> Any:
    try:
        import pywt  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingExtraError(
            "DenoiseRaw: the method 'wavelet' needs PyWavelets",
            hint='pip install "sfumato[raw]", or take the method nlm',
        ) from error
    return pywt
