"""Dice coefficient of masks and label maps."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import SetMetric
from sfumato.errors import RangeError
from sfumato.measure.labels import check_label_pair, confusion_matrix, practice_labels

__all__ = ["Dice"]


class Dice(SetMetric):
    """Say how well masks or label maps agree, averaged over the classes.

    ``2 |A and B| / (|A| + |B|)`` for each class, which is 2 IoU / (1 + IoU) and the F
    score of its pixels. The counts are summed over the whole set first; a class that
    occurs in no map of the set is left out of the mean.

    Range 0 to 1, best 1. Where only the background occurs on both sides there was
    nothing to find and nothing was found: 1.

    Args:
        classes: number of classes, so that a label beyond them is refused; None
            takes the labels as they come.
        ignore: label of target pixels that do not count.
        background: class that is no part of the mean; 0 scores a mask by what it
            marks alone.

    Shape:
        prediction and target (h, w) or (h, w, 1), integers or bool.

    Raises:
        ShapeError: the shapes differ.
        DtypeError: no integers.
        RangeError: a label is not one of the classes, or no pixel counts.

    Example:
        >>> target, prediction = np.array([[True, True, False]]), np.array([[True, False, False]])
        >>> round(Dice(background=0)(prediction, target), 4)
        0.6667
    """

    higher_is_better = True
    value_range = (0.0, 1.0)

    classes: Annotated[int, Between(1, 4096)] | None = None
    ignore: int | None = None
    background: Annotated[int, Between(0, 4095)] | None = None

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        return check_label_pair(
            prediction, target, "Dice", classes=self.classes, ignore=self.ignore
        )

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        return practice_labels()

    def tally(self, prediction: NDArray[np.int32], target: NDArray[np.int32]) -> NDArray[np.int64]:
        return confusion_matrix(prediction, target, self.classes)

    def finish(self, tally: NDArray[Any]) -> float:
        if not tally.any():
            raise RangeError(
                "Dice: no pixel counts", hint="every target pixel has the ignored label"
            )
        values = self._per_class(tally)
        return 1.0 if np.isnan(values).all() else float(np.nanmean(values))

    def per_class(self) -> NDArray[np.float64]:
        """Give the value of each class over the set so far, NaN for those left out."""
        return self._per_class(self.total())

    def _per_class(self, tally: NDArray[Any]) -> NDArray[np.float64]:
        both = 2.0 * np.diag(tally)
        sizes = tally.sum(axis=0) + tally.sum(axis=1)
        values = np.divide(both, sizes, out=np.full_like(both, np.nan), where=sizes > 0)
        if self.background is not None and self.background < len(values):
            values[self.background] = np.nan
        return np.asarray(values)
