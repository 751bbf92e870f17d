from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from sfumato.errors import DtypeError, RangeError, ShapeError, SpecError
from sfumato.measure import FrechetDistance, frechet_distance


def by_definition(mean_a, cov_a, mean_b, cov_b):
    root = sqrtm(cov_a @ cov_b)
    return ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root.real)


def some_gaussian(rng, dimensions):
    mixing = rng.normal(size=(dimensions, dimensions))
    return rng.normal(size=dimensions), mixing @ mixing.T / dimensions + 0.05 * np.eye(dimensions)


@pytest.mark.parametrize("dimensions", [1, 2, 7, 64])
def test_it_agrees_with_the_square_root_of_scipy(rng, dimensions):
    a, b = some_gaussian(rng, dimensions), some_gaussian(rng, dimensions)
    assert frechet_distance(*a, *b) == pytest.approx(by_definition(*a, *b), rel=1e-9)


def test_covariances_that_commute_have_a_closed_form(rng):
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    p, q = rng.uniform(0.0, 4.0, (2, 6))
    m, n = rng.normal(size=(2, 6))
    got = frechet_distance(m, turn * p @ turn.T, n, turn * q @ turn.T)
    expected = ((m - n) ** 2).sum() + ((np.sqrt(p) - np.sqrt(q)) ** 2).sum()
    assert got == pytest.approx(expected, rel=1e-10)


def test_singular_covariances_lose_no_digits(rng):
    # Rank 10 of 40: a plain square root of the product is off by 1e-6 or complex here.
    frame, _ = np.linalg.qr(rng.normal(size=(40, 10)))
    p, q = rng.uniform(1.0, 4.0, (2, 10))
    zero = np.zeros(40)
    got = frechet_distance(zero, frame * p @ frame.T, zero, frame * q @ frame.T)
    assert got == pytest.approx(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(), abs=1e-6)
    # Supports at right angles have nothing in common.
    flat, upright = np.diag([2.0, 0.0]), np.diag([0.0, 3.0])
    assert frechet_distance([0, 0], flat, [0, 0], upright) == pytest.approx(5.0, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), dimensions=st.integers(1, 12), scale=st.floats(1e-3, 1e3))
def test_it_is_a_symmetric_squared_distance(seed, dimensions, scale):
    rng = np.random.default_rng(seed)
    a, b, c = (some_gaussian(rng, dimensions) for _ in range(3))
    there = frechet_distance(*a, *b)
    assert there >= 0
    assert there == pytest.approx(frechet_distance(*b, *a), rel=1e-9)
    assert frechet_distance(*a, *a) == pytest.approx(0.0, abs=1e-11 * dimensions)
    scaled = [(scale * mean, scale**2 * covariance) for mean, covariance in (a, b)]
    assert frechet_distance(*scaled[0], *scaled[1]) == pytest.approx(scale**2 * there, rel=1e-7)
    detour = np.sqrt(frechet_distance(*a, *c)) + np.sqrt(frechet_distance(*c, *b))
    assert np.sqrt(there) <= detour + 1e-9


@pytest.mark.parametrize("unbiased", [True, False])
def test_sets_of_features_score_as_their_sample_moments(rng, unbiased):
    a, b = rng.normal(size=(80, 5)), 0.3 + rng.normal(size=(61, 5)) @ rng.normal(size=(5, 5))
    moments = [(x.mean(0), np.cov(x, rowvar=False, ddof=int(unbiased))) for x in (a, b)]
    got = FrechetDistance(unbiased=unbiased)(a, b)
    assert got == pytest.approx(by_definition(*moments[0], *moments[1]), rel=1e-9)


def test_a_common_offset_costs_no_digits(rng):
    a, b = rng.normal(size=(700, 4)), rng.normal(0.5, 1.0, (600, 4))
    metric = FrechetDistance()
    for k in range(0, 700, 7):
        metric.update(a[k : k + 7] + 1e7, b[6 * k // 7 : 6 * k // 7 + 6] + 1e7)
    assert metric.compute() == pytest.approx(FrechetDistance()(a, b), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 399), max_size=6, unique=True), seed=st.integers(0, 999))
def test_portions_do_not_matter_for_score_and_floor(cuts, seed):
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
    whole, parts = FrechetDistance(seed=seed), FrechetDistance(seed=seed)
    whole.update(a, b)
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), 400], strict=True):
        parts.update(a[low:high], b[low:high])
    np.testing.assert_allclose(parts.report(), whole.report(), rtol=1e-9)


def test_the_report_sets_the_distance_beside_a_floor_of_two_even_halves(rng):
    metric = FrechetDistance(seed=1)
    same, target = rng.normal(size=(2000, 8)), rng.normal(size=(4001, 8))
    metric.update(same, target)
    report = metric.report()
    assert (report.predictions, report.targets, report.features) == (2000, 4001, 8)
    assert report.distance == metric.compute()
    # Both are samples of one thing: d (d + 5) / 2 n for two sets of n, to first order.
    assert report.floor == pytest.approx(8 * 13 / (2 * 2000), rel=0.4)
    assert report.distance < 1.5 * report.floor
    halves = metric.total()[1:, 0, 0]
    assert abs(halves[0] - halves[1]) <= 1
    other = FrechetDistance(seed=2)
    other.update(same, target)
    assert other.report().floor != report.floor
    assert other.compute() == pytest.approx(report.distance, rel=1e-9)


def test_too_few_members_are_refused_unless_allowed(rng):
    few, many = rng.normal(size=(5, 5)), rng.normal(size=(50, 5))
    with pytest.raises(RangeError, match=r"5 members for 5 features[\s\S]*allow_few"):
        FrechetDistance()(few, many)
    assert FrechetDistance(allow_few=True)(few, many) > 0
    with pytest.raises(RangeError, match="1 members"):
        FrechetDistance(allow_few=True)(few[:1], many)
    metric = FrechetDistance()
    metric.update(many[:8], many[:8])
    assert metric.compute() >= 0
    with pytest.raises(RangeError, match="half of the target has 4 members"):
        metric.report()


def test_what_is_no_set_of_features_is_refused(rng):
    metric, good = FrechetDistance(), rng.normal(size=(9, 2))
    with pytest.raises(ShapeError, match=r"pictures need an extractor="):
        metric(np.zeros((4, 8, 8, 3), np.uint8), good)
    with pytest.raises(ShapeError, match=r"one member is \(1, d\)"):
        metric(good, good[0])
    with pytest.raises(ShapeError, match="2 features, the target 1"):
        metric(good, good[:, :1])
    with pytest.raises(DtypeError, match="got list"):
        metric([[1.0, 2.0]], good)
    with pytest.raises(DtypeError, match="complex"):
        metric(good.astype(complex), good)
    with pytest.raises(RangeError, match="NaN"):
        metric(good, np.where(good > 0, np.nan, good))
    metric.update(good, good)
    with pytest.raises(ShapeError, match=r"got 3 features after 2[\s\S]*reset"):
        metric.update(np.ones((4, 3)), np.ones((4, 3)))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (([0.0], np.eye(1), [0.0, 0.0], np.eye(2)), ShapeError),
        (([0.0, 0.0], np.eye(3), [0.0, 0.0], np.eye(2)), ShapeError),
        (([np.nan, 0.0], np.eye(2), [0.0, 0.0], np.eye(2)), RangeError),
        (([0.0, 0.0], [[1.0, 2.0], [0.0, 1.0]], [0.0, 0.0], np.eye(2)), RangeError),
        (([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]], [0.0, 0.0], np.eye(2)), RangeError),
    ],
)
def test_what_is_no_gaussian_is_refused(arguments, error):
    with pytest.raises(error):
        frechet_distance(*arguments)


def grid_means(x):
    """A tiny extractor: the mean of each quarter and channel."""
    return (
        x.unfold(2, x.shape[2] // 2, x.shape[2] // 2)
        .unfold(3, x.shape[3] // 2, x.shape[3] // 2)[:, :, :2, :2]
        .mean(dim=(4, 5))
        .flatten(1)
    )


class TestPictures:
    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("torch", reason="an extractor needs torch")

    def test_pictures_score_as_the_features_of_the_extractor(self, rng):
        a = rng.integers(0, 256, (40, 6, 8, 3), dtype=np.uint8)
        b = rng.integers(0, 200, (30, 6, 8, 3), dtype=np.uint8)

        def features(stack):
            quarters = stack.reshape(len(stack), 2, 3, 2, 4, 3).mean(axis=(2, 4)) / 255
            return quarters.transpose(0, 3, 1, 2).reshape(len(stack), -1)

        expected = FrechetDistance()(features(a), features(b))
        metric = FrechetDistance(extractor=grid_means, batch_size=7)
        assert metric(a, b) == pytest.approx(expected, rel=1e-4)
        for k in range(40):
            metric.update(a[k], [b[k]] if k < 30 else b[:1])
        assert metric.report().predictions == 40
        with pytest.raises(SpecError, match="function"):
            from sfumato.core.spec import to_yaml

            to_yaml(metric)

    def test_pictures_of_several_sizes_and_dtypes_may_be_mixed(self, rng):
        unit = rng.random((20, 8, 8, 1), dtype=np.float32)
        mixed = [
            np.rint(unit[k] * 65535).astype(np.uint16) if k % 3 else unit[k] for k in range(20)
        ]
        mixed += [np.kron(unit[3, :, :, 0], np.ones((2, 2), np.float32))]
        stack = np.concatenate([unit, unit[3:4]])
        metric = FrechetDistance(extractor=grid_means)
        assert metric(mixed, stack) == pytest.approx(0.0, abs=1e-6)

    def test_extractors_that_would_mislead_are_refused(self, rng):
        import torch

        pictures = rng.random((6, 8, 8, 3), dtype=np.float32)
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2))
        with pytest.raises(RangeError, match=r"training mode[\s\S]*eval"):
            FrechetDistance(extractor=network)(pictures, pictures)
        assert FrechetDistance(extractor=network.eval())(pictures, pictures) < 1e-9
        with pytest.raises(ShapeError, match=r"gave \(6, 3, 8, 8\)[\s\S]*mean\(dim"):
            FrechetDistance(extractor=lambda x: x)(pictures, pictures)
        with pytest.raises(ShapeError, match="pictures of other sizes"):
            FrechetDistance(extractor=torch.nn.Flatten().eval())(
                [pictures[0], pictures[0, 1:]], pictures
            )
        with pytest.raises(RangeError, match="what the extractor gave holds NaN"):
            FrechetDistance(extractor=lambda x: x.flatten(1) * torch.nan)(pictures, pictures)

    def test_wrong_pictures_are_refused(self, rng):
        metric, good = FrechetDistance(extractor=grid_means), rng.random((3, 8, 8, 3), np.float32)
        with pytest.raises(RangeError, match="the prediction is empty"):
            metric([], good)
        with pytest.raises(RangeError, match="target: picture 2 holds NaN"):
            metric(good, [good[0], good[0] * np.float32(np.nan)])
        with pytest.raises(DtypeError, match="float64"):
            metric(good.astype(np.float64), good)
        with pytest.raises(DtypeError, match="expected pictures, got str"):
            metric("folder", good)
