"""Precision, recall and F of edges against boundaries that people drew."""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import SetMetric
from sfumato.core.shapes import full_range
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.measure.nearby import disc_offsets, match_one_to_one, reached

__all__ = ["EdgeAgreement", "EdgeF"]


class EdgeAgreement(NamedTuple):
    """What the edges of a set have in common with the boundaries.

    Args:
        precision: share of the edge pixels that lie on a boundary.
        recall: share of the boundaries that have an edge.
        f: their harmonic mean.
    """

    precision: float
    recall: float
    f: float


class EdgeF(SetMetric):
    """Score edges against boundaries drawn by several people.

    The target holds, at every pixel, the share of people who marked it (white: all),
    as in the Berkeley segmentation data. Recall is the sum of the shares within the
    tolerance of an edge over their whole sum. Precision is the share of edge pixels
    that can be paired with a marked pixel within the tolerance, as many as can be
    paired at once without using a pixel twice, so that thick or doubled edges do not
    pay; ``one_to_one=False`` counts every edge pixel near a marked one. F is the
    harmonic mean. Counts are summed over the set first.

    The Berkeley benchmark pairs edges with each person's drawing by itself, which
    needs the drawings one by one; figures come close to its own and do not equal them.

    Range 0 to 1, best 1. No edges and no boundaries score 1, one without the other 0.
    NaN is refused.

    Args:
        threshold: a pixel is edge where it is above this share of white; bool as it is.
        tolerance_fraction: how far apart a pair may lie, in diagonals of the picture.
        one_to_one: use a marked pixel for one edge pixel only.

    Shape:
        prediction and target (h, w) or (h, w, 1), bool, uint8, uint16 or float32.

    Raises:
        ShapeError: the shapes differ, or there are several channels.
        DtypeError: another dtype.
        RangeError: NaN, infinity, or a share outside 0 to 1.

    Example:
        >>> drawn = np.zeros((64, 64), np.uint8)
        >>> drawn[:, 30], drawn[:, 50] = 255, 51
        >>> edges = np.zeros((64, 64), bool)
        >>> edges[:, 30] = True
        >>> metric = EdgeF()
        >>> metric.update(edges, drawn)
        >>> [round(value, 3) for value in metric.agreement()]
        [1.0, 0.833, 0.909]

    References:
        P. Arbelaez, M. Maire, C. Fowlkes, J. Malik. Contour Detection and Hierarchical
        Image Segmentation. IEEE TPAMI, 2011. doi:10.1109/TPAMI.2010.161
    """

    higher_is_better = True
    value_range = (0.0, 1.0)

    threshold: Annotated[float, Between(0.0, 1.0)] = 0.0
    tolerance_fraction: Annotated[float, Between(0.0, 0.1)] = 0.0075
    one_to_one: bool = True

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        """Return the edges as bool and the shares as float32, both (h, w)."""
        strength, share = _unit(prediction, "prediction"), _unit(target, "target")
        if strength.shape != share.shape:
            raise ShapeError(f"EdgeF: the prediction is {strength.shape}, the target {share.shape}")
        if share.min() < 0.0 or share.max() > 1.0:
            raise RangeError(
                "EdgeF: the target holds shares outside 0 to 1",
                hint="divide float boundaries by the number of people who drew them",
            )
        return strength > self.threshold, share

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        drawn = np.zeros((60, 80), np.uint8)
        drawn[20], drawn[:, 55] = 255, 102
        none, all_ = np.zeros_like(drawn), np.full_like(drawn, 255)
        half = np.where(np.arange(80) < 40, drawn, 0).astype(np.uint8)
        return (drawn, drawn), (half, drawn), (none, drawn), (all_, drawn), (none, none)

    def tally(self, prediction: NDArray[np.bool_], target: NDArray[Any]) -> NDArray[np.float64]:
        """Give edge pixels paired, all edge pixels, shares with an edge, all shares."""
        marked = target > 0.0
        radius = self.tolerance_fraction * math.hypot(*target.shape)
        steps, _ = disc_offsets((radius,))
        if self.one_to_one:
            right = match_one_to_one(prediction, marked, steps)
        else:
            right = reached(prediction, marked, steps).sum()
        found = target[reached(marked, prediction, steps)].sum(dtype=np.float64)
        drawn = target.sum(dtype=np.float64)
        return np.array([right, prediction.sum(), found, drawn], np.float64)

    def finish(self, tally: NDArray[Any]) -> float:
        return _agreement(tally).f

    def agreement(self) -> EdgeAgreement:
        """Give precision, recall and F over the set so far."""
        return _agreement(self.total())


def _agreement(tally: NDArray[Any]) -> EdgeAgreement:
    right, edges, found, drawn = (float(value) for value in tally)
    if edges == 0.0 and drawn == 0.0:
        return EdgeAgreement(1.0, 1.0, 1.0)
    precision = right / edges if edges else 0.0
    recall = found / drawn if drawn else 0.0
    both = precision + recall
    return EdgeAgreement(precision, recall, 2.0 * precision * recall / both if both else 0.0)


def _unit(array: Any, name: str) -> NDArray[np.float32]:
    if not isinstance(array, np.ndarray):
        raise DtypeError(f"EdgeF: the {name} must be an array, got {type(array).__name__}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or array.size == 0:
        raise ShapeError(f"EdgeF: the {name} must be (h, w), got shape {array.shape}")
    if array.dtype == np.bool_:
        return np.asarray(array, np.float32)
    plane = np.asarray(array / full_range(array.dtype), np.float32)
    if not np.isfinite(plane).all():
        raise RangeError(f"EdgeF: the {name} holds NaN or infinity")
    return np.asarray(plane)
