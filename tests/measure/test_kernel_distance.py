from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.errors import RangeError, ShapeError
from sfumato.measure import KernelDistance


def by_definition(a, b):
    """The unbiased estimate, pair by pair."""

    def kernel(x, y):
        return (float(x @ y) / len(x) + 1.0) ** 3

    def others(rows):
        n = len(rows)
        values = [kernel(rows[i], rows[j]) for i in range(n) for j in range(n) if i != j]
        return sum(values) / (n * (n - 1))

    return others(a) + others(b) - 2 * np.mean([kernel(x, y) for x in a for y in b])


def test_one_subset_of_all_members_is_the_estimate_by_definition(rng):
    a, b = rng.normal(size=(12, 5)), rng.normal(0.4, 1.0, (12, 5))
    got = KernelDistance(subset_size=12, subsets=1)(a, b)
    assert got == pytest.approx(by_definition(a, b), rel=1e-10)


def test_known_points_have_a_known_discrepancy():
    # k = (x y + 1)³ in one dimension: 8 = k(1, 1), 0 = k(1, -1).
    ones, minus = np.ones((3, 1)), -np.ones((3, 1))
    assert KernelDistance(subset_size=3, subsets=4)(ones, minus) == pytest.approx(8 + 8 - 0)
    assert KernelDistance(subset_size=2, subsets=4)(ones, ones) == pytest.approx(0.0)


def test_estimates_of_one_distribution_scatter_about_zero_at_any_size(rng):
    for size in (10, 40):
        values = [
            KernelDistance(subset_size=size, subsets=1)(
                rng.normal(size=(size, 3)), rng.normal(size=(size, 3))
            )
            for _ in range(300)
        ]
        assert min(values) < 0 < max(values)
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_normal_sets_come_near_the_exact_discrepancy(rng):
    # One dimension, N(m, 1) and N(0, 1): E (x y + 1)³ from moments of both.
    def expected(m, n):
        first, second, third = (
            (m * n),
            (m**2 + 1) * (n**2 + 1),
            (m**3 + 3 * m) * (n**3 + 3 * n),
        )
        return third + 3 * second + 3 * first + 1

    exact = expected(1.0, 1.0) + expected(0.0, 0.0) - 2 * expected(1.0, 0.0)
    a, b = rng.normal(1.0, 1.0, (20000, 1)), rng.normal(0.0, 1.0, (20000, 1))
    metric = KernelDistance(subset_size=1000, subsets=20)
    assert metric(a, b) == pytest.approx(exact, rel=0.1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), single=st.booleans(), cut=st.integers(1, 39))
def test_neither_order_nor_portions_matter(seed, single, cut):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(-3, 4, (40, 4)) / 2 for _ in range(2))
    a, b = (x.astype(np.float32) if single else x for x in (a, b))
    kept = a.copy()
    metric = KernelDistance(subset_size=15, subsets=3, seed=seed)
    whole = metric(a, b)
    order = rng.permutation(40)
    metric.update(a[order][:cut], b[order][cut:])
    metric.update(a[order][cut:], b[order][:cut])
    assert metric.compute() == whole
    np.testing.assert_array_equal(a, kept)


def test_the_report_gives_spread_and_a_floor_near_zero(rng):
    metric = KernelDistance(subset_size=100, subsets=30)
    metric.update(rng.normal(0.5, 1.0, (300, 6)), rng.normal(size=(310, 6)))
    report = metric.report()
    assert report.distance == metric.compute()
    assert 0 < report.spread < report.distance
    assert abs(report.floor) < 0.2 * report.distance
    assert (report.subset_size, report.floor_subset_size) == (100, 100)
    metric.reset()
    metric.update(rng.normal(size=(120, 6)), rng.normal(size=(120, 6)))
    assert metric.report().floor_subset_size == 60


def test_the_seed_chooses_the_subsets(rng):
    a, b = rng.normal(size=(2, 50, 3))
    first, again, other = (
        KernelDistance(subset_size=20, subsets=3, seed=s)(a, b) for s in (1, 1, 2)
    )
    assert first == again != other


def test_sets_smaller_than_a_subset_are_refused_with_the_size_that_would_do(rng):
    with pytest.raises(RangeError, match=r"30 members[\s\S]*1000[\s\S]*subset_size=30"):
        KernelDistance()(rng.normal(size=(30, 2)), rng.normal(size=(2000, 2)))


def test_features_of_other_lengths_are_refused(rng):
    metric = KernelDistance(subset_size=2)
    with pytest.raises(ShapeError, match="2 features, the target 3"):
        metric(np.ones((4, 2)), np.ones((4, 3)))
    metric.update(np.ones((4, 2)), np.ones((4, 2)))
    with pytest.raises(ShapeError, match=r"got 3 features after 2[\s\S]*reset"):
        metric.update(np.ones((4, 3)), np.ones((4, 3)))


def test_pictures_go_through_the_extractor(rng):
    pytest.importorskip("torch", reason="an extractor needs torch")
    pictures = rng.integers(0, 256, (24, 5, 6, 3), dtype=np.uint8)
    features = (pictures / 255.0).mean(axis=(1, 2))
    settings = {"subset_size": 8, "subsets": 4}
    metric = KernelDistance(extractor=lambda x: x.mean(dim=(2, 3)), **settings)
    expected = KernelDistance(**settings)(features[:12], features[12:])
    assert metric(pictures[:12], pictures[12:]) == pytest.approx(expected, abs=1e-5)
