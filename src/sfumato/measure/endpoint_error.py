"""How far the corners of a picture land from where they belong."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import Metric
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["EndpointError"]

Matrix = NDArray[np.float64]


class EndpointError(Metric):
    """Compare two homographies by where they send the corners of a picture.

    The displacement in pixels of the four corner pixels between the two maps. It
    does not depend on the scale of either matrix.

    Range 0 to infinity, best 0. A prediction that sends a corner through infinity
    scores infinity; a target that does is refused, and so is NaN.

    Args:
        size: height and width of the picture that is mapped.
        statistic: mean, root mean square or largest of the four.

    Shape:
        prediction and target (3, 3), acting on (x, y, 1).

    Raises:
        ShapeError: not 3 x 3.
        DtypeError: no numbers.
        RangeError: NaN or infinity, or a target that is no map of the picture.

    Example:
        >>> shift = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 4.0], [0.0, 0.0, 1.0]])
        >>> EndpointError(size=(480, 640))(shift, np.eye(3))
        5.0

    References:
        D. DeTone, T. Malisiewicz, A. Rabinovich. Deep Image Homography Estimation.
        2016. arXiv:1606.03798
    """

    _example: ClassVar[dict[str, Any]] = {"size": (480, 640)}
    higher_is_better = False
    value_range = (0.0, math.inf)

    size: Annotated[tuple[int, int], Between(2, 1_000_000)]
    statistic: Literal["mean", "rms", "max"] = "mean"

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        first, second = _matrix(prediction, "prediction"), _matrix(target, "target")
        if not np.isfinite(self._corners(second)).all():
            raise RangeError("EndpointError: the target sends a corner through infinity")
        return first, second

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        flat, turned = np.eye(3), np.array([[0.9, -0.1, 5.0], [0.1, 0.9, -2.0], [1e-4, 0, 1.0]])
        fold = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])
        return (turned, 2 * turned), (flat, turned), (turned, flat), (turned, turned), (fold, flat)

    def score(self, prediction: Matrix, target: Matrix) -> float:
        with np.errstate(invalid="ignore"):
            gap = self._corners(prediction) - self._corners(target)
        distance = np.hypot(gap[:, 0], gap[:, 1])
        if not np.isfinite(distance).all():
            return math.inf
        if self.statistic == "max":
            return float(distance.max())
        if self.statistic == "rms":
            return float(np.sqrt((distance**2).mean()))
        return float(distance.mean())

    def _corners(self, matrix: Matrix) -> Matrix:
        """Map the corners; infinite where the horizon of the map runs through the picture."""
        bottom, right = self.size[0] - 1.0, self.size[1] - 1.0
        corners = np.array([[0, 0, 1], [right, 0, 1], [right, bottom, 1], [0, bottom, 1]])
        mapped = corners @ matrix.T
        depth = mapped[:, 2:]
        if not (depth > 0).all() and not (depth < 0).all():
            return np.full((4, 2), np.inf)
        return np.asarray(mapped[:, :2] / depth)


def _matrix(value: Any, name: str) -> Matrix:
    matrix = np.asarray(value)
    if matrix.dtype.kind not in "uif":
        raise DtypeError(f"EndpointError: the {name} must hold numbers, got {matrix.dtype}")
    if matrix.shape != (3, 3):
        raise ShapeError(f"EndpointError: the {name} must be (3, 3), got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise RangeError(f"EndpointError: the {name} holds NaN or infinity")
    return matrix.astype(np.float64)
