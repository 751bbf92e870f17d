"""A scan or a photograph of a line drawing made into clean lines."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.drawing import DrawingOperator
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import FloatImage, Image
from sfumato.features._plane import grey_plane

__all__ = ["CleanLines"]

PAPER_SHARE = 0.12
"""Size of the neighbourhood that shows the paper, as a share of the picture's short side."""
INK_PERCENTILE = 2.0
"""The ink is as dark as this percentile of what is darker than the paper."""


class CleanLines(DrawingOperator):
    """Make the paper of a line drawing white and its lines black, and drop the dirt.

    The paper is what a large morphological closing leaves, smoothed: uneven light and
    yellowed paper are divided out. What is left is stretched between ink and paper,
    made steeper about ``threshold``, and specks that no line touches are removed. Soft
    edges of the lines stay soft.

    Args:
        threshold: ink above this share of the darkest ink is line.
        steepness: contrast about the threshold; large values give two tones.
        smallest_px: connected specks of fewer pixels are removed.
        bridge_px: gaps between line ends up to this many pixels are closed.
        inverted: draw white on black, as hints for generators have it.
        into: where the lines go: ``image``, or ``hint`` of one channel.

    Raises:
        ShapeError: neither 1 nor 3 channels.
        RangeError: the picture holds NaN or infinity.

    Example:
        >>> page = np.tile(np.linspace(120, 220, 64).astype(np.uint8), (64, 1))[..., None]
        >>> page[30:33] //= 3
        >>> clean = CleanLines()(page)
        >>> int(clean[31, 40, 0]), int(clean[10].min()), int(clean[50].max())
        (0, 255, 255)
    """

    threshold: Annotated[float, Between(0.01, 0.99)] = 0.35
    steepness: Annotated[float, Between(1.0, 100.0)] = 4.0
    smallest_px: Annotated[int, Between(0, 10**6)] = 12
    bridge_px: Annotated[int, Between(0, 50)] = 2
    inverted: bool = False

    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        ink = self.ink(sample.image)
        return ink if self.inverted else np.float32(1.0) - ink

    def ink(self, image: Image) -> FloatImage:
        """Give how much ink lies on each pixel, float32 (h, w), 1 on the lines."""
        grey = grey_plane(image, "CleanLines")
        darkness = np.maximum(np.float32(1.0) - grey / _paper(grey), 0.0)
        dark = darkness[darkness > self.threshold * darkness.max(initial=0.0)]
        full = float(np.percentile(dark, 100.0 - INK_PERCENTILE)) if dark.size else 1.0
        share = darkness / np.float32(max(full, 0.02))
        ink = np.clip(self.steepness * (share - self.threshold) + 0.5, 0.0, 1.0)
        ink = _bridge(ink.astype(np.float32), self.bridge_px)
        return _without_specks(ink, self.smallest_px)


def _paper(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the light of the paper under the lines."""
    side = max(5, round(PAPER_SHARE * min(grey.shape))) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    # OpenCV's closing sees black beyond the border when it erodes; a mirrored margin does not.
    wide = cv2.copyMakeBorder(grey, side, side, side, side, cv2.BORDER_REFLECT)
    closed = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, disc)
    smooth = cv2.blur(closed, (side, side))[side:-side, side:-side]
    return np.asarray(np.maximum(smooth, np.float32(0.02)))


def _bridge(ink: NDArray[np.float32], gap_px: int) -> NDArray[np.float32]:
    """Close gaps along the four directions of the grid, so that lines do not get thicker."""
    if gap_px == 0:
        return ink
    # OpenCV moves what an even kernel closes, and sees nothing as dark beyond the border.
    size = (gap_px + 1) | 1
    wide = cv2.copyMakeBorder(ink, size, size, size, size, cv2.BORDER_REFLECT)
    bridged = wide
    flat, slope = np.ones((1, size), np.uint8), np.eye(size, dtype=np.uint8)
    for segment in (flat, flat.T.copy(), slope, slope[::-1].copy()):
        bridged = np.maximum(bridged, cv2.morphologyEx(wide, cv2.MORPH_CLOSE, segment))
    return np.asarray(bridged[size:-size, size:-size])


def _without_specks(ink: NDArray[np.float32], smallest_px: int) -> NDArray[np.float32]:
    if smallest_px == 0:
        return ink
    _, labels, numbers, _ = cv2.connectedComponentsWithStats((ink > 0).astype(np.uint8))
    small = numbers[:, cv2.CC_STAT_AREA] < smallest_px
    return np.where(small[labels], np.float32(0.0), ink)
