from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.metric import Metric
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
        with np.errstate(invalid="ignore"):
            return float(super().score(prediction, target) / np.float64(target.std()))


def test_a_metric_in_one_method_keeps_the_contract():
    check_metric(GradientError())


@pytest.mark.parametrize(("broken", "promise"), [(Upside, "scores"), (NotANumber, "NaN")])
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
