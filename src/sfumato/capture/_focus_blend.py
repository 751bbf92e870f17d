"""Put one picture together from the sharp parts of many, seam by seam unseen."""

from __future__ import annotations

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import FloatImage, Image, Mask, Stack, to_unit
from sfumato.raster.pyramid import Plane, collapse, expand, reduce

__all__ = ["blend_bands", "blend_layers", "confine"]


def blend_bands(stack: Stack, winners: list[Mask]) -> FloatImage:
    """Take every coefficient of every Laplacian band from the frame that won it.

    The residual is the mean of the frames, weighted by the coarsest band's winners.
    """
    total: list[Plane] = []
    for k, frame in enumerate(stack):
        masks = [winner == k for winner in winners]
        share = reduce(masks[-1].astype(np.float32))
        _add_frame(total, frame, [*masks, share])
    return collapse(total)


def blend_layers(stack: Stack, index: Mask, bands: int) -> FloatImage:
    """Take every pixel from one frame, and let the seams be as wide as each band is coarse."""
    total: list[Plane] = []
    for k, frame in enumerate(stack):
        shares: list[Plane] = [index == k]
        for _ in range(bands):
            shares.append(reduce(shares[-1].astype(np.float32)))
        _add_frame(total, frame, shares)
    return collapse(total)


def _add_frame(total: list[Plane], frame: Image, shares: list[Plane]) -> None:
    """Add a frame's bands, finest first: picked by a bool plane, weighted by a float one."""
    if not total:
        total.extend(np.zeros((*share.shape, frame.shape[2]), np.float32) for share in shares)
    last = max((level for level, share in enumerate(shares) if share.any()), default=-1)
    fine: Plane = to_unit(frame)
    for level, share in enumerate(shares[: last + 1]):
        residual = level == len(shares) - 1
        coarse = fine if residual else reduce(fine)
        if share.any():
            band = fine if residual else fine - expand(coarse, fine.shape[:2])
            if share.dtype == np.bool_:
                cv2.copyTo(band, share.view(np.uint8), total[level])
            else:
                total[level] += share[..., None] * band
        fine = coarse


def confine(image: FloatImage, stack: Stack) -> FloatImage:
    """Clip each value to the range that the frames themselves have at that pixel."""
    low, high = stack[0], stack[0]
    for frame in stack[1:]:
        low, high = np.minimum(low, frame), np.maximum(high, frame)
    return np.clip(image, to_unit(low), to_unit(high))
