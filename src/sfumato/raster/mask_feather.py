"""Soft edges from hard masks."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError
from sfumato.raster.mask import HardMask, hard_mask

__all__ = ["Side", "border_distance", "feather"]

Side: TypeAlias = Literal["both", "inside", "outside"]
FAR_PX = 1e9


def feather(mask: NDArray[Any], *, feather_px: float, side: Side = "both") -> NDArray[np.float32]:
    """Let a hard mask fall off smoothly over a width.

    The value is a smooth step, 3 t² - 2 t³, of the signed distance s to the border:
    t = s / f + 1/2 for ``both``, s / f for ``inside``, s / f + 1 for ``outside``, cut
    to 0..1. So it never falls on the way in, and at the border it is 1/2, 0 or 1.

    Args:
        mask: hard. The edge of the picture is no border.
        feather_px: f, the whole width of the fall; 0 gives the mask as floats.
        side: where the fall lies: ``inside`` leaves all that is out at exactly 0,
            ``outside`` all that is in at exactly 1.

    Raises:
        DtypeError: the mask is soft already.
        RangeError: feather_px is negative or not finite, or the side unknown.

    Example:
        >>> row = np.array([[0, 0, 0, 1, 1, 1]])
        >>> feather(row, feather_px=4).round(2).tolist()[0][1:5]
        [0.03999999910593033, 0.3199999928474426, 0.6800000071525574, 0.9599999785423279]
    """
    solid = hard_mask(mask, "feather")
    if not 0.0 <= feather_px < np.inf:
        raise RangeError(f"feather: feather_px {feather_px} is outside [0, inf)")
    shift = {"both": 0.5, "inside": 0.0, "outside": 1.0}.get(side)
    if shift is None:
        raise RangeError(f"feather: side {side!r} is not one of 'both', 'inside', 'outside'")
    if feather_px == 0:
        return solid.astype(np.float32)
    t = border_distance(solid)
    t *= np.float32(1.0 / max(feather_px, 1e-6))
    t += np.float32(shift)
    np.clip(t, 0.0, 1.0, out=t)
    return np.asarray(t * t * (np.float32(3.0) - np.float32(2.0) * t), np.float32)


def border_distance(mask: NDArray[Any]) -> NDArray[np.float32]:
    """Give each pixel's distance to the border of a mask, negative outside.

    It is the Euclidean distance of pixel centers to the nearest one on the other side,
    less the half pixel from there to the border; 1e9 where there is no other side.

    Args:
        mask: hard.

    Raises:
        DtypeError: the mask is soft.

    Example:
        >>> border_distance(np.array([[0, 0, 1, 1]])).tolist()
        [[-1.5, -0.5, 0.5, 1.5]]
    """
    solid = hard_mask(mask, "border_distance")
    signed = _reach(solid) - _reach(~solid)
    return np.asarray(signed, np.float32)


def _reach(mask: HardMask) -> NDArray[np.float32]:
    if mask.all():
        return np.full(mask.shape, FAR_PX, np.float32)
    away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.maximum(away - np.float32(0.5), np.float32(0.0)))
