from __future__ import annotations

import numpy as np
import pytest

from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.segment.label_counts import LabelCounts


def test_counts_are_those_of_a_slow_loop(rng):
    maps = [rng.integers(0, 4, (5, 7)).astype(np.uint8) for _ in range(6)]
    maps[2][1] = 255
    got = LabelCounts.of(maps, 4, ignore=255)
    for label in range(4):
        want = sum((labels == label).astype(int) for labels in maps)
        np.testing.assert_array_equal(got.counts[label], want)
    assert got.frequencies.sum() == pytest.approx(1)


def test_the_prior_is_the_most_frequent_label_of_each_place():
    maps = [np.array([[0, 1, 9]]), np.array([[0, 1, 9]]), np.array([[1, 1, 9]])]
    counts = LabelCounts.of(maps, 3, ignore=9)
    assert counts.majority() == 1
    assert counts.location_prior().tolist() == [[0, 1, 1]]


def test_weights_fall_with_frequency_and_average_to_one_over_pixels():
    labels = np.repeat([0, 1, 2], [80, 19, 1])[None]
    counts = LabelCounts.of([labels], 4)
    weights = counts.class_weights()
    assert list(weights) == sorted(weights)
    assert np.dot(weights, counts.frequencies) == pytest.approx(1)
    assert weights[3] / weights[0] == pytest.approx(np.log(1.82) / np.log(1.02))
    with pytest.raises(RangeError, match="greater than 1"):
        counts.class_weights(base=1.0)


def test_broken_maps_are_refused():
    good = np.zeros((2, 3), np.uint8)
    with pytest.raises(ShapeError, match="no label maps"):
        LabelCounts.of([], 2)
    with pytest.raises(ShapeError, match=r"map 2 is \(3, 2\)"):
        LabelCounts.of([good, good.T], 2)
    with pytest.raises(RangeError, match="map 1 holds the label 5"):
        LabelCounts.of([good + 5], 2)
    with pytest.raises(DtypeError, match="float64"):
        LabelCounts.of([good / 2], 2)
