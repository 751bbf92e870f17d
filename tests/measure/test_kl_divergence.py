from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.integrate import quad
from scipy.stats import entropy as scipy_entropy
from scipy.stats import norm

from sfumato.errors import RangeError, ShapeError
from sfumato.measure import KLDivergence, kl_divergence, kl_divergence_gaussian

weights = hnp.arrays(np.float64, (2, 7), elements=st.floats(0.01, 10.0))


@given(weights)
def test_the_discrete_form_is_that_of_scipy_and_never_negative(pair):
    p, q = pair
    assert kl_divergence(p, q) == pytest.approx(scipy_entropy(p, q), abs=1e-12)
    bits = kl_divergence(p, q, unit="bits")
    assert bits == pytest.approx(scipy_entropy(p, q, base=2), abs=1e-12)
    assert kl_divergence(p, q) >= 0.0
    assert kl_divergence(p, p) == 0.0


def test_it_is_not_symmetric():
    p, q = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    assert kl_divergence(p, q) == pytest.approx(0.5 * math.log(25 / 9))
    assert kl_divergence(q, p) == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2))


def test_what_the_model_rules_out_costs_everything():
    p, q = np.array([1, 1, 0]), np.array([1, 0, 1])
    assert kl_divergence(p, q) == math.inf
    assert kl_divergence(np.array([1, 0, 0]), q) == pytest.approx(math.log(2))


def test_the_gaussian_form_is_the_integral():
    m, s, n, t = 0.3, 0.7, -0.4, 1.3

    def integrand(x):
        p = norm.pdf(x, m, s)
        return p * (norm.logpdf(x, m, s) - norm.logpdf(x, n, t))

    expected, _ = quad(integrand, -8, 8)
    found = kl_divergence_gaussian(m, s * s, n, t * t)
    assert found == pytest.approx(expected, abs=1e-9)
    bits = kl_divergence_gaussian(m, s * s, n, t * t, unit="bits")
    assert bits == pytest.approx(expected / math.log(2), abs=1e-9)


def test_the_gaussian_form_is_that_of_an_autoencoder(rng):
    mean, variance = rng.normal(size=6), rng.uniform(0.2, 3, 6)
    expected = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum()
    assert kl_divergence_gaussian(mean, variance) == pytest.approx(expected)
    assert kl_divergence_gaussian(mean, np.diag(variance)) == pytest.approx(expected)


def test_the_gaussian_form_does_not_depend_on_the_axes(rng):
    mean_p, mean_q = rng.normal(size=(2, 4))
    roots = rng.normal(size=(2, 4, 4))
    p, q = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(4)
    trace = np.trace(np.linalg.solve(q, p))
    gap = mean_q - mean_p
    logs = np.log(np.linalg.det(q) / np.linalg.det(p))
    expected = 0.5 * (trace + gap @ np.linalg.solve(q, gap) - 4 + logs)
    assert kl_divergence_gaussian(mean_p, p, mean_q, q) == pytest.approx(expected)
    change = rng.normal(size=(4, 4))
    moved = kl_divergence_gaussian(
        change @ mean_p, change @ p @ change.T, change @ mean_q, change @ q @ change.T
    )
    assert moved == pytest.approx(expected)


def test_equal_gaussians_do_not_differ():
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    same = kl_divergence_gaussian([1.0, 2.0], covariance, [1.0, 2.0], covariance)
    assert same == pytest.approx(0.0, abs=1e-12)


def test_histograms_of_pictures_are_compared_target_first(rng):
    target = rng.normal(100, 20, (60, 60)).clip(0, 255).astype(np.uint8)
    prediction = rng.normal(120, 30, (60, 60)).clip(0, 255).astype(np.uint8)
    p, q = (np.bincount(image.ravel(), minlength=256) for image in (target, prediction))
    assert KLDivergence()(prediction, target) == pytest.approx(scipy_entropy(p + 0.5, q + 0.5))
    exact = KLDivergence(pseudo_count=0.0, bins=4)(prediction, target)
    p, q = p.reshape(4, 64).sum(axis=1), q.reshape(4, 64).sum(axis=1)
    assert exact == pytest.approx(scipy_entropy(p, q))
    mirrored = rng.permutation(prediction.ravel()).reshape(60, 60)
    assert KLDivergence()(mirrored, target) == KLDivergence()(prediction, target)


def test_without_pseudo_counts_a_missing_value_is_infinitely_wrong():
    target, prediction = np.array([[0, 255]], np.uint8), np.array([[0, 0]], np.uint8)
    assert KLDivergence(pseudo_count=0.0)(prediction, target) == math.inf
    assert KLDivergence(pseudo_count=0.0)(target, prediction) == pytest.approx(math.log(2))
    assert math.isfinite(KLDivergence()(prediction, target))


def test_what_is_no_distribution_is_refused():
    with pytest.raises(ShapeError):
        kl_divergence(np.ones(3), np.ones(4))
    with pytest.raises(RangeError, match="q: weights"):
        kl_divergence(np.ones(2), np.array([1, -1]))
    with pytest.raises(RangeError, match="positive definite"):
        kl_divergence_gaussian(0.0, -1.0)
    with pytest.raises(RangeError, match="symmetric"):
        kl_divergence_gaussian([0.0, 0.0], [[1.0, 0.9], [0.0, 1.0]])
    with pytest.raises(RangeError, match="NaN"):
        kl_divergence_gaussian(np.nan, 1.0)
    with pytest.raises(ShapeError):
        kl_divergence_gaussian([0.0, 0.0], np.eye(3), [0.0, 0.0], np.eye(2))
