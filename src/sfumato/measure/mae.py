"""Mean absolute error."""

from __future__ import annotations

import math
from typing import Annotated

from sfumato.core.bounds import Between
from sfumato.core.metric import Metric
from sfumato.core.shapes import Image
from sfumato.measure.difference import mean_difference, range_of

__all__ = ["MAE"]


class MAE(Metric):
    """Give the mean absolute difference of two pictures, with white at 1.

    Range 0 to 1 (more for float values above white), best 0. Flat and equal
    pictures score 0. NaN is refused. In grey levels: times 255 or 65535.

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
        >>> black, grey = (np.full((2, 2, 1), v, np.uint8) for v in (0, 51))
        >>> MAE()(grey, black)
        0.2
    """

    higher_is_better = False
    value_range = (0.0, math.inf)

    data_range: Annotated[float, Between(1e-12, 1e12)] | None = None

    def score(self, prediction: Image, target: Image) -> float:
        return mean_difference(prediction, target, 1) / range_of(target, self.data_range)
