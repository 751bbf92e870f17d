"""Whether two frames lie together as far as can be told, where no detail is sharp in both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._frame_views import FrameView, luma
from sfumato.core.opencv import cv2

__all__ = ["offset_of_blurred"]

LONG_SIDE_PX = 160
BLUR_PX = 2.0
"""At this size, about the blur of a strongly defocused frame: both look alike then."""
SAME_EV = 0.5
LEAST_CORRELATION = 0.95
FARTHEST_PX = 1.0


def offset_of_blurred(view: FrameView, other: FrameView) -> float | None:
    """Give how far two equally exposed frames lie apart when both are blurred, in pixels.

    The ends of a focus series may share no sharp detail at all. If they agree
    closely as they lie once both are blurred, and the best shift is below a
    hundredth of the picture, they belong together as they are: blur moves
    apparent places by as much, so nothing finer can be known.

    Returns:
        The length of that shift, None where the frames do not lie together.
    """
    if abs(view.exposure - other.exposure) > SAME_EV:
        return None
    a, b = (_blurred(v) for v in (view, other))
    if min(a.std(), b.std()) < 1e-4 or np.corrcoef(a.ravel(), b.ravel())[0, 1] < LEAST_CORRELATION:
        return None
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-5)
    start = np.eye(2, 3, dtype=np.float32)
    try:
        _, shift = cv2.findTransformECC(b, a, start, cv2.MOTION_TRANSLATION, stop, None, 1)
    except cv2.error:
        # OpenCV has no other way to say that it found no shift.
        return None
    length = float(np.hypot(shift[0, 2], shift[1, 2]))
    scale = max(view.size) / max(a.shape)
    return length * scale if length <= FARTHEST_PX else None


def _blurred(view: FrameView) -> NDArray[np.float32]:
    height, width = view.size
    shrink = min(1.0, LONG_SIDE_PX / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = cv2.resize(view.pixels, size, interpolation=cv2.INTER_AREA)
    grey = luma(small.reshape(size[1], size[0], -1))
    peak = float(np.abs(grey).max()) or 1.0
    return np.asarray(cv2.GaussianBlur(grey / np.float32(peak), (0, 0), BLUR_PX))
