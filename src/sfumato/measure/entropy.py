"""Entropy: how many bits a value of a picture is worth."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import Metric
from sfumato.core.shapes import Image
from sfumato.measure.histogram import Unit, check_weights, counts_of, in_unit

__all__ = ["Entropy", "entropy"]


def entropy(weights: NDArray[Any], *, unit: Unit = "bits") -> float:
    """Give the entropy ``-sum p log p`` of a discrete distribution.

    Args:
        weights: probabilities or counts, any shape; divided by their sum here.
        unit: logarithm to base 2 or e.

    Raises:
        RangeError: a weight is negative, NaN or infinite, or all are 0.

    Example:
        >>> entropy(np.array([2, 1, 1]))
        1.5
    """
    p = check_weights(weights, "entropy")
    p = p[p > 0]
    return abs(in_unit(float(-(p * np.log(p)).sum()), unit))


class Entropy(Metric):
    """Give the entropy of the histogram of a picture: a measure without a target.

    Each channel is counted in equal bins from black to white (with 256 bins, 8 bit
    values as they are), and the score is the mean over the channels. More is better
    only where noise is no option: noise raises it too.

    Range 0 (a flat picture) to log2 of the bins, 8 bits by default. NaN is refused.

    Args:
        bins: number of bins; 16 bit and float values share them evenly, and float
            values beyond 0 to 1 fall into the outermost.
        unit: logarithm to base 2 or e.

    Shape:
        prediction (h, w, c) or (h, w); the target is not read and may be left out.

    Raises:
        RangeError: NaN or infinity.

    Example:
        >>> Entropy()(np.array([[0, 0, 7, 9]], np.uint8))
        1.5
    """

    higher_is_better = True
    value_range = (0.0, math.inf)

    bins: Annotated[int, Between(2, 65536)] = 256
    unit: Unit = "bits"

    def __call__(self, prediction: Any, target: Any = None) -> float:
        return super().__call__(prediction, target)

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        return self._picture(prediction, "picture"), None

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64, 1) * np.uint16(16)
        flat = np.full_like(ramp, 300)
        return (ramp, None), (ramp // 2, None), (flat, None), (np.minimum(ramp, flat), None)

    def update(self, prediction: Any, target: Any = None) -> None:
        super().update(prediction, target)

    def score(self, prediction: Image, target: None) -> float:
        counts = counts_of(prediction, self.bins)
        return float(np.mean([entropy(channel, unit=self.unit) for channel in counts]))
