"""Convolution kernels, and convolving a picture with one."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range
from sfumato.errors import RangeError

__all__ = [
    "Kernel",
    "KernelSize",
    "bell",
    "check_odd",
    "convolve",
    "disk",
    "draw_odd",
    "gaussian_blur",
    "line",
    "plateau",
    "sinc",
]

Kernel = NDArray[np.float32]
KernelSize = Annotated[tuple[int, int], Between(0, 1001)]
LARGEST_DISK_STEP = 8
QUICK_SIZE = 5
LARGE_KERNEL = 11
"""OpenCV goes through the spectrum from this size on, which a few passes are faster than."""
MOST_PASSES = 4
LEFT_OUT = 0.25
"""Levels of 8 bits that a value may be off for kernels taken apart."""


def draw_odd(rng: Rng, limits: tuple[int, int]) -> int:
    """Draw an odd number within limits."""
    low, high = limits[0] // 2, (limits[1] - 1) // 2
    return 2 * int(rng.integers(low, high + 1)) + 1


def check_odd(limits: tuple[int, int], who: str, least: int = 3) -> None:
    """Raise `RangeError` where no odd number of at least ``least`` lies within limits."""
    low, high = limits
    if low > high or low < least or low // 2 > (high - 1) // 2:
        raise RangeError(
            f"{who}: ({low}, {high}) holds no odd number from {least} on",
            hint="sizes of kernels are odd, such as (3, 7)",
        )


def convolve(image: Image, kernel: NDArray[Any]) -> Image:
    """Convolve every channel; floats are kept within 0..1."""
    if len(kernel) >= LARGE_KERNEL and image.dtype != np.float32:
        split = _separated(kernel)
        if len(split) <= MOST_PASSES:
            return _convolve_separately(image, split)
    out: Image = cv2.filter2D(image, -1, kernel).reshape(image.shape)
    return np.clip(out, 0.0, 1.0) if image.dtype == np.float32 else out


def _separated(kernel: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Write a kernel as a sum of products of a column and a row, to a tenth of a level."""
    u, s, v = np.linalg.svd(np.asarray(kernel, np.float64))
    # No value can change by more than white times the absolute sum of what is left out.
    parts = []
    rest = np.asarray(kernel, np.float64).copy()
    for k in range(len(s)):
        column, row = u[:, k] * s[k], v[k]
        parts.append((column.astype(np.float32), row.astype(np.float32)))
        rest -= np.outer(column, row)
        if np.abs(rest).sum() * 255.0 < LEFT_OUT or k >= MOST_PASSES:
            break
    return parts


def _convolve_separately(image: Image, parts: list[tuple[NDArray[Any], NDArray[Any]]]) -> Image:
    total = cv2.sepFilter2D(image, cv2.CV_32F, parts[0][1], parts[0][0])
    for column, row in parts[1:]:
        total += cv2.sepFilter2D(image, cv2.CV_32F, row, column)
    out = np.empty(image.shape, image.dtype)
    _round(total.reshape(-1), np.float32(full_range(image.dtype)), out.reshape(-1))
    return out


@compiled
def _round(values: Any, white: Any, out: Any) -> None:
    low, half = np.float32(0.0), np.float32(0.5)
    for i in range(values.size):
        out[i] = np.int32(min(max(values[i] + half, low), white))


def gaussian_blur(image: Image, size: int, sigma: float) -> Image:
    """Blur every channel by a Gaussian cut off at a size."""
    if image.dtype == np.uint8 and size > QUICK_SIZE:
        # OpenCV's own blur of 8 bits takes longer than two passes of a kernel from here on.
        kernel = cv2.getGaussianKernel(size, sigma)
        out: Image = cv2.sepFilter2D(image, -1, kernel, kernel)
    else:
        out = cv2.GaussianBlur(image, (size, size), sigma)
    return out.reshape(image.shape)


def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    along = np.arange(size) - (size - 1) / 2
    x, y = np.meshgrid(along, along)
    return x, y


def _distance(size: int, sigma_x: float, sigma_y: float, degrees: float) -> NDArray[np.float64]:
    """Give the squared distance from the middle in deviations along turned axes."""
    x, y = _grid(size)
    turn = math.radians(degrees)
    along = x * math.cos(turn) + y * math.sin(turn)
    across = y * math.cos(turn) - x * math.sin(turn)
    squared: NDArray[np.float64] = (along / sigma_x) ** 2 + (across / sigma_y) ** 2
    return squared


def bell(size: int, sigma_x: float, sigma_y: float, degrees: float, beta: float = 1.0) -> Kernel:
    """Give exp(-d^(2 beta) / 2), d in deviations: the Gaussian for beta 1, flatter above."""
    return _normalized(np.exp(-0.5 * _distance(size, sigma_x, sigma_y, degrees) ** beta))


def plateau(size: int, sigma_x: float, sigma_y: float, degrees: float, beta: float) -> Kernel:
    """Give 1 / (1 + d^(2 beta)), d in deviations."""
    return _normalized(1.0 / (1.0 + _distance(size, sigma_x, sigma_y, degrees) ** beta))


def sinc(size: int, cutoff: float) -> Kernel:
    """Give the low pass that is round in frequency and ends at ``cutoff`` radians a pixel."""
    x, y = _grid(size)
    radius = np.hypot(x, y)
    safe = np.where(radius == 0.0, 1.0, radius)
    kernel = cutoff * _bessel_1(cutoff * safe) / (2.0 * math.pi * safe)
    kernel[radius == 0.0] = cutoff**2 / (4.0 * math.pi)
    return _normalized(kernel)


def _bessel_1(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the Bessel function of the first kind and order 1, by its integral.

    J1(x) = mean over t in (0, pi) of cos(t - x sin t): of a smooth periodic function the mean
    over even steps is exact to rounding, once they are finer than x.
    """
    steps = max(64, 2 * math.ceil(float(np.abs(x).max())) + 32)
    t = (np.arange(steps) + 0.5) * (math.pi / steps)
    value: NDArray[np.float64] = np.cos(t - x[..., None] * np.sin(t)).mean(axis=-1)
    return value


def disk(radius: int, softness: float) -> Kernel:
    """Give a disk, its rim softened by a Gaussian of a deviation in pixels."""
    reach = max(radius, LARGEST_DISK_STEP)
    x, y = _grid(2 * reach + 1)
    kernel = (x * x + y * y <= radius * radius).astype(np.float32)
    kernel /= kernel.sum()
    size = 3 if radius <= LARGEST_DISK_STEP else 5
    return cv2.GaussianBlur(kernel, (size, size), softness)  # type: ignore[no-any-return]


def line(size: int, degrees: float, direction: float, shift: tuple[int, int] = (0, 0)) -> Kernel:
    """Give a line of pixels through the middle.

    Args:
        size: of the kernel, odd.
        degrees: from the x axis towards the y axis.
        direction: -1 keeps the half behind the middle, 1 the half before, 0 both.
        shift: of the line, columns and rows.
    """
    reach = (size - 1) / 2
    turn = math.radians(degrees)
    along = np.linspace(-min(1.0, 1.0 - direction), min(1.0, 1.0 + direction), size) * reach
    x = np.rint(reach + along * math.cos(turn)).astype(np.intp) + shift[0]
    y = np.rint(reach + along * math.sin(turn)).astype(np.intp) + shift[1]
    inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
    kernel = np.zeros((size, size))
    kernel[y[inside], x[inside]] = 1.0
    if not inside.any():
        kernel[size // 2, size // 2] = 1.0
    return _normalized(kernel)


def _normalized(kernel: NDArray[np.float64]) -> Kernel:
    return (kernel / kernel.sum()).astype(np.float32)  # type: ignore[no-any-return]
