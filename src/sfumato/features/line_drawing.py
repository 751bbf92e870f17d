"""A photograph as a pen would draw it."""

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

__all__ = ["LineDrawing"]

RATIO = 1.6
"""Outer over inner Gaussian: their difference is then close to the Laplacian."""


class LineDrawing(DrawingOperator):
    """Draw dark lines on white where a picture is darker than its surroundings.

    The tone plus a difference of two Gaussians, S = tone + p (G(s) - G(1.6 s)), and a
    soft threshold: T = 1 where S >= threshold, else 1 + tanh(softness (S - threshold)).
    The tone is white where only lines are wanted; the published form takes G(s), which
    fills dark areas with black as a brush would.

    Args:
        sigma: width of the inner Gaussian in pixels: thicker pens have more.
        sharpening: the p of the formula; how much lines stand out.
        shade: 0 draws lines only, 1 fills what is dark; between them the tone is mixed.
        threshold: tones of S above it stay white.
        softness: how fast a line becomes black below it.
        inverted: draw white on black, as hints for generators have it.
        into: where the drawing goes: ``image``, or ``hint`` of one channel.

    Raises:
        ShapeError: neither 1 nor 3 channels.
        RangeError: the picture holds NaN or infinity.

    Example:
        >>> page = np.full((32, 32, 1), 230, np.uint8)
        >>> page[15:17] = 40
        >>> drawn = LineDrawing(sigma=1.0)(page)
        >>> bool(drawn[15, 16, 0] < 60), int(drawn[2, 16, 0])
        (True, 255)

    References:
        H. Winnemoeller, J. E. Kyprianidis, S. C. Olsen. XDoG: An eXtended
        difference-of-Gaussians compendium. Computers & Graphics, 2012.
        doi:10.1016/j.cag.2012.03.004
    """

    sigma: Annotated[float, Between(0.3, 20.0)] = 1.0
    sharpening: Annotated[float, Between(0.0, 200.0)] = 20.0
    threshold: Annotated[float, Between(0.0, 1.0)] = 0.6
    softness: Annotated[float, Between(0.1, 1000.0)] = 10.0
    shade: Annotated[float, Between(0.0, 1.0)] = 0.0
    inverted: bool = False

    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        return self.draw(sample.image)

    def draw(self, image: Image) -> FloatImage:
        """Give the drawing, float32 (h, w), 1 is white."""
        grey = grey_plane(image, "LineDrawing")
        inner, outer = (
            cv2.GaussianBlur(grey, (0, 0), s, borderType=cv2.BORDER_REFLECT_101)
            for s in (self.sigma, RATIO * self.sigma)
        )
        tone = 1.0 + self.shade * (inner - 1.0)
        sharp = tone + self.sharpening * (inner - outer)
        dark = 1.0 + np.tanh(self.softness * (sharp - self.threshold))
        drawn = np.where(sharp >= self.threshold, np.float32(1.0), dark).astype(np.float32)
        return np.float32(1.0) - drawn if self.inverted else drawn
