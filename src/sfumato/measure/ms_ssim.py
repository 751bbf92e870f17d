"""Structural similarity over five scales."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.core.bounds import Between
from sfumato.core.metric import Metric
from sfumato.core.shapes import Image
from sfumato.measure.difference import range_of
from sfumato.measure.similarity import RADIUS_PX, check_window, halve, similarity

__all__ = ["MSSSIM"]

EXPONENTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


class MSSSIM(Metric):
    """Compare contrast and structure at five scales, and light at the coarsest.

    The mean contrast-and-structure part of SSIM is taken of the picture and of its
    next three halves (means of 2 x 2 pixels, the edge of an odd side repeated), the
    whole SSIM of the fourth, and their powers with exponents 0.0448, 0.2856, 0.3001,
    0.2363, 0.1333 are multiplied. All windows lie inside the picture. Each channel is
    a grey picture of its own; the score is their mean.

    A mean below 0 has no real power. It is clamped to 0, which makes the score of
    that channel 0. torchmetrics clamps too, but counts reflected borders at the
    coarsest scale only, and drops the last row of an odd side.

    Range 0 to 1, best 1. Flat pictures are defined as for SSIM. NaN is refused.

    Args:
        data_range: distance from black to white in the units of the picture;
            None takes that of the dtype: 255, 65535 or 1.

    Shape:
        prediction and target (h, w, c) or (h, w), sides of 161 px at least, so that
        the window fits the coarsest scale.

    Raises:
        ShapeError: the shapes differ, or a side is too small.
        DtypeError: the dtypes differ.
        RangeError: NaN or infinity.

    Example:
        >>> wave = np.sin(np.arange(200.0) / 9)[:, None] * np.cos(np.arange(200.0) / 7)
        >>> wave = (0.5 + 0.4 * wave).astype(np.float32)
        >>> round(MSSSIM()(wave, wave), 6), round(MSSSIM()(0.5 * wave, wave), 3)
        (1.0, 0.787)

    References:
        Z. Wang, E. Simoncelli, A. Bovik. Multiscale Structural Similarity for Image
        Quality Assessment. Asilomar Conference on Signals, Systems and Computers, 2003.
        doi:10.1109/ACSSC.2003.1292216
    """

    higher_is_better = True
    value_range = (0.0, 1.0)

    data_range: Annotated[float, Between(1e-12, 1e12)] | None = None

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        pair = super().check_pair(prediction, target)
        # Four halvings that round up leave a window only from here on.
        least = 2 * RADIUS_PX * 2 ** (len(EXPONENTS) - 1) + 1
        check_window(pair[0], least, "MSSSIM", "use SSIM, which needs 11 px")
        return pair

    def score(self, prediction: Image, target: Image) -> float:
        white = range_of(target, self.data_range)
        product, coarsest = 1.0, len(EXPONENTS) - 1
        for level, exponent in enumerate(EXPONENTS):
            means = similarity(prediction, target, white)
            mean = means.ssim if level == coarsest else means.contrast
            product = product * np.maximum(mean, 0.0) ** exponent
            if level < coarsest:
                prediction, target = (halve(image, 1.0 / white) for image in (prediction, target))
                white = 1.0
        return float(np.mean(product))
