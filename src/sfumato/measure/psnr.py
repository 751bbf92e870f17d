"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math
from typing import Annotated

from sfumato.core.bounds import Between
from sfumato.core.metric import Metric
from sfumato.core.shapes import Image
from sfumato.measure.difference import mean_difference, range_of

__all__ = ["PSNR"]


class PSNR(Metric):
    """Give the distance of two pictures in decibels below white.

    ``10 log10(white² / MSE)`` with one mean over all pixels and channels, as
    scikit-image and torchmetrics have it when they are told the range; here the
    dtype tells it. Equal pictures score infinity (OpenCV says 361.2), and so does
    the mean of a set that holds such a pair.

    Range: any number, 0 where the error is as large as white, about 30 to 50 for
    a good copy in 8 bits; best infinity. Flat pictures are like any others. NaN is
    refused.

    Args:
        data_range: distance from black to white in the units of the picture;
            None takes that of the dtype: 255, 65535 or 1.

    Shape:
        prediction and target (h, w, c) or (h, w).

    Raises:
        ShapeError: the shapes differ.
        DtypeError: the dtypes differ.
        RangeError: NaN or infinity.

    Example:
        >>> black, grey = (np.full((2, 2, 1), v, np.float32) for v in (0.0, 0.01))
        >>> round(PSNR()(grey, black), 3)
        40.0
        >>> PSNR()(grey, grey)
        inf
    """

    higher_is_better = True

    data_range: Annotated[float, Between(1e-12, 1e12)] | None = None

    def score(self, prediction: Image, target: Image) -> float:
        error = mean_difference(prediction, target, 2)
        if error == 0.0:
            return math.inf
        return 20.0 * math.log10(range_of(target, self.data_range)) - 10.0 * math.log10(error)
