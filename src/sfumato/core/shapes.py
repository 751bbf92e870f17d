"""What an array must look like to be a picture, and how its values are scaled.

A picture is ``(h, w, c)``: uint8 or uint16 over their full range, or float32
with display values in 0..1 (linear light may exceed 1). Nothing here guesses:
an array of another kind is refused.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sfumato.errors import DtypeError, ShapeError

__all__ = [
    "Boxes",
    "FloatImage",
    "Image",
    "Mask",
    "Points",
    "Stack",
    "check_image",
    "check_stack",
    "from_unit",
    "full_range",
    "stack_frames",
    "to_unit",
]

Image: TypeAlias = NDArray[Any]
"""uint8, uint16 or float32, ``(h, w, c)``."""
Stack: TypeAlias = NDArray[Any]
"""As `Image` with the frames first, ``(n, h, w, c)``."""
FloatImage: TypeAlias = NDArray[np.float32]
"""float32, ``(h, w, c)`` or ``(h, w)``, unit range unless linear light."""
Mask: TypeAlias = NDArray[Any]
"""Integer or bool, ``(h, w)``."""
Points: TypeAlias = NDArray[Any]
"""float, ``(k, 2)``: x then y, pixel centres at integers."""
Boxes: TypeAlias = NDArray[Any]
"""float, ``(k, 4)``: x0 y0 x1 y1 in the same coordinates as points."""

FULL_RANGE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(np.float32): 1.0}


def full_range(dtype: DTypeLike) -> float:
    """Give the value that stands for white: 255, 65535 or 1.

    Raises:
        DtypeError: the dtype is none of uint8, uint16, float32.
    """
    try:
        return FULL_RANGE[np.dtype(dtype)]
    except KeyError:
        raise DtypeError(
            f"a picture is uint8, uint16 or float32, got {np.dtype(dtype)}",
            hint="convert it first and say the range: float64 in 0..1 by .astype(np.float32)",
        ) from None


def check_image(image: Any, who: str) -> Image:
    """Return the array if it is a picture ``(h, w, c)``, refuse it otherwise.

    Raises:
        DtypeError: not an array, or not uint8, uint16, float32.
        ShapeError: not three-dimensional, or empty.
    """
    return _checked(image, who, 3, "(h, w, c)")


def check_stack(stack: Any, who: str) -> Stack:
    """Return the array if it is a stack ``(n, h, w, c)``, refuse it otherwise.

    Raises:
        DtypeError: not an array, or not uint8, uint16, float32.
        ShapeError: not four-dimensional, or empty.
    """
    return _checked(stack, who, 4, "(n, h, w, c)")


def _checked(array: Any, who: str, dimensions: int, form: str) -> NDArray[Any]:
    if not isinstance(array, np.ndarray):
        raise DtypeError(f"{who}: expected an array {form}, got {type(array).__name__}")
    if array.ndim != dimensions:
        hint = "add the channel axis: image[..., None]" if array.ndim == dimensions - 1 else None
        raise ShapeError(f"{who}: expected {form}, got shape {array.shape}", hint=hint)
    if 0 in array.shape:
        raise ShapeError(f"{who}: the picture is empty, shape {array.shape}")
    full_range(array.dtype)
    return array


def stack_frames(frames: Any, who: str) -> Stack:
    """Put equal pictures into one stack.

    Raises:
        ShapeError: no frames, or frames of different shapes (the first odd one is named).
        DtypeError: frames of different dtypes.
    """
    arrays = [check_image(frame, f"{who}: frame {k + 1}") for k, frame in enumerate(frames)]
    if not arrays:
        raise ShapeError(f"{who}: no frames were given")
    first = arrays[0]
    for k, frame in enumerate(arrays[1:], start=2):
        if frame.shape != first.shape:
            raise ShapeError(
                f"{who}: frame {k} is {_size(frame)}, frame 1 is {_size(first)}",
                hint="frames of one series must have the same size and channels",
            )
        if frame.dtype != first.dtype:
            raise DtypeError(f"{who}: frame {k} is {frame.dtype}, frame 1 is {first.dtype}")
    return np.stack(arrays)


def _size(image: Image) -> str:
    height, width, channels = image.shape
    return f"{width} x {height} px with {channels} channel{'s' if channels > 1 else ''}"


def to_unit(image: NDArray[Any]) -> NDArray[np.float32]:
    """Scale to float32 with white at 1; float32 pictures are copied as they are."""
    white = full_range(image.dtype)
    if image.dtype == np.float32:
        return image.copy()
    scaled: NDArray[np.float32] = np.multiply(image, np.float32(1.0 / white), dtype=np.float32)
    return scaled


def from_unit(image: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Scale from white at 1 to a dtype: integers are clipped and rounded, float32 is kept."""
    white = full_range(dtype)
    if np.dtype(dtype) == np.float32:
        return image.astype(np.float32)
    scaled = np.rint(np.clip(image, 0.0, 1.0) * np.float32(white))
    return np.asarray(scaled, dtype)
