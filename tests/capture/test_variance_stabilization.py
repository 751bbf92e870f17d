"""k-sigma and the generalised Anscombe transform, against integrals and large samples."""

import functools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from sfumato.capture.noise_law import NoiseLaw
from sfumato.capture.noise_model import NoiseModel
from sfumato.capture.variance_stabilization import GeneralizedAnscombe, KSigma
from sfumato.core.spec import from_spec, to_spec
from sfumato.errors import DtypeError, RangeError, ShapeError

SITES = NoiseModel(gain=(0.5, 1.0, 2.0, 4.0), read_noise=(1.0, 2.0, 3.0, 4.0))
LAW = NoiseLaw(gain_per_iso=(0.003,), read_law=(0.8, 1.3, 0.0), white=(1e6,), black=(1e5,))


def model_of(sigma, gain=1.0):
    return NoiseModel(gain=(gain,), read_noise=(sigma * gain,), black=(1e4,), white=(1e7,))


@functools.cache
def moments(y, sigma):
    """Mean and variance of the transform, by adaptive integration count by count."""
    counts = np.arange(int(y + 12 * math.sqrt(y) + 30))
    chances = stats.poisson.pmf(counts, y)

    def transformed(x):
        return 2 * math.sqrt(max(x + 0.375 + sigma**2, 0.0))

    mean = square = 0.0
    for n, chance in zip(counts.tolist(), chances.tolist(), strict=True):
        if chance < 1e-13:
            continue
        if sigma == 0:
            first, second = transformed(n), transformed(n) ** 2
        else:
            edge = max(-(n + 0.375 + sigma**2) / sigma, -10.0)

            def part(z, power, n=n):
                density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
                return transformed(n + sigma * z) ** power * density

            first = integrate.quad(part, edge, 10, args=(1,), limit=200)[0]
            second = integrate.quad(part, edge, 10, args=(2,), limit=200)[0]
        mean, square = mean + chance * first, square + chance * second
    return mean, square - mean**2


@pytest.mark.parametrize("iso", [100, 400, 1600, 6400, 25600])
def test_after_k_sigma_the_mean_is_the_variance_at_every_iso(iso, rng):
    model = LAW.at(iso)
    light = np.full((1000, 1000), 200.0 * model.gain[0])
    even = KSigma(model=model).forward(model.apply(light, rng, clip=False))
    # The standard error of the variance of 1e6 values is 0.14 %.
    assert even.var() == pytest.approx(even.mean(), rel=0.01)


def test_k_sigma_is_affine_and_goes_back():
    model = NoiseModel(gain=(2.0,), read_noise=(6.0,))
    np.testing.assert_allclose(KSigma(model=model).forward(np.array([0.0, 8.0])), [9.0, 13.0])
    values = np.random.default_rng(0).uniform(-50, 4000, (9, 11))
    even = KSigma(model=SITES)
    np.testing.assert_allclose(even.inverse(even.forward(values)), values, rtol=0, atol=1e-11)


def test_without_read_noise_it_is_the_transform_of_anscombe():
    counts = np.arange(50.0)
    found = GeneralizedAnscombe(model=model_of(0.0)).forward(counts)
    np.testing.assert_allclose(found, 2 * np.sqrt(counts + 0.375), rtol=1e-15)


def test_the_formula_in_dn():
    gain, sigma, x = 1.7, 5.0, np.linspace(-30, 900, 40)
    model = NoiseModel(gain=(gain,), read_noise=(sigma,))
    inside = np.maximum(gain * x + 0.375 * gain**2 + sigma**2, 0)
    found = GeneralizedAnscombe(model=model).forward(x)
    np.testing.assert_allclose(found, 2 / gain * np.sqrt(inside), rtol=1e-13)


@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0, 2.0, 5.0, 20.0])
def test_the_variance_is_one_above_five_electrons(sigma, rng):
    steady = GeneralizedAnscombe(model=model_of(sigma, gain=3.0))
    for electrons in (5.5, 8.0, 20.0, 100.0, 2000.0):
        light = np.full((600, 600), 3.0 * electrons)
        variance = steady.forward(steady.model.apply(light, rng, clip=False)).var()
        assert 0.95 < variance < 1.05, (sigma, electrons, variance)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0, 2.0, 5.0])
def test_the_exact_inverse_undoes_the_integral(sigma):
    steady = GeneralizedAnscombe(model=model_of(sigma, gain=2.0))
    light = (0.01, 0.5, 1.0, 3.0, 12.0, 60.0)
    means = np.array([moments(y, sigma)[0] for y in light])
    np.testing.assert_allclose(steady.inverse(means) / 2, light, rtol=0, atol=2e-6)


@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0, 5.0])
def test_denoised_light_is_unbiased_down_to_half_an_electron(sigma, rng):
    steady = GeneralizedAnscombe(model=model_of(sigma, gain=0.5))
    for electrons in (0.5, 1.0, 4.0, 30.0, 400.0):
        light = np.full((1000, 1500), 0.5 * electrons)
        mean = steady.forward(steady.model.apply(light, rng, clip=False)).mean(keepdims=True)
        found = float(steady.inverse(mean)[0, 0]) / 0.5
        error = math.sqrt((electrons + sigma**2) / light.size)
        assert abs(found - electrons) < max(0.05, 4 * error), (sigma, electrons)
        assert max(0.05, 4 * error) < 0.07


@pytest.mark.parametrize("sigma", [12.2, 12.3, 50.0, 400.0])
def test_much_read_noise_needs_no_integral(sigma):
    steady = GeneralizedAnscombe(model=model_of(sigma))
    for y in (0.0, 3.0, 90.0):
        v, m = y + sigma**2, y + 0.375 + sigma**2
        # Second-order delta method, good to v^-3/2.
        mean = 2 * math.sqrt(m) * (1 - v / (8 * m**2) - 15 * v**2 / (128 * m**4))
        mean += 2 * math.sqrt(m) * y / (16 * m**3)
        assert float(steady.inverse(np.array([mean]))[0]) == pytest.approx(y, abs=5e-3)


def test_the_algebraic_inverse_is_exact_and_biased():
    steady = GeneralizedAnscombe(model=SITES)
    values = np.random.default_rng(0).uniform(0, 4000, (8, 6))
    there = steady.forward(values)
    np.testing.assert_allclose(steady.inverse(there, "algebraic"), values, rtol=1e-12, atol=1e-11)
    alone = GeneralizedAnscombe(model=model_of(0.0))
    mean = np.array([moments(1.0, 0.0)[0]])
    assert float(alone.inverse(mean, "algebraic")[0]) - 1 == pytest.approx(-0.18, abs=0.01)


@pytest.mark.parametrize(
    ("sigma", "bound"), [(0.0, 0.018), (0.5, 0.041), (1.0, 0.032), (2.0, 0.036)]
)
def test_the_closed_form_is_within_its_known_error(sigma, bound):
    steady = GeneralizedAnscombe(model=model_of(sigma))
    for y in (0.2, 0.5, 1.0, 3.0, 10.0, 60.0):
        mean = np.array([moments(y, sigma)[0]])
        assert abs(float(steady.inverse(mean, "closed_form")[0]) - y) <= bound


def test_what_is_darker_than_no_light_is_no_light():
    steady = GeneralizedAnscombe(model=model_of(1.0))
    for kind in ("exact", "closed_form"):
        assert steady.inverse(np.array([-1.0, 0.0, 0.5]), kind).tolist() == [0.0, 0.0, 0.0]


def test_the_exact_inverse_rises():
    for sigma in (0.0, 0.7, 3.0, 30.0):
        steady = GeneralizedAnscombe(model=model_of(sigma))
        found = steady.inverse(np.linspace(2 * sigma, 2 * sigma + 200, 50_000))
        assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("transform", [KSigma, GeneralizedAnscombe])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 4)])
def test_each_site_has_its_own_transform(transform, dtype, shape):
    values = np.random.default_rng(1).uniform(0, 900, shape).astype(dtype)
    before = values.copy()
    whole = transform(model=SITES)
    there, back = whole.forward(values), whole.inverse(whole.forward(values))
    np.testing.assert_array_equal(values, before)
    assert there.dtype == back.dtype == dtype
    assert there.shape == back.shape == shape
    for k in range(4):
        site = np.s_[..., k] if shape[-1] == 4 else np.s_[k // 2 :: 2, k % 2 :: 2]
        alone = transform(model=SITES.only(k))
        part = np.ascontiguousarray(values[site])
        np.testing.assert_array_equal(there[site], alone.forward(part))
        np.testing.assert_array_equal(back[site], alone.inverse(alone.forward(part)))


def test_nan_is_not_hidden():
    steady = GeneralizedAnscombe(model=model_of(1.0))
    there = steady.forward(np.array([np.nan, 5.0]))
    for kind in ("exact", "closed_form", "algebraic"):
        assert np.isnan(steady.inverse(there, kind)).tolist() == [True, False]


def test_a_transform_is_written_down_with_its_model():
    steady = GeneralizedAnscombe(model=SITES)
    assert from_spec(to_spec(steady)) == steady


@pytest.mark.parametrize("transform", [KSigma, GeneralizedAnscombe])
def test_what_does_not_fit_is_refused(transform):
    with pytest.raises(RangeError, match="gains above 0"):
        transform(model=NoiseModel(gain=(0.0,)))
    with pytest.raises(DtypeError, match="float32 or float64"):
        transform(model=SITES).forward(np.zeros((4, 4), np.uint16))
    with pytest.raises(ShapeError):
        transform(model=SITES).inverse(np.zeros((4, 4, 3)))
    with pytest.raises(RangeError, match="kind"):
        GeneralizedAnscombe(model=SITES).inverse(np.zeros((4, 4)), "best")
