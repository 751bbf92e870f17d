"""Cut a picture into overlapping windows, and blend the answers back without a seam."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import from_unit, full_range
from sfumato.errors import RangeError, ShapeError

__all__ = ["Window", "apply_tiled", "blending_weights", "tile_windows"]


class Window(NamedTuple):
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def tile_windows(size: tuple[int, int], tile_px: int, overlap_px: int = 0) -> list[Window]:
    """List windows of one size that cover every pixel, row by row.

    Neighbours overlap by at least ``overlap_px``. The windows are spread
    evenly, so the last one is as large as the others; a picture smaller than a
    tile is one window.

    Args:
        size: height and width of the picture.
        tile_px: side of a window.
        overlap_px: what neighbours share at least.

    Raises:
        RangeError: the overlap leaves no step, or a size is not positive.

    Example:
        >>> [w.left for w in tile_windows((8, 20), 8, 2)]
        [0, 6, 12]
    """
    if tile_px < 1 or not 0 <= overlap_px < tile_px:
        raise RangeError(
            f"tile_windows: tiles of {tile_px} px cannot overlap by {overlap_px} px",
            hint="the overlap must be at least 0 and smaller than the tile",
        )
    rows, columns = (_starts(length, tile_px, overlap_px) for length in size)
    height, width = min(tile_px, size[0]), min(tile_px, size[1])
    return [Window(top, left, height, width) for top in rows for left in columns]


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    if length < 1:
        raise RangeError(f"tile_windows: a picture cannot be {length} px long")
    room = max(0, length - tile)
    steps = -(-room // (tile - overlap))
    return [round(k * room / steps) for k in range(steps + 1)] if steps else [0]


def blending_weights(window: Window, size: tuple[int, int], overlap_px: int) -> NDArray[np.float32]:
    """Give each pixel of a window its weight in the blend.

    Within the overlap the weight is 0 over the outer quarter, whose pixels saw
    too few neighbours, then rises linearly to 1; it is symmetric, so two
    windows that overlap by just ``overlap_px`` add up to 1. Towards an edge of
    the picture, where there is no other window, it stays at 1.

    Shape:
        returns (window.height, window.width).
    """
    down = _ramp(window.top, window.height, size[0], overlap_px)
    across = _ramp(window.left, window.width, size[1], overlap_px)
    return np.outer(down, across).astype(np.float32)


def _ramp(start: int, length: int, full: int, overlap: int) -> NDArray[np.float64]:
    weight = np.ones(length)
    if overlap:
        centre = np.arange(length) + 0.5
        rise = np.clip((centre - overlap / 4) / (overlap / 2), 0.0, 1.0)
        weight = weight if start == 0 else np.minimum(weight, rise)
        weight = weight if start + length == full else np.minimum(weight, rise[::-1])
    return weight


def apply_tiled(
    work: Callable[[NDArray[Any]], NDArray[Any]],
    image: NDArray[Any],
    *,
    tile_px: int,
    overlap_px: int,
    progress: Callable[[Iterable[Window]], Iterable[Window]] | None = None,
) -> NDArray[Any]:
    """Run a function over a picture window by window and blend the results.

    A function that looks at most ``overlap_px / 4`` pixels far gives the same
    result as on the whole picture, except for rounding.

    Args:
        work: maps a picture (h, w, c) to one of the same height and width.
        image: the picture.
        tile_px: side of a window.
        overlap_px: what neighbouring windows share at least.
        progress: wraps the iteration, for a progress bar.

    Raises:
        ShapeError: the function changed the size.
        RangeError: as `tile_windows`.
    """
    size = image.shape[0], image.shape[1]
    windows: Iterable[Window] = tile_windows(size, tile_px, overlap_px)
    weight_sum = np.zeros((*size, 1), np.float32)
    total: NDArray[np.float32] | None = None
    dtype = image.dtype
    for window in progress(windows) if progress else windows:
        result = work(image[window.slices])
        if result.shape[:2] != (window.height, window.width):
            raise ShapeError(
                f"apply_tiled: a window of {window.height} x {window.width} px "
                f"came back as {result.shape[0]} x {result.shape[1]} px"
            )
        if total is None:
            total, dtype = np.zeros((*size, result.shape[2]), np.float32), result.dtype
        weight = blending_weights(window, size, overlap_px)[..., None]
        total[window.slices] += weight * result
        weight_sum[window.slices] += weight
    assert total is not None, "tile_windows gives at least one window"
    total /= weight_sum
    return from_unit(total / np.float32(full_range(dtype)), dtype)
