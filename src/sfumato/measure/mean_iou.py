"""Mean intersection over union of label maps."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import SetMetric
from sfumato.errors import RangeError
from sfumato.measure.labels import check_label_pair, confusion_matrix, practice_labels

__all__ = ["MeanIoU"]


class MeanIoU(SetMetric):
    """Say how well label maps cover the true ones, averaged over the classes.

    For each class the pixels where both maps have it, over those where at least one
    has. The counts are summed over the whole set first, and a class that occurs
    neither in a prediction nor in a target of the set is left out of the mean: the
    score of a set is not the mean of the scores of its pictures.

    Range 0 to 1, best 1. Flat maps are like any others.

    Args:
        classes: number of classes, so that a label beyond them is refused; None
            takes the labels as they come.
        ignore: label of target pixels that do not count.

    Shape:
        prediction and target (h, w) or (h, w, 1), integers or bool.

    Raises:
        ShapeError: the shapes differ.
        DtypeError: no integers.
        RangeError: a label is not one of the classes, or no pixel counts.

    Example:
        >>> target, prediction = np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 0]])
        >>> MeanIoU(ignore=255)(prediction, target)
        0.5

    References:
        M. Everingham, S. Eslami, L. Van Gool, C. Williams, J. Winn, A. Zisserman. The
        Pascal Visual Object Classes Challenge: A Retrospective. International Journal
        of Computer Vision, 2015. doi:10.1007/s11263-014-0733-5
    """

    higher_is_better = True
    value_range = (0.0, 1.0)

    classes: Annotated[int, Between(1, 4096)] | None = None
    ignore: int | None = None

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        return check_label_pair(
            prediction, target, "MeanIoU", classes=self.classes, ignore=self.ignore
        )

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        return practice_labels()

    def tally(self, prediction: NDArray[np.int32], target: NDArray[np.int32]) -> NDArray[np.int64]:
        return confusion_matrix(prediction, target, self.classes)

    def finish(self, tally: NDArray[Any]) -> float:
        values = _per_class(tally)
        if np.isnan(values).all():
            raise RangeError(
                "MeanIoU: no pixel counts", hint="every target pixel has the ignored label"
            )
        return float(np.nanmean(values))

    def per_class(self) -> NDArray[np.float64]:
        """Give the value of each class over the set so far, NaN for those that never occur."""
        return _per_class(self.total())


def _per_class(tally: NDArray[Any]) -> NDArray[np.float64]:
    both = np.diag(tally).astype(np.float64)
    either = tally.sum(axis=0) + tally.sum(axis=1) - both
    values = np.divide(both, either, out=np.full_like(both, np.nan), where=either > 0)
    return np.asarray(values)
