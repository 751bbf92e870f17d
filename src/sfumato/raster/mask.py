"""What a mask is, and how masks combine.

A mask is a plain array ``(h, w)``, one value a pixel:

- bool: out or in,
- integers: 0 is out, everything else is in (labels, 0/1 and 0/255 alike),
- float32 or float64: soft, the share of the pixel that is in, from 0 to 1.

Functions that give a mask give bool where all they got was bool or integers, and
float32 where anything was soft. Soft masks combine by the larger and the smaller
value, so that the laws of sets hold but one: a soft mask and its inverse overlap.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image, check_image, full_range
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = [
    "HardMask",
    "as_mask",
    "exclude",
    "hard_mask",
    "intersect",
    "invert",
    "keep_inside",
    "shield",
    "subtract",
    "union",
]

HardMask: TypeAlias = NDArray[np.bool_]
"""bool, ``(h, w)``."""


def as_mask(
    mask: Any, who: str = "as_mask", *, size: tuple[int, int] | None = None
) -> NDArray[Any]:
    """Bring a mask to bool where it is hard, to float32 where it is soft.

    Args:
        mask: bool, integers, or floats from 0 to 1.
        who: the caller's name, for the refusal.
        size: height and width that it must have.

    Raises:
        DtypeError: not an array of bool, integers or floats.
        ShapeError: not two-dimensional, empty, or of another size.
        RangeError: a soft value is outside 0..1, or NaN.

    Example:
        >>> as_mask(np.uint8([[0, 255, 3]])).tolist()
        [[False, True, True]]
    """
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "buif":
        what = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise DtypeError(f"{who}: a mask is an array of bool, integers or floats, got {what}")
    if mask.ndim != 2 or 0 in mask.shape:
        hint = "drop the channel axis: mask[..., 0]" if mask.ndim == 3 else None
        raise ShapeError(f"{who}: a mask is (h, w), got shape {mask.shape}", hint=hint)
    if size is not None and mask.shape != tuple(size):
        raise ShapeError(
            f"{who}: the mask is {mask.shape[1]} x {mask.shape[0]} px, "
            f"expected {size[1]} x {size[0]} px"
        )
    if mask.dtype.kind != "f":
        return np.asarray(mask != 0)
    low, high = mask.min(), mask.max()
    if not (low >= 0 and high <= 1):
        raise RangeError(
            f"{who}: a soft mask goes from 0 to 1, got values from {low:g} to {high:g}",
            hint="divide a painted mask by its white; NaN has to be mended first",
        )
    return mask.astype(np.float32, copy=False)


def hard_mask(mask: Any, who: str, *, size: tuple[int, int] | None = None) -> HardMask:
    """Give a mask as bool, and refuse a soft one.

    Raises:
        DtypeError: the mask is soft, or none at all.
        ShapeError: as `as_mask`.
    """
    checked = as_mask(mask, who, size=size)
    if checked.dtype != np.bool_:
        raise DtypeError(
            f"{who}: needs to know which pixels are in, got a soft mask",
            hint="say where the border lies: mask >= 0.5",
        )
    return checked


def union(*masks: NDArray[Any]) -> NDArray[Any]:
    """Take what is in any of the masks.

    Raises:
        ShapeError: no masks, or of different sizes.

    Example:
        >>> union(np.array([[True, False]]), np.float32([[0.2, 0.4]])).round(1).tolist()
        [[1.0, 0.4000000059604645]]
    """
    return reduce(np.maximum, _fitting(masks, "union"))


def intersect(*masks: NDArray[Any]) -> NDArray[Any]:
    """Take what is in all of the masks.

    Raises:
        ShapeError: no masks, or of different sizes.
    """
    return reduce(np.minimum, _fitting(masks, "intersect"))


def subtract(mask: NDArray[Any], *others: NDArray[Any]) -> NDArray[Any]:
    """Take what is in the first mask and in none of the others.

    Raises:
        ShapeError: the masks are of different sizes.
    """
    first, *rest = _fitting((mask, *others), "subtract")
    return reduce(np.minimum, (_inverse(other) for other in rest), first)


def exclude(mask: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Take what is in one of two masks and not in both.

    Raises:
        ShapeError: the masks are of different sizes.
    """
    a, b = _fitting((mask, other), "exclude")
    return np.asarray(np.maximum(np.minimum(a, _inverse(b)), np.minimum(_inverse(a), b)))


def invert(mask: NDArray[Any]) -> NDArray[Any]:
    """Take what is not in the mask.

    Example:
        >>> invert(np.array([[True, False]])).tolist()
        [[False, True]]
    """
    return _inverse(as_mask(mask, "invert"))


def keep_inside(image: Image, mask: NDArray[Any], *, fill: float = 0.0) -> Image:
    """Keep the region of interest and paint over the rest.

    Args:
        image: uint8, uint16 or float32.
        mask: where the picture stays; soft masks blend.
        fill: the paint, as a share of white.

    Shape:
        image (h, w, c), mask (h, w).

    Raises:
        RangeError: fill is outside 0..1.

    Example:
        >>> keep_inside(np.full((1, 2, 1), 9, np.uint8), np.array([[True, False]])).ravel().tolist()
        [9, 0]
    """
    check_image(image, "keep_inside")
    inside = as_mask(mask, "keep_inside", size=image.shape[:2])[..., None]
    if not 0.0 <= fill <= 1.0:
        raise RangeError(f"keep_inside: fill {fill} is outside [0, 1]")
    exact = fill * full_range(image.dtype)
    paint = image.dtype.type(exact if image.dtype == np.float32 else round(exact))
    if inside.dtype == np.bool_:
        return np.where(inside, image, paint)
    blend = paint + inside * (image.astype(np.float32) - np.float32(paint))
    if image.dtype != np.float32:
        blend = np.rint(blend)
    kept = np.where(inside > 0, blend, paint)  # NaN stays outside
    return np.asarray(kept.astype(image.dtype))


def shield(image: Image, mask: NDArray[Any], *, fill: float = 0.0) -> Image:
    """Paint over what the mask covers and keep the rest: `keep_inside` of the inverse.

    To shield a region from an operator, use `Within` with ``inverted``; to keep it
    out of a measurement, give the inverse mask to `region_statistics`.

    Args:
        image: uint8, uint16 or float32.
        mask: what is covered.
        fill: the paint, as a share of white.
    """
    return keep_inside(image, invert(mask), fill=fill)


def _inverse(mask: NDArray[Any]) -> NDArray[Any]:
    return ~mask if mask.dtype == np.bool_ else np.float32(1.0) - mask


def _fitting(masks: tuple[Any, ...], who: str) -> list[NDArray[Any]]:
    if not masks:
        raise ShapeError(f"{who}: no masks were given")
    first = as_mask(masks[0], who)
    size = (first.shape[0], first.shape[1])
    checked = [first, *(as_mask(mask, who, size=size) for mask in masks[1:])]
    soft = any(mask.dtype != np.bool_ for mask in checked)
    return [mask.astype(np.float32 if soft else np.bool_) for mask in checked]
