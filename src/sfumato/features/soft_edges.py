"""Edges as shades: the outlines of things brighter than the grain of their surface."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.drawing import DrawingOperator
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import FloatImage, Image
from sfumato.features._plane import gaussian_gradient, grey_plane

__all__ = ["SoftEdges"]


class SoftEdges(DrawingOperator):
    """Draw how strongly each pixel looks like an edge over several scales, white on black.

    At each scale the gradient of a Gaussian is multiplied by its sigma, so that a step
    of the same contrast counts the same at all of them; the geometric mean over the
    scales keeps what is an edge at every one, which grain and texture are not. The
    brightest shade is what ``white_percentile`` of the edges reach.

    Args:
        sigmas: the scales, standard deviations in pixels.
        gamma: the exponent of the shades; below 1 faint edges get brighter.
        white_percentile: shades are scaled so that this percentile of them is white.
        faintest: a picture whose scaled gradient stays below it has no edges at all.
        into: where the drawing goes: ``image``, or ``hint`` of one channel.

    Raises:
        ShapeError: neither 1 nor 3 channels.
        RangeError: the picture holds NaN or infinity, or a sigma is no positive size.

    Example:
        >>> step = np.zeros((32, 32, 1), np.float32)
        >>> step[:, 16:] = 0.5
        >>> soft = SoftEdges()(step)[16, :, 0]
        >>> bool(soft[15] > 0.9), bool(soft[2] < 0.01)
        (True, True)
    """

    sigmas: Annotated[tuple[float, ...], Between(0.5, 50.0)] = (1.0, 2.0, 4.0)
    gamma: Annotated[float, Between(0.1, 5.0)] = 0.7
    white_percentile: Annotated[float, Between(50.0, 100.0)] = 99.0
    faintest: Annotated[float, Between(0.0, 1.0)] = 0.004

    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        return self.draw(sample.image)

    def draw(self, image: Image) -> FloatImage:
        """Give the shades, float32 (h, w), 1 is the surest edge."""
        grey = grey_plane(image, "SoftEdges")
        logarithms = np.zeros(grey.shape, np.float32)
        for sigma in self.sigmas:
            right, down = gaussian_gradient(grey, sigma)
            logarithms += np.log(np.maximum(sigma * np.hypot(right, down), np.float32(1e-8)))
        edge = np.exp(logarithms / np.float32(len(self.sigmas)))
        white = max(float(np.percentile(edge, self.white_percentile)), self.faintest)
        return np.asarray(np.clip(edge / np.float32(white), 0.0, 1.0) ** np.float32(self.gamma))
