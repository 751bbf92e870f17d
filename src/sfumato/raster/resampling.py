"""Resampling with kernels that take away what the new grid cannot show."""

from __future__ import annotations

from typing import Any, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image, check_image, full_range
from sfumato.errors import DtypeError, RangeError
from sfumato.raster._taps import Kernel, apply_taps, taps_for

__all__ = ["LONGEST_PX", "Size", "resample_image"]

Size: TypeAlias = tuple[int, int]
"""Height and width."""
LONGEST_PX = 100_000


def resample_image(image: Image, size: Size, kernel: Kernel = "lanczos") -> NDArray[Any]:
    """Give a picture at a height and width.

    Pixel centres are at whole numbers: the centre of new pixel i lies at
    ``(i + 0.5) s - 0.5`` of the old picture, with s old pixels to a new one. Where a
    side shrinks the kernel is widened by s, so that detail finer than the new pixels
    averages out and does not come back as a coarser pattern. At the edges the kernel
    is cut and its weights add up to 1 again, so flat areas stay flat.

    Args:
        image: uint8, uint16 or float32.
        size: height and width to reach.
        kernel: ``area`` is the exact mean over what a new pixel covers, and keeps
            the mean of the picture; ``bicubic`` the cubic of Keys with slope -1/2;
            ``lanczos`` the windowed sinc of three lobes, the sharpest. The last two
            swing past edges: integers are clipped to their range, floats to 0..1 or
            the range of the picture where that is wider.

    Shape:
        (h, w, c) to (height, width, c).

    Raises:
        RangeError: a side below 1 or above 100000, or a value that is not finite.

    Example:
        >>> row = np.float32([[[0.0], [1.0], [1.0], [0.0]]])
        >>> resample_image(row, (1, 2), "area").ravel().tolist()
        [0.5, 0.5]

    References:
        R. Keys. Cubic Convolution Interpolation for Digital Image Processing. IEEE
        Transactions on Acoustics, Speech, and Signal Processing, 1981.
        doi:10.1109/TASSP.1981.1163711

        C. Duchon. Lanczos Filtering in One and Two Dimensions. Journal of Applied
        Meteorology, 1979. doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2
    """
    check_image(image, "resample_image")
    _check_settings(size, kernel)
    white = full_range(image.dtype)
    low, high = 0.0, white
    if image.dtype == np.float32:
        low, high = min(0.0, float(image.min())), max(1.0, float(image.max()))
        if not (np.isfinite(low) and np.isfinite(high) and not np.isnan(image.min())):
            raise RangeError(
                "resample_image: the picture holds NaN or infinity, which would spread",
                hint="mend it first: np.nan_to_num(image)",
            )
    if image.shape[:2] == tuple(size):
        return image.copy()
    rows, columns = (
        taps_for(old, new, kernel) for old, new in zip(image.shape[:2], size, strict=True)
    )
    out = np.empty((*size, image.shape[2]), image.dtype)
    band = np.array([low, high, float(image.dtype != np.float32)])
    apply_taps(np.ascontiguousarray(image), *rows, *columns, band, out)
    return out


def _check_settings(size: Size, kernel: str) -> None:
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size,)
    if len(sides) != 2 or any(not isinstance(side, (int, np.integer)) for side in sides):
        raise DtypeError(f"resample_image: size is (height, width) in pixels, got {size!r}")
    if not 1 <= min(sides) <= max(sides) <= LONGEST_PX:
        raise RangeError(f"resample_image: size {size!r} is outside [1, {LONGEST_PX}]")
    if kernel not in get_args(Kernel):
        raise RangeError(
            f"resample_image: kernel {kernel!r} is not one of {', '.join(get_args(Kernel))}"
        )
