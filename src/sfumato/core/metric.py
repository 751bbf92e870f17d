"""Metrics: a number that says how good a picture is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image, check_image
from sfumato.core.spec import Configured
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["Metric", "SetMetric"]


class Metric(Configured, ABC):
    """Score a prediction against a target, one pair at a time or over a set.

    A subclass writes `score` and says in which direction and between which
    ends its values lie; ``update``, ``compute`` and ``reset`` then give the mean
    over a set. Where the two are no pictures of one size, it overrides
    `check_pair` and `practice_pairs` as well.

    Example:
        >>> class MeanError(Metric):
        ...     higher_is_better = False
        ...     value_range = (0.0, 255.0)
        ...     def score(self, prediction, target):
        ...         return float(np.abs(prediction.astype(float) - target).mean())
        >>> metric = MeanError()
        >>> metric(np.full((2, 2, 1), 9, np.uint8), np.full((2, 2, 1), 4, np.uint8))
        5.0
        >>> metric.best
        0.0
    """

    higher_is_better: ClassVar[bool]
    value_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    @abstractmethod
    def score(self, prediction: Any, target: Any) -> float:
        """Give the score of one pair that `check_pair` let through."""

    @property
    def best(self) -> float:
        """The best score there is: one end of ``value_range``."""
        return self.value_range[1 if self.higher_is_better else 0]

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        """Return the pair in the form that `score` reads, or refuse it.

        By default both are pictures of equal shape and dtype.

        Raises:
            ShapeError: the shapes differ.
            DtypeError: no pictures, or the dtypes differ, so one scale cannot serve both.
            RangeError: a picture holds NaN or infinity.
        """
        who = type(self).__name__
        if np.shape(prediction) != np.shape(target):
            raise ShapeError(
                f"{who}: the prediction is {np.shape(prediction)}, the target {np.shape(target)}",
                hint="crop or resize one to the size of the other",
            )
        first, second = self._picture(prediction, "prediction"), self._picture(target, "target")
        if first.dtype != second.dtype:
            raise DtypeError(
                f"{who}: the prediction is {first.dtype}, the target {second.dtype}",
                hint="bring both to one dtype, so that white means the same",
            )
        return first, second

    def _picture(self, array: Any, name: str) -> Image:
        who = f"{type(self).__name__}: the {name}"
        if isinstance(array, np.ndarray) and array.ndim == 2:
            array = array[..., None]
        image = check_image(array, who)
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise RangeError(
                f"{who} holds NaN or infinity",
                hint="find where it comes from; np.nan_to_num(image) if it means black",
            )
        return image

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        """Give pairs to check the contract with, the one with the best score first.

        Empty for metrics of two pictures, for which `sfumato.testing` has its own.
        """
        return ()

    def __call__(self, prediction: Any, target: Any) -> float:
        """Check a pair and score it.

        Shape:
            both (h, w, c), or both (h, w), unless the metric says otherwise.

        Raises:
            ShapeError: the shapes differ.
            DtypeError: no pictures, or the dtypes differ.
            RangeError: NaN or infinity.
        """
        return self.score(*self.check_pair(prediction, target))

    def update(self, prediction: Any, target: Any) -> None:
        """Add a pair to the set."""
        self._scores.append(self(prediction, target))

    def compute(self) -> float:
        """Give the mean over the set.

        Raises:
            RangeError: the set is empty.
        """
        if not self._scores:
            raise self._nothing()
        return float(np.mean(self._scores))

    def reset(self) -> None:
        """Empty the set."""
        self._scores.clear()

    def _nothing(self) -> RangeError:
        return RangeError(
            f"{type(self).__name__}: there is nothing to compute from",
            hint="call update(prediction, target) at least once",
        )

    @property
    def _scores(self) -> list[Any]:
        # Settings are frozen, the running set is not one of them.
        scores: list[Any] = self.__dict__.setdefault("_collected", [])
        return scores


class SetMetric(Metric):
    """Score a set from tallies that add up, not from the scores of its pairs.

    A subclass writes what a pair adds (`tally`, an array of counts or sums) and
    what the sum means (`finish`). Tallies of different lengths are added as if
    the shorter one went on with zeros.

    Example:
        >>> class Hits(SetMetric):
        ...     higher_is_better = True
        ...     value_range = (0.0, 1.0)
        ...     def tally(self, prediction, target):
        ...         return np.array([(prediction == target).sum(), target.size])
        ...     def finish(self, tally):
        ...         return float(tally[0] / tally[1])
        >>> metric = Hits()
        >>> metric.update(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))
        >>> metric.update(np.zeros((1, 1), np.uint8), np.ones((1, 1), np.uint8))
        >>> metric.compute()
        0.8
    """

    @abstractmethod
    def tally(self, prediction: Any, target: Any) -> NDArray[Any]:
        """Give what one pair adds to the set."""

    @abstractmethod
    def finish(self, tally: NDArray[Any]) -> float:
        """Give the score that a sum of tallies stands for."""

    def score(self, prediction: Any, target: Any) -> float:
        return self.finish(self.tally(prediction, target))

    def update(self, prediction: Any, target: Any) -> None:
        new = self.tally(*self.check_pair(prediction, target))
        self._scores[:] = [_added(self._scores[0], new)] if self._scores else [new]

    def compute(self) -> float:
        """Give the score of the whole set.

        Raises:
            RangeError: the set is empty.
        """
        return self.finish(self.total())

    def total(self) -> NDArray[Any]:
        """Give the sum of the tallies so far.

        Raises:
            RangeError: the set is empty.
        """
        if not self._scores:
            raise self._nothing()
        return np.asarray(self._scores[0])


def _added(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    if a.shape == b.shape:
        return np.asarray(a + b)
    size = tuple(max(pair) for pair in zip(a.shape, b.shape, strict=True))
    total = np.zeros(size, np.result_type(a, b))
    for part in (a, b):
        total[tuple(slice(n) for n in part.shape)] += part
    return total
