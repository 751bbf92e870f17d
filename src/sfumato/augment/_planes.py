"""Resampling of one plane of any dtype and any number of channels, through OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Fill, Resampling
from sfumato.core.opencv import cv2

__all__ = ["border_value", "pad_plane", "remap_plane", "resize_plane", "warp_plane"]

FLAGS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
    "linear_exact": cv2.INTER_LINEAR_EXACT,
    "nearest_exact": cv2.INTER_NEAREST_EXACT,
}
BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_WRAP,
    "reflect_101": cv2.BORDER_REFLECT_101,
}
# What warps do not know is done by the nearest thing that they know.
WARP_FLAGS = {**FLAGS, "area": cv2.INTER_LINEAR, "linear_exact": cv2.INTER_LINEAR,
              "nearest_exact": cv2.INTER_NEAREST}  # fmt: skip
SMOOTH_DTYPES = (np.uint8, np.uint16, np.float32)
MAX_CHANNELS = 4
MAX_SIDE = 32767
"""OpenCV warps index pixels by 16 bits."""


def border_value(fill: Fill, plane: NDArray[Any]) -> tuple[float, ...]:
    """Give one value a channel, in the units of the picture."""
    channels = plane.shape[2] if plane.ndim == 3 else 1
    if isinstance(fill, (int, float)):
        return (float(fill),) * max(channels, 4)
    values = tuple(float(value) for value in fill)
    return (values * channels)[: max(channels, len(values))] if len(values) == 1 else values


def warp_plane(
    plane: NDArray[Any], matrix: NDArray[np.float64], size: tuple[int, int], how: Resampling
) -> NDArray[Any]:
    """Send a plane through a homography into a picture of the given size."""
    flags = WARP_FLAGS[how.interpolation]
    border = BORDERS[how.border]
    extent = (size[1], size[0])
    affine = not (matrix[2, 0] or matrix[2, 1])
    if affine:
        rows = matrix[:2] / matrix[2, 2] if matrix[2, 2] != 1.0 else matrix[:2]

    def move(part: NDArray[Any], value: tuple[float, ...]) -> Any:
        if affine:
            return cv2.warpAffine(
                part, rows, extent, flags=flags, borderMode=border, borderValue=value
            )
        return cv2.warpPerspective(
            part, matrix, extent, flags=flags, borderMode=border, borderValue=value
        )

    return in_parts(plane, move, how)


def remap_plane(
    plane: NDArray[Any], x: NDArray[Any], y: NDArray[Any] | None, how: Resampling
) -> NDArray[Any]:
    """Read a plane at the places that two maps give, float32 or OpenCV's fixed-point pair."""
    flags, border = WARP_FLAGS[how.interpolation], BORDERS[how.border]

    def move(part: NDArray[Any], value: tuple[float, ...]) -> Any:
        return cv2.remap(part, x, y, flags, borderMode=border, borderValue=value)

    return in_parts(plane, move, how)


def resize_plane(plane: NDArray[Any], size: tuple[int, int], how: Resampling) -> NDArray[Any]:
    """Give a plane another size, pixel edges on pixel edges."""
    if plane.shape[:2] == size:
        return plane
    flags = FLAGS[how.interpolation]
    extent = (size[1], size[0])
    return in_parts(plane, lambda part, _: cv2.resize(part, extent, interpolation=flags), how)


def pad_plane(
    plane: NDArray[Any], sides: tuple[int, int, int, int], how: Resampling
) -> NDArray[Any]:
    """Put a frame of top, bottom, left and right around a plane."""
    height, width = plane.shape[:2]
    top, bottom, left, right = sides
    if how.border == "constant":
        shape = (height + top + bottom, width + left + right, *plane.shape[2:])
        value = border_value(how.fill, plane)
        if plane.dtype in SMOOTH_DTYPES and plane.ndim == 3 and plane.shape[2] in (1, 3, 4):
            framed = cv2.copyMakeBorder(plane, *sides, cv2.BORDER_CONSTANT, value=value)
            return framed.reshape(shape)  # type: ignore[no-any-return]
        filled = np.empty(shape, plane.dtype)
        filled[:] = value[: plane.shape[2]] if plane.ndim == 3 else value[0]
        filled[top : top + height, left : left + width] = plane
        return filled
    modes = {"replicate": "edge", "reflect": "symmetric", "wrap": "wrap", "reflect_101": "reflect"}
    mode = modes[how.border]
    if plane.dtype in SMOOTH_DTYPES and (plane.ndim == 2 or plane.shape[2] <= MAX_CHANNELS):
        framed = cv2.copyMakeBorder(plane, *sides, BORDERS[how.border])
        return framed.reshape(*framed.shape[:2], *plane.shape[2:])  # type: ignore[no-any-return]
    widths = [(top, bottom), (left, right), (0, 0)][: plane.ndim]
    if mode == "reflect" and 1 in (height, width):
        mode = "edge"  # nothing to mirror in a single row
    return np.pad(plane, widths, mode=mode)  # type: ignore[call-overload, no-any-return]


def in_parts(
    plane: NDArray[Any], move: Callable[[NDArray[Any], tuple[float, ...]], Any], how: Resampling
) -> NDArray[Any]:
    """Move a plane in a dtype that OpenCV knows, at most four channels at a time."""
    value = border_value(how.fill, plane)
    work = plane
    if plane.dtype not in SMOOTH_DTYPES:
        work = _for_opencv(plane, how.interpolation.startswith("nearest"))
    channels = work.shape[2] if work.ndim == 3 else 1
    if channels <= MAX_CHANNELS:
        result = np.asarray(move(work, value[:4]))
        if result.ndim < plane.ndim:
            result = result[..., None]
    else:
        blocks = [
            np.asarray(move(np.ascontiguousarray(work[..., k : k + 4]), value[k : k + 4]))
            for k in range(0, channels, 4)
        ]
        result = np.concatenate([b if b.ndim == 3 else b[..., None] for b in blocks], axis=2)
    if result.dtype == plane.dtype:
        return result
    if plane.dtype.kind in "iub" and result.dtype.kind == "f":
        result = np.rint(result)
    return result.astype(plane.dtype)


def _for_opencv(plane: NDArray[Any], nearest: bool) -> NDArray[Any]:
    """Choose a dtype that holds every value: labels must come out as they went in."""
    if plane.dtype == np.bool_:
        return plane.astype(np.uint8)
    if plane.dtype == np.int8:
        return plane.astype(np.int16 if nearest else np.float32)
    return plane.astype(np.float64)
