"""Send pictures through a color table: in bands of rows, on as many threads as OpenCV may use."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeAlias

import numpy as np
from numba import from_dtype, types
from numpy.typing import NDArray

from sfumato.color._table_kernels import tetrahedral_pixels, trilinear_pixels
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range

__all__ = ["Interpolation", "apply_curves", "interpolate"]

Interpolation: TypeAlias = Literal["tetrahedral", "trilinear"]
LOOPS = {"tetrahedral": tetrahedral_pixels, "trilinear": trilinear_pixels}
BAND_PIXELS = 2**18
"""Large enough that a band is worth a task, small enough to share evenly."""
COMPILING = threading.Lock()


def interpolate(
    image: Image,
    values: NDArray[np.float32],
    domain: tuple[NDArray[np.float64], NDArray[np.float64]],
    interpolation: Interpolation,
    out: Image,
) -> Image:
    """Look every pixel up in a table; beyond the domain its nearest value counts.

    Args:
        image: 3 channels, or 4 of which the last is kept.
        values: (n, n, n, 3), blue, green, red.
        domain: where the table begins and ends, by channel, white of the image at 1.
        interpolation: between the entries.
        out: like the image, in one piece and elsewhere; written and returned.
    """
    channels = image.shape[2]
    size, white = len(values), full_range(image.dtype)
    low, high = domain
    scale = (size - 1) / (high - low)
    affine = np.concatenate([scale / white, -low * scale]).astype(np.float32)
    bytes_in = _cells_of_bytes(size, affine)
    table = np.zeros((size**3, 4), np.float32)
    np.multiply(values.reshape(-1, 3), np.float32(white), out=table[:, :3])
    flat = table.ravel()
    source = np.ascontiguousarray(image).reshape(-1).view()
    source.flags.writeable = False  # so that read-only pictures need no second compilation
    result = out.reshape(-1)
    loop = LOOPS[interpolation]
    _compile_once(loop, source.dtype)
    step = BAND_PIXELS * channels
    bands = [slice(first, first + step) for first in range(0, source.size, step)]

    def work(band: slice) -> None:
        colors, into = source[band], result[band]
        loop(colors, channels, flat, size, affine, *bytes_in, into)
        one, done = np.zeros(2 * channels, colors.dtype), np.zeros(2 * channels, colors.dtype)
        one[:channels] = colors[-channels:]
        one.flags.writeable = False
        loop(one, channels, flat, size, affine, *bytes_in, done)
        into[-channels:] = done[:channels]

    threads = min(len(bands), max(1, cv2.getNumThreads()))
    if threads == 1:
        for band in bands:
            work(band)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, bands))
    if channels == 4:
        out[..., 3] = image[..., 3]
    return out


def _cells_of_bytes(
    size: int, affine: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Give the cell of each byte in each channel, and how far into it the byte lies."""
    spots = np.arange(256) * affine[:3, None].astype(np.float64) + affine[3:, None]
    spots = np.clip(spots, 0.0, size - 1.0)
    cells = np.minimum(spots.astype(np.int32), size - 2)
    steps = np.array([[4], [4 * size], [4 * size * size]], np.int32)
    return (cells * steps).ravel(), (spots - cells).astype(np.float32).ravel()


def _compile_once(loop: Any, dtype: np.dtype[Any]) -> None:
    """Compile or load a loop before threads ask for it all at once."""
    kind = from_dtype(dtype)
    vector = types.Array(types.float32, 1, "C")
    signature = (
        types.Array(kind, 1, "C", readonly=True), types.int64, vector, types.int64, vector,
        types.Array(types.int32, 1, "C"), vector, types.Array(kind, 1, "C"),
    )  # fmt: skip
    with COMPILING:
        if signature not in loop.signatures:
            loop.compile(signature)


def apply_curves(
    image: NDArray[np.float32],
    curves: NDArray[np.float32],
    domain: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float32]:
    """Send the first three channels of a float picture through one curve each."""
    out = image.copy()
    last = len(curves) - 1
    for channel in range(3):
        low, high = domain[0][channel], domain[1][channel]
        spot = np.clip((image[..., channel] - low) * (last / (high - low)), 0.0, last)
        spot = np.nan_to_num(spot, nan=0.0)
        out[..., channel] = np.interp(spot, np.arange(last + 1), curves[:, channel])
    return out
