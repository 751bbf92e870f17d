"""Values exchanged by table: one look-up a value, however costly the curve."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range

__all__ = ["add_by_channel", "apply_table", "apply_tone", "levels_of", "scale_by_channel"]

try:
    # The extra "tables": looks up 64 bytes at a time; without it OpenCV takes four times as long.
    _translate: Any = importlib.import_module("stringzilla").translate
except (ImportError, AttributeError):
    _translate = None


def levels_of(image: Image) -> NDArray[np.float32]:
    """Give every value that an integer picture can have, 0 to white."""
    return np.arange(int(full_range(image.dtype)) + 1, dtype=np.float32)


def apply_table(image: Image, table: NDArray[Any]) -> Image:
    """Exchange each value v of an integer picture by ``table[v]``, or ``table[v, channel]``.

    Shape:
        image (h, w, c); table (256,) or (65536,), or with a further axis c.
    """
    if table.ndim == 2 and table.shape[1] == 1:
        table = table[:, 0]
    table = np.ascontiguousarray(table)
    if table.ndim == 2:
        return _by_channel(np.ascontiguousarray(image), table)
    if image.dtype == np.uint8 and table.dtype == np.uint8 and _translate is not None:
        out = image.copy(order="C")
        _translate(memoryview(out.reshape(-1)), memoryview(table), inplace=True)  # type: ignore[arg-type]
        return out
    if image.dtype == np.uint8 and table.dtype == np.uint8:
        return cv2.LUT(image, table).reshape(image.shape)  # type: ignore[no-any-return]
    out = np.empty(image.shape, table.dtype)
    _look_up(np.ascontiguousarray(image).reshape(-1), table, out.reshape(-1))
    return out


def apply_tone(
    image: Image, curve: Callable[[NDArray[np.float32]], NDArray[Any]], *, nearest: bool = False
) -> Image:
    """Send every value through a curve of the unit range.

    Args:
        image: integers go through a table, floats through the curve itself.
        curve: takes and gives float arrays, white at 1; what it gives is clipped.
        nearest: round to the nearest level; else down, as albumentations mostly does.
    """
    if image.dtype == np.float32:
        return np.clip(curve(image), 0.0, 1.0).astype(np.float32, copy=False)  # type: ignore[no-any-return]
    white = full_range(image.dtype)
    # In double precision, so that a curve through a level hits it also after rounding down.
    table = curve(np.arange(int(white) + 1) / white) * white  # type: ignore[arg-type]
    table = np.clip(np.rint(table) if nearest else table, 0.0, white)
    return apply_table(image, table.astype(image.dtype))


def add_by_channel(image: Image, shifts: NDArray[np.float32]) -> Image:
    """Add one number a channel and end at black and white; integers get it cut to a whole one."""
    white = full_range(image.dtype)
    channels = image.shape[2]
    each = np.broadcast_to(shifts, (channels,))
    if image.dtype == np.uint8:
        row = np.tile(np.trunc(each).clip(-255, 255).astype(np.int16), image.shape[1])
        rows = np.ascontiguousarray(image).reshape(image.shape[0], -1)
        out = np.empty_like(rows)
        _add_row(rows, row, out)
        return out.reshape(image.shape)
    if image.dtype == np.uint16:
        table = np.clip(levels_of(image)[:, None] + np.trunc(each), 0.0, white)
        return apply_table(image, table.astype(np.uint16))
    return np.clip(image + each.astype(np.float32), 0.0, 1.0)  # type: ignore[no-any-return]


def scale_by_channel(image: Image, factors: NDArray[np.float32]) -> Image:
    """Multiply by one number a channel and end at white; integers are rounded down."""
    white = full_range(image.dtype)
    each = np.broadcast_to(np.asarray(factors, np.float32), (image.shape[2],))
    if image.dtype == np.float32:
        return np.clip(image * each, 0.0, 1.0)
    if (each == each[0]).all():
        table = np.clip(levels_of(image) * each[0], 0.0, white)
    else:
        table = np.clip(levels_of(image)[:, None] * each, 0.0, white)
    return apply_table(image, table.astype(image.dtype))


def _by_channel(image: Image, table: NDArray[Any]) -> Image:
    out = np.empty(image.shape, table.dtype)
    if _translate is not None and image.shape[2] == 3 and table.dtype == image.dtype == np.uint8:
        # Each table on the whole picture, and of each result its channel, is still faster.
        for channel in range(3):
            full = apply_table(image, table[:, channel])
            if channel == 0:
                out = full
                continue
            _take_channel(full.reshape(-1), _stripes(image.shape[1], channel), out.reshape(-1))
        return out
    _look_up_by_channel(image, table, out)
    return out


@functools.lru_cache(maxsize=16)
def _stripes(width: int, channel: int) -> NDArray[np.uint8]:
    mask = np.zeros(3 * width, np.uint8)
    mask[channel::3] = 255
    return mask


@compiled
def _take_channel(values: Any, mask: Any, out: Any) -> None:
    width = mask.size
    for start in range(0, values.size, width):
        row, to = values[start : start + width], out[start : start + width]
        for x in range(width):
            old = np.uint8(to[x] & np.uint8(~mask[x]))
            to[x] = np.uint8(old | np.uint8(row[x] & mask[x]))


@compiled
def _look_up(values: Any, table: Any, out: Any) -> None:
    for i in range(values.size):
        out[i] = table[values[i]]


@compiled
def _look_up_by_channel(image: Any, table: Any, out: Any) -> None:
    height, width, channels = image.shape
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                out[y, x, c] = table[image[y, x, c], c]


@compiled
def _add_row(rows: Any, shifts: Any, out: Any) -> None:
    height, width = rows.shape
    for y in range(height):
        for x in range(width):
            # In 16 bits throughout, so that a vector holds as many as it can.
            value = np.int16(np.int16(rows[y, x]) + shifts[x])
            if value < 0:
                value = np.int16(0)
            if value > 255:
                value = np.int16(255)
            out[y, x] = np.uint8(value)
