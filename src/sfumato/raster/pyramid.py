"""Gaussian and Laplacian pyramids as Burt and Adelson published them.

Reduce filters with (1, 4, 6, 4, 1)/16 along each axis and keep rows and columns
0, 2, 4, ...; an odd size n becomes (n + 1)/2. Expand inserts zeros, filters and
multiplies by 4. Level l of a Laplacian pyramid is ``G_l - expand(G_{l+1})``.

References:
    P. Burt, E. Adelson. The Laplacian Pyramid as a Compact Image Code.
    IEEE Transactions on Communications, 1983. doi:10.1109/TCOM.1983.1095851
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError

__all__ = [
    "Border",
    "collapse",
    "expand",
    "gaussian_pyramid",
    "laplacian_pyramid",
    "max_levels",
    "reduce",
]

Border: TypeAlias = Literal["symmetric", "reflect"]
"""``symmetric`` repeats the edge pixel (the published reference code), ``reflect``
mirrors about its centre (OpenCV's habit)."""
Plane: TypeAlias = NDArray[Any]


def max_levels(size: tuple[int, int]) -> int:
    """Give the depth of the reference: ``floor(log2(min(h, w)))``, the residual included."""
    return max(1, int(min(size)).bit_length() - 1)


def reduce(image: Plane, *, border: Border = "symmetric") -> Plane:
    """Halve a float picture.

    Args:
        image: float32 or float64.
        border: what lies beyond the edge.

    Shape:
        (h, w) or (h, w, c) to ((h + 1) // 2, (w + 1) // 2[, c]).
    """
    flag = cv2.BORDER_REFLECT if border == "symmetric" else cv2.BORDER_REFLECT_101
    return _as(cv2.pyrDown(image, borderType=flag), image)


def expand(image: Plane, size: tuple[int, int], *, border: Border = "symmetric") -> Plane:
    """Double a float picture to an exact size.

    Args:
        image: float32 or float64.
        size: height and width to reach; each twice the old one, or one less.
        border: ``symmetric`` repeats the outermost pixel before doubling.

    Raises:
        RangeError: the size is not the double of the picture's.
    """
    height, width = size
    if ((height + 1) // 2, (width + 1) // 2) != image.shape[:2]:
        raise RangeError(f"expand: {image.shape[:2]} does not double to {size}")
    if border == "reflect":
        return _as(cv2.pyrUp(image, dstsize=(width, height)), image)
    padded = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return _as(cv2.pyrUp(padded)[2 : 2 + height, 2 : 2 + width], image)


def gaussian_pyramid(image: Plane, levels: int, *, border: Border = "symmetric") -> list[Plane]:
    """Give the picture and its successive halves, ``levels`` in all."""
    pyramid = [image]
    for _ in range(levels - 1):
        pyramid.append(reduce(pyramid[-1], border=border))
    return pyramid


def laplacian_pyramid(image: Plane, levels: int, *, border: Border = "symmetric") -> list[Plane]:
    """Give the band of each level, finest first, and the coarsest level as it is."""
    gaussian = gaussian_pyramid(image, levels, border=border)
    bands = [
        fine - expand(coarse, fine.shape[:2], border=border) for fine, coarse in pairwise(gaussian)
    ]
    return [*bands, gaussian[-1]]


def collapse(pyramid: list[Plane], *, border: Border = "symmetric") -> Plane:
    """Add the bands up again, coarsest first."""
    image = pyramid[-1]
    for band in reversed(pyramid[:-1]):
        image = band + expand(image, band.shape[:2], border=border)
    return np.asarray(image)


def _as(result: Any, source: Plane) -> Plane:
    """Give back the channel axis that OpenCV drops from a single channel."""
    array = np.asarray(result)
    return array[..., None] if array.ndim < source.ndim else array
