"""Metrics: a number that says how good a picture is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image, check_image
from sfumato.core.spec import Configured
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["Metric"]


class Metric(Configured, ABC):
    """Score a prediction against a target, one pair at a time or over a set.

    A subclass writes `score`; ``update``, ``compute`` and ``reset`` then give
    the mean over a set. A metric of whole sets (as FID) overrides those.

    Example:
        >>> class MeanError(Metric):
        ...     higher_is_better = False
        ...     def score(self, prediction, target):
        ...         return float(np.abs(prediction.astype(float) - target).mean())
        >>> metric = MeanError()
        >>> metric(np.full((2, 2, 1), 9, np.uint8), np.full((2, 2, 1), 4, np.uint8))
        5.0
    """

    higher_is_better: ClassVar[bool]

    @abstractmethod
    def score(self, prediction: Image, target: Image) -> float:
        """Give the score of one pair of equal shape and dtype."""

    def __call__(self, prediction: NDArray[Any], target: NDArray[Any]) -> float:
        """Check a pair and score it.

        Shape:
            both (h, w, c), or both (h, w).

        Raises:
            ShapeError: the shapes differ.
            DtypeError: the dtypes differ, so one scale cannot serve both.
        """
        who = type(self).__name__
        if np.shape(prediction) != np.shape(target):
            raise ShapeError(
                f"{who}: the prediction is {np.shape(prediction)}, the target {np.shape(target)}",
                hint="crop or resize one to the size of the other",
            )
        if prediction.dtype != target.dtype:
            raise DtypeError(
                f"{who}: the prediction is {prediction.dtype}, the target {target.dtype}",
                hint="bring both to one dtype, so that white means the same",
            )
        if prediction.ndim == 2:
            prediction, target = prediction[..., None], target[..., None]
        return self.score(check_image(prediction, who), check_image(target, who))

    def update(self, prediction: NDArray[Any], target: NDArray[Any]) -> None:
        """Add a pair to the set."""
        self._scores.append(self(prediction, target))

    def compute(self) -> float:
        """Give the mean over the set.

        Raises:
            RangeError: the set is empty.
        """
        if not self._scores:
            raise RangeError(
                f"{type(self).__name__}: there is nothing to compute from",
                hint="call update(prediction, target) at least once",
            )
        return float(np.mean(self._scores))

    def reset(self) -> None:
        """Empty the set."""
        self._scores.clear()

    @property
    def _scores(self) -> list[float]:
        # Settings are frozen, the running set is not one of them.
        scores: list[float] = self.__dict__.setdefault("_collected", [])
        return scores
