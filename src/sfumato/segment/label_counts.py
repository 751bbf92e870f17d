"""What is labelled how often and where: class weights, and what any segmenter must beat."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["LabelCounts"]


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """How often each class stands at each pixel of label maps of one size.

    Args:
        counts: number of maps that have the class there.

    Shape:
        counts (classes, h, w).

    Example:
        >>> maps = [np.array([[0, 1, 2]]), np.array([[0, 1, 1]]), np.array([[1, 2, 1]])]
        >>> counts = LabelCounts.of(maps, classes=3)
        >>> counts.majority(), counts.location_prior().tolist()
        (1, [[0, 1, 1]])
    """

    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls, maps: Iterable[NDArray[Any]], classes: int, *, ignore: int | None = None
    ) -> LabelCounts:
        """Count the labels of maps.

        Args:
            maps: integers (h, w), all of one size.
            classes: labels reach from 0 to this less 1.
            ignore: label of pixels that do not count.

        Raises:
            ShapeError: no maps, or of different sizes.
            DtypeError: no integers.
            RangeError: a label is none of the classes.
        """
        counts: NDArray[np.int64] | None = None
        for number, labels in enumerate(maps, start=1):
            who = f"LabelCounts: map {number}"
            if labels.ndim != 2 or labels.dtype.kind not in "bui":
                raise DtypeError(
                    f"{who} must be integers (h, w), got {labels.dtype} {labels.shape}"
                )
            if counts is None:
                counts = np.zeros((classes, *labels.shape), np.int64)
            if labels.shape != counts.shape[1:]:
                raise ShapeError(
                    f"{who} is {labels.shape}, the first one {counts.shape[1:]}",
                    hint="resize label maps with interpolation='nearest' only",
                )
            # In the dtype of the labels -1 or 255 might be another number.
            wide = labels.astype(np.int64)
            rows, columns = np.nonzero(np.ones_like(wide) if ignore is None else wide != ignore)
            counted = wide[rows, columns]
            if counted.size and not 0 <= counted.min() <= counted.max() < classes:
                wrong = counted.min() if counted.min() < 0 else counted.max()
                raise RangeError(
                    f"{who} holds the label {wrong}, expected 0 to {classes - 1}",
                    hint="name the label of pixels that do not count: ignore=255",
                )
            counts[counted, rows, columns] += 1
        if counts is None:
            raise ShapeError("LabelCounts: there are no label maps")
        return cls(counts)

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """The share of each class in all pixels that count."""
        each = self.counts.sum(axis=(1, 2))
        return np.asarray(each / max(1, each.sum()), np.float64)

    def majority(self) -> int:
        """Give the class that most pixels have."""
        return int(self.frequencies.argmax())

    def location_prior(self) -> NDArray[np.int32]:
        """Give the class that is most frequent at each pixel, the majority where none was seen.

        Shape:
            (h, w).
        """
        best: NDArray[np.int32] = self.counts.argmax(axis=0).astype(np.int32)
        best[self.counts.sum(axis=0) == 0] = self.majority()
        return best

    def class_weights(self, base: float = 1.02) -> tuple[float, ...]:
        """Weigh rare classes more, ``1 / ln(base + frequency)``, scaled to a mean pixel of 1.

        Args:
            base: the nearer to 1, the more a rare class weighs; 1.02 gives up to 35 times as
                much as everywhere.

        Raises:
            RangeError: a base of 1 or less.

        References:
            A. Paszke, A. Chaurasia, S. Kim, E. Culurciello. ENet: A Deep Neural Network
            Architecture for Real-Time Semantic Segmentation. 2016. arXiv:1606.02147
        """
        if not base > 1.0:
            raise RangeError(f"LabelCounts.class_weights: base {base} must be greater than 1")
        weights = [1.0 / math.log(base + share) for share in self.frequencies]
        mean = float(np.dot(weights, self.frequencies)) or 1.0
        return tuple(weight / mean for weight in weights)
