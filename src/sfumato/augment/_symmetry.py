"""The eight symmetries of a square, exact to the bit for any dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Motion, Resampling
from sfumato.core.opencv import cv2

__all__ = ["ELEMENTS", "Symmetry", "flip", "transpose"]

ELEMENTS = ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")
"""Identity, turns counter-clockwise, flip up-down, other diagonal, flip left-right, transpose."""

_BYTES = {1: np.uint8, 2: np.uint16, 4: np.int32, 8: np.float64}

# x' = a x + b y, y' = c x + d y, then moved back into the picture.
_LINEAR = {
    "e": (1, 0, 0, 1), "r90": (0, 1, -1, 0), "r180": (-1, 0, 0, -1), "r270": (0, -1, 1, 0),
    "v": (1, 0, 0, -1), "hvt": (0, -1, -1, 0), "h": (-1, 0, 0, 1), "t": (0, 1, 1, 0),
}  # fmt: skip
_FLIP_CODES = {"h": 1, "v": 0, "r180": -1}
_TURN_CODES = {"r90": cv2.ROTATE_90_COUNTERCLOCKWISE, "r270": cv2.ROTATE_90_CLOCKWISE}


class Symmetry(Motion):
    """One of the eight ways to lay a picture onto its own grid."""

    def __init__(self, element: str, size: tuple[int, int]) -> None:
        self.element, self.source = element, size
        self.size = size if _LINEAR[element][0] else (size[1], size[0])

    @property
    def matrix(self) -> NDArray[np.float64]:  # type: ignore[override]
        """Built when it is asked for: a picture alone does not need it."""
        height, width = self.source
        a, b, c, d = _LINEAR[self.element]
        x_shift = (a < 0) * (width - 1) + (b < 0) * (height - 1)
        y_shift = (c < 0) * (width - 1) + (d < 0) * (height - 1)
        return np.array([[a, b, x_shift], [c, d, y_shift], [0, 0, 1]], np.float64)

    def image(self, plane: NDArray[Any], how: Resampling) -> NDArray[Any]:
        element = self.element
        if element == "e":
            return plane
        if element in _FLIP_CODES:
            return flip(plane, _FLIP_CODES[element])
        if element == "t":
            return transpose(plane)
        if element == "hvt":
            return flip(transpose(plane), -1)
        return _bytewise(plane, lambda raw: cv2.rotate(raw, _TURN_CODES[element]))


def flip(plane: NDArray[Any], code: int) -> NDArray[Any]:
    """Mirror left-right (1), up-down (0) or both (-1)."""
    if plane.dtype == np.uint8 and plane.ndim == 3 and plane.shape[2] == 3:
        return cv2.flip(plane, code)  # type: ignore[no-any-return] # the usual case, at once
    return _bytewise(plane, lambda raw: cv2.flip(raw, code))


def transpose(plane: NDArray[Any]) -> NDArray[Any]:
    """Swap rows and columns."""
    return _bytewise(plane, cv2.transpose)


def _bytewise(plane: NDArray[Any], move: Any) -> NDArray[Any]:
    """Move pixels as bare bytes: OpenCV then takes any dtype, and any number of channels."""
    kind = _BYTES.get(plane.dtype.itemsize)
    channels = plane.shape[2] if plane.ndim == 3 else 1
    if kind is None or channels * plane.dtype.itemsize > 32 or channels > 4:
        blocks = [
            _bytewise(np.ascontiguousarray(plane[..., k : k + 4]), move).reshape(
                *_turned(plane, move), -1
            )
            for k in range(0, channels, 4)
        ]
        return np.concatenate(blocks, axis=2)
    raw = plane if plane.dtype == kind else plane.view(kind)
    moved = np.asarray(move(raw))
    if moved.ndim < plane.ndim:
        moved = moved[..., None]
    return moved if plane.dtype == kind else moved.view(plane.dtype)


def _turned(plane: NDArray[Any], move: Any) -> tuple[int, int]:
    probe = np.zeros(plane.shape[:2], np.uint8)
    height, width = np.asarray(move(probe)).shape[:2]
    return height, width
