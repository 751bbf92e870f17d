"""Intervals against SciPy, against their promise, and against counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import RangeError
from sfumato.measure import BoundaryF, Dice, MeanIoU
from sfumato.measure.confidence import estimate_mean, estimate_set, student_quantile


@given(st.floats(0.001, 0.999), st.integers(1, 400))
def test_quantiles_are_those_of_scipy(share, freedom):
    found = student_quantile(share, freedom)
    assert found == pytest.approx(scipy.stats.t.ppf(share, freedom), rel=1e-9, abs=1e-9)


def test_quantiles_that_cannot_be_are_refused():
    for share, freedom in ((0.0, 3), (1.0, 3), (0.5, 0)):
        with pytest.raises(RangeError, match="no quantile"):
            student_quantile(share, freedom)


def test_the_interval_of_a_mean_is_that_of_scipy(rng):
    scores = rng.normal(30, 4, 11)
    found = estimate_mean(scores)
    wanted = scipy.stats.t.interval(0.95, 10, loc=scores.mean(), scale=scipy.stats.sem(scores))
    assert (found.low, found.high) == pytest.approx(wanted, rel=1e-9)
    assert (found.value, found.count, found.method) == (pytest.approx(scores.mean()), 11, "t")


def test_the_interval_holds_the_truth_as_often_as_it_says(rng):
    held = 0
    for _ in range(2000):
        found = estimate_mean(rng.normal(5.0, 1.0, 6))
        held += found.low <= 5.0 <= found.high
    assert 0.935 < held / 2000 < 0.965


def test_an_interval_stays_within_the_range_of_its_score():
    found = estimate_mean([0.99, 1.0, 0.9], within=(0.0, 1.0))
    assert found.high == 1.0
    assert 0.0 < found.low < 0.9633


@pytest.mark.parametrize("scores", [[31.5], [31.0, math.inf]])
def test_without_spread_there_is_no_interval(scores):
    found = estimate_mean(scores)
    assert (found.low, found.high) == (None, None)
    assert found.value == np.mean(scores)


def test_no_score_and_nan_are_refused():
    for scores in ([], [1.0, math.nan]):
        with pytest.raises(RangeError, match="estimate_mean"):
            estimate_mean(scores)
    with pytest.raises(RangeError, match="estimate_set"):
        estimate_set(Dice(), [])


@pytest.mark.parametrize("metric", [MeanIoU(), Dice(), BoundaryF(radii_px=(1.0, 2.0))])
def test_the_value_of_a_set_is_that_of_the_metric(metric, rng):
    pairs = [rng.integers(0, 2 + k, (2, 12, 14)) for k in range(5)]
    tallies = []
    for prediction, target in pairs:
        metric.update(prediction, target)
        tallies.append(metric.tally(*metric.check_pair(prediction, target)))
    found = estimate_set(metric, tallies)
    assert found.value == pytest.approx(metric.compute(), abs=1e-12)
    assert found.low <= found.value <= found.high
    assert (found.count, found.method) == (5, "bootstrap")
    assert estimate_set(metric, tallies) == found


def test_the_bootstrap_agrees_with_the_normal_law_for_many_pictures(rng):
    """Dice of masks of one size is the mean of their scores, whose law is known."""
    hits = rng.integers(50, 100, 200)
    tallies = [np.array([[0, 0], [100 - h, h]]) for h in hits]
    # Of 100 true pixels h are found and none too many: Dice = 2 h / (100 + h) in all.
    found = estimate_set(Dice(background=0), tallies)
    mean, error = hits.mean(), hits.std(ddof=1) / math.sqrt(200)
    wanted = [2 * m / (100 + m) for m in (mean - 1.96 * error, mean + 1.96 * error)]
    assert (found.low, found.high) == pytest.approx(wanted, abs=0.002)


def test_one_map_and_huge_tallies_have_no_interval():
    assert estimate_set(MeanIoU(), [np.eye(3)]).low is None
    assert estimate_set(MeanIoU(), [np.eye(1100), np.eye(1100)]).low is None
