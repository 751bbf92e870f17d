from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.metric import Metric, SetMetric
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.testing import check_metric


class GradientError(Metric):
    """Mean absolute difference of forward differences; 0 for equal pictures."""

    higher_is_better = False

    def score(self, prediction, target):
        gap = prediction.astype(np.float64) - target
        return float(
            (np.abs(np.diff(gap, axis=0)).mean() + np.abs(np.diff(gap, axis=1)).mean()) / 2
        )


class Upside(GradientError):
    """The wrong way round."""

    higher_is_better = True


class NotANumber(GradientError):
    """NaN for flat pictures."""

    def score(self, prediction, target):
        with np.errstate(all="ignore"):
            return float(super().score(prediction, target) / np.float64(target.std()))


def test_a_metric_in_one_method_keeps_the_contract():
    check_metric(GradientError())


class OutOfRange(GradientError):
    """States a range that it does not keep."""

    value_range = (0.0, 1.0)


class WrongBest(GradientError):
    """Says that less than nothing can be had."""

    value_range = (-1.0, 1e9)


class Scribbles(GradientError):
    """Writes into the prediction."""

    def score(self, prediction, target):
        value = super().score(prediction, target)
        prediction[0, 0] ^= 1
        return value


class Forgetful(GradientError):
    """Keeps only the last score."""

    def compute(self):
        super().compute()
        return self._scores[-1]


class NeverEmpty(GradientError):
    """Does not reset."""

    def compute(self):
        return super().compute() if self._scores else 0.0


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Upside, "scores"),
        (NotANumber, "NaN"),
        (OutOfRange, "outside"),
        (WrongBest, "stated best"),
        (Scribbles, "inputs"),
        (Forgetful, "mean of its pairs"),
        (NeverEmpty, "reset"),
    ],
)
def test_the_contract_catches_broken_metrics(broken, promise):
    with pytest.raises(AssertionError, match=promise):
        check_metric(broken())


def test_pairs_that_cannot_be_compared_are_refused():
    a = np.zeros((4, 4, 1), np.uint8)
    with pytest.raises(ShapeError, match="GradientError"):
        GradientError()(a, a[1:])
    with pytest.raises(DtypeError):
        GradientError()(a, a.astype(np.uint16))
    with pytest.raises(RangeError, match="nothing to compute"):
        GradientError().compute()


def test_a_set_scores_its_mean_and_can_be_emptied():
    metric, ramp = GradientError(), np.arange(8.0, dtype=np.float32).reshape(1, 8).repeat(3, axis=0)
    metric.update(ramp, 0 * ramp)
    metric.update(3 * ramp, 0 * ramp)
    assert metric.compute() == pytest.approx((0.5 + 1.5) / 2)
    metric.reset()
    metric.update(ramp, ramp)
    assert metric.compute() == 0.0


class Agreement(SetMetric):
    """Share of equal values over all pictures of a set."""

    higher_is_better = True
    value_range = (0.0, 1.0)

    def tally(self, prediction, target):
        return np.array([(prediction == target).sum(), target.size])

    def finish(self, tally):
        return float(tally[0] / tally[1])


class Levels(SetMetric):
    """Histogram that is as long as the largest value."""

    higher_is_better = True

    def tally(self, prediction, target):
        return np.bincount(prediction.ravel())

    def finish(self, tally):
        return float(len(tally))


def test_a_set_metric_keeps_the_contract():
    check_metric(Agreement())


def test_tallies_are_added_and_not_averaged():
    metric, zeros = Agreement(), np.zeros((9, 1, 1), np.uint8)
    metric.update(zeros, zeros)
    metric.update(zeros[:1], zeros[:1] + 1)
    assert metric.compute() == pytest.approx(0.9)
    metric.reset()
    with pytest.raises(RangeError, match="nothing to compute"):
        metric.compute()


def test_tallies_of_different_lengths_are_added_as_if_zeros_followed():
    metric = Levels()
    for values in ([0, 1, 1], [0, 3], [1]):
        picture = np.array(values, np.uint8).reshape(1, -1, 1)
        metric.update(picture, picture)
    assert metric.total().tolist() == [2, 3, 0, 1]


def test_a_picture_with_nan_is_refused_by_name():
    a = np.zeros((4, 4, 1), np.float32)
    b = a.copy()
    b[1, 2] = np.inf
    with pytest.raises(RangeError, match="the target holds NaN or infinity"):
        GradientError()(a, b)
