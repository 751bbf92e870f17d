"""One noise law: what it says, and what it makes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from sfumato.capture.noise_model import NoiseModel
from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import DtypeError, FileError, RangeError, ShapeError, SpecError

WIDE = {"black": (1000.0,), "white": (1e6,)}
SITES = NoiseModel(
    gain=(0.5, 1.0, 2.0, 4.0), read_noise=(1.0, 2.0, 3.0, 4.0), black=(600.0,), white=(16383.0,)
)


def flat(value, size=(500, 800), dtype=np.float64):
    return np.full(size, value, dtype)


def test_the_variance_is_a_line_over_the_mean():
    model = NoiseModel(gain=(2.0,), read_noise=(3.0,), row_noise=2.0, step=1.0)
    np.testing.assert_allclose(
        model.variance([0.0, 10.0, -5.0]), np.array([0, 20, 0]) + 13 + 1 / 12
    )


@pytest.mark.parametrize("tail", [None, 0.14, -0.2])
@pytest.mark.parametrize("electrons", [0.0, 0.3, 5.0, 31.5, 32.0, 40.0, 500.0])
def test_readings_have_the_mean_and_variance_that_the_model_says(electrons, tail, rng):
    model = NoiseModel(gain=(1.5,), read_noise=(2.0,), tail=tail, **WIDE)
    mean = 1.5 * electrons
    noisy = model.apply(flat(mean), rng)
    variance = float(model.variance(mean))
    error = math.sqrt(variance / noisy.size)
    assert abs(noisy.mean() - mean) < 4.5 * error
    fourth = ((noisy - mean) ** 4).mean()
    error_of_variance = math.sqrt((fourth - variance**2) / noisy.size)
    assert abs(noisy.var() - variance) < 4.5 * error_of_variance


@pytest.mark.parametrize("electrons", [0.4, 1.0, 7.6, 31.99])
def test_few_electrons_follow_the_poisson_law_exactly(electrons, rng):
    counts = NoiseModel(read_noise=(0.0,)).apply(flat(electrons), rng).astype(int).ravel()
    found = np.bincount(counts)
    wanted = stats.poisson.pmf(np.arange(len(found)), electrons) * counts.size
    sure = wanted > 20
    seen = np.append(found[sure], found[~sure].sum())
    expected = np.append(wanted[sure], counts.size - wanted[sure].sum())
    assert stats.chisquare(seen, expected).pvalue > 1e-3


@pytest.mark.parametrize("electrons", [32.0, 33.3, 75.0, 1000.0])
def test_many_electrons_cannot_be_told_from_the_poisson_law(electrons, rng):
    counts = NoiseModel(read_noise=(0.0,)).apply(flat(electrons), rng)
    assert (counts == np.round(counts)).all()
    places = np.arange(int(counts.max()) + 1)
    found = np.cumsum(np.bincount(counts.astype(int).ravel())) / counts.size
    # 1.95 / sqrt(n) is the bound of Kolmogorov's test at 0.001.
    assert abs(found - stats.poisson.cdf(places, electrons)).max() < 1.95 / math.sqrt(counts.size)
    skewness = stats.skew(counts.ravel())
    assert abs(skewness - 1 / math.sqrt(electrons)) < 4.5 * math.sqrt(6 / counts.size)


@pytest.mark.parametrize("tail", [-0.3, -0.1, 0.0, 0.14, 0.5, 1.0])
def test_read_noise_with_a_tail_is_tukey_lambda(tail, rng):
    model = NoiseModel(read_noise=(3.0,), tail=tail, **WIDE)
    noise = model.apply(flat(0.0, (200, 500)), rng).ravel()
    law = stats.tukeylambda(tail, scale=float(model.read_scale[0]))
    assert stats.kstest(noise, law.cdf).pvalue > 1e-3
    assert law.std() == pytest.approx(3.0, rel=1e-4)


@pytest.mark.parametrize("tail", [-0.49, -0.2, -2e-4, -5e-5, 0.0, 5e-5, 2e-4, 0.14, 1.0, 2.0])
def test_the_scale_of_a_tail_is_that_of_the_integral_of_its_quantiles(tail):
    def square(t):  # u = exp(-t): both ends of the law are one integral, from t = log 2
        u = math.exp(-t)
        low, high = -t, math.log1p(-u)
        q = low - high if tail == 0 else (math.expm1(tail * low) - math.expm1(tail * high)) / tail
        return (q * math.exp(-t / 2)) ** 2

    parts = [(math.log(2), 3), (3, 30), (30, 300), (300, 1400)]
    whole = 2 * sum(
        integrate.quad(square, *p, epsabs=1e-9, epsrel=1e-9, limit=500)[0] for p in parts
    )
    model = NoiseModel(read_noise=(1.0,), tail=tail)
    assert float(model.read_scale[0]) == pytest.approx(1 / math.sqrt(whole), rel=1e-6)


def test_a_row_shares_its_offset(rng):
    model = NoiseModel(read_noise=(0.0,), row_noise=2.0, **WIDE)
    noise = model.apply(flat(0.0, (4000, 3)), rng)
    assert np.ptp(noise, axis=1).max() == 0.0
    assert noise[:, 0].std() == pytest.approx(2.0, rel=0.05)


def test_packed_sites_hold_two_rows_of_the_sensor(rng):
    model = NoiseModel(read_noise=(0.0,) * 4, row_noise=2.0, **WIDE)
    noise = model.apply(flat(0.0, (2000, 3, 4)), rng)
    np.testing.assert_array_equal(noise[..., 0], noise[..., 1])
    np.testing.assert_array_equal(noise[..., 2], noise[..., 3])
    assert abs(np.corrcoef(noise[:, 0, 0], noise[:, 0, 2])[0, 1]) < 0.1


def test_readings_are_whole_steps_above_the_raw_zero_and_end_at_the_ends(rng):
    model = NoiseModel(read_noise=(8.0,), black=(10.5,), white=(255.0,), step=1.0)
    noisy = model.apply(np.linspace(-5, 300, 20000).reshape(100, 200), rng)
    raw = noisy + 10.5
    np.testing.assert_array_equal(raw, np.round(raw))
    assert (raw.min(), raw.max()) == (0.0, 255.0)
    assert model.apply(flat(0.0), 3, clip=False).min() < -10.5


def test_each_site_of_a_mosaic_has_its_own_noise_and_bias(rng):
    model = SITES.but(bias=(1.0, 2.0, 3.0, 4.0))
    noisy = model.apply(flat(1000.0, (601, 603)), rng)
    for k in range(4):
        part = noisy[k // 2 :: 2, k % 2 :: 2]
        wanted = SITES.gain[k] * 1000 + SITES.read_noise[k] ** 2
        assert part.var() == pytest.approx(wanted, rel=0.03)
        assert part.mean() == pytest.approx(1001 + k, abs=0.8)


def test_a_mosaic_and_its_sites_side_by_side_have_one_variance():
    mean = np.random.default_rng(0).uniform(0, 500, (5, 7))
    mosaic = SITES.variance(mean)
    for k in range(4):
        site = np.s_[k // 2 :: 2, k % 2 :: 2]
        np.testing.assert_allclose(mosaic[site], SITES.only(k).variance(mean[site]))
    np.testing.assert_array_equal(SITES.variance(mean[..., None])[..., 0], mosaic)


def test_light_below_black_keeps_its_mean(rng):
    noisy = NoiseModel(gain=(2.0,), read_noise=(1.0,), **WIDE).apply(flat(-7.0), rng)
    assert noisy.mean() == pytest.approx(-7.0, abs=0.01)
    assert noisy.var() == pytest.approx(1.0, rel=0.01)


def test_the_likelihood_is_the_sum_over_counts(rng):
    model = NoiseModel(gain=(1.5,), read_noise=(1.2,), bias=(0.7,))
    seen, counts = np.linspace(-8, 120, 300), np.arange(400)
    for mean in (0.1, 4.0, 60.0):
        chance = stats.poisson.pmf(counts, mean / 1.5)
        density = stats.norm.pdf(seen[:, None], counts * 1.5 + 0.7, 1.2) @ chance
        np.testing.assert_allclose(model.log_likelihood(seen, mean), np.log(density), atol=1e-9)


def test_readings_that_nobody_expects_have_a_likelihood_too():
    """Far in the tails, with sharp and with blurred counts, against a long sum of logarithms."""
    counts = np.arange(6000)
    for spread in (0.02, 0.3, 2.0, 40.0):
        model = NoiseModel(read_noise=(spread,))
        for mean, seen in ((0.01, 30.2), (300.0, -20.0), (5.0, 900.4), (3000.0, 100.0)):
            logs = stats.poisson.logpmf(counts, mean) + stats.norm.logpdf(seen, counts, spread)
            wanted = logs.max() + np.log(np.exp(logs - logs.max()).sum())
            assert float(model.log_likelihood(seen, mean)) == pytest.approx(wanted, rel=1e-9)


def test_the_density_of_readings_integrates_to_one():
    model = NoiseModel(gain=(0.3,), read_noise=(4.0,), row_noise=1.0, step=1.0)
    seen = np.linspace(-60, 3200, 100_001)
    for mean in (-2.0, 0.0, 3.0, 2500.0):
        density = np.exp(model.log_likelihood(seen, mean))
        assert np.trapezoid(density, seen) == pytest.approx(1.0, abs=1e-6)


def test_the_likelihood_is_largest_at_the_true_light(rng):
    model = NoiseModel(gain=(2.0,), read_noise=(3.0,), **WIDE)
    noisy = model.apply(flat(40.0, (200, 200)), rng)
    tries = np.linspace(39, 41, 41)
    sums = [model.log_likelihood(noisy, t).sum() for t in tries]
    assert abs(tries[int(np.argmax(sums))] - 40.0) < 4 * math.sqrt(89 / noisy.size)


def test_green_sites_are_averaged_into_a_plane_and_laid_out_again():
    rgb = NoiseModel(gain=(1.0, 2.0, 3.0), read_noise=(4.0, 5.0, 6.0), white=(255.0,))
    laid = rgb.for_pattern("GBRG")
    assert laid.gain == (2.0, 3.0, 1.0, 2.0)
    assert laid.without_pattern("GBRG").variance([9.0] * 3) == pytest.approx(
        rgb.variance([9.0] * 3)
    )


def test_other_units_say_the_same():
    model = NoiseModel(
        gain=(2.0,), read_noise=(6.0,), black=(512.0,), white=(16383.0,), row_noise=1.0, step=1.0
    )
    span = 16383 - 512
    unit = model.rescaled()
    assert float(unit.variance(0.25)) == pytest.approx(float(model.variance(0.25 * span)) / span**2)
    back = unit.rescaled(black=512.0, white=16383.0)
    np.testing.assert_allclose(back.config["gain"], model.gain, rtol=1e-12)
    assert back.step == pytest.approx(1.0)


def test_a_noise_profile_goes_out_and_comes_back():
    model = NoiseModel(
        gain=(2.0, 1.0, 3.0), read_noise=(6.0, 5.0, 4.0), black=(512.0,), white=(16383.0,), step=1.0
    )
    values = model.noise_profile()
    unit = np.array([0.01, 0.2, 0.9])
    span = 16383 - 512
    said = np.array(values[0::2]) * unit + values[1::2]
    np.testing.assert_allclose(said, model.variance(unit * span) / span**2)
    back = NoiseModel.from_noise_profile(values, black=512.0, white=16383.0, step=1.0)
    np.testing.assert_allclose(back.gain, model.gain)
    np.testing.assert_allclose(back.read_noise, model.read_noise)


def test_yaml_brings_the_same_model_back(tmp_path):
    model = SITES.but(tail=0.1, row_noise=0.3, step=1.0)
    assert from_yaml(to_yaml(model)) == model
    model.save(tmp_path / "noise.yaml")
    assert NoiseModel.load(tmp_path / "noise.yaml") == model


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    dtype=st.sampled_from([np.float32, np.float64]),
    channels=st.sampled_from([None, 1, 4]),
    tail=st.sampled_from([None, -0.1]),
)
def test_a_seed_gives_one_result_and_the_light_stays_as_it_was(
    seed, height, width, dtype, channels, tail
):
    shape = (height, width) if channels is None else (height, width, channels)
    light = np.random.default_rng(seed).uniform(0, 500, shape).astype(dtype)
    before = light.copy()
    model = SITES.but(tail=tail, row_noise=1.0, step=1.0)
    noisy = model.apply(light, seed)
    np.testing.assert_array_equal(noisy, model.apply(light, seed))
    np.testing.assert_array_equal(light, before)
    assert (noisy.shape, noisy.dtype) == (light.shape, light.dtype)
    assert noisy.min() >= -600
    assert noisy.max() <= 16383 - 600


def test_an_empty_picture_stays_empty():
    assert NoiseModel().apply(np.zeros((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"black": (10.0,), "white": (10.0,)}, RangeError, "black 10 is not below white 10"),
        ({"gain": (-1.0,)}, RangeError, "gain: -1.0"),
        ({"read_noise": (math.nan,)}, RangeError, "NaN"),
        ({"gain": (math.inf,)}, RangeError, "gain"),
        ({"gain": (1.0, 2.0)}, ShapeError, "1, 3 or 4"),
        ({"gain": ()}, ShapeError, "1, 3 or 4"),
        ({"gain": (1.0,) * 3, "black": (0.0,) * 4}, ShapeError, "different numbers"),
        ({"tail": -0.5}, RangeError, "tail"),
        ({"step": 1e6}, RangeError, "step"),
    ],
)
def test_a_model_that_cannot_be_is_refused(changes, error, said):
    with pytest.raises(error, match=said):
        NoiseModel(**changes)


@pytest.mark.parametrize(
    ("light", "error"),
    [
        (np.zeros((4, 4), np.uint16), DtypeError),
        ([[1.0]], DtypeError),
        (np.zeros((4, 4, 3)), ShapeError),
        (np.zeros(4), ShapeError),
        (np.full((4, 4), np.nan), RangeError),
        (np.full((4, 4), np.inf), RangeError),
    ],
)
def test_light_that_is_none_is_refused(light, error):
    with pytest.raises(error):
        SITES.apply(light)


def test_what_a_model_cannot_do_is_refused(tmp_path):
    with pytest.raises(SpecError, match="Tukey"):
        NoiseModel(tail=0.1).log_likelihood(1.0, 1.0)
    with pytest.raises(SpecError, match="no density"):
        NoiseModel(read_noise=(0.0,)).log_likelihood(1.0, 1.0)
    with pytest.raises(RangeError, match="RGBG"):
        NoiseModel().for_pattern("RGBG")
    with pytest.raises(ShapeError, match="four sites already"):
        SITES.for_pattern("RGGB")
    with pytest.raises(ShapeError, match="1 colors"):
        NoiseModel().without_pattern("RGGB")
    with pytest.raises(ShapeError, match="in the colors"):
        SITES.but(black=(1.0, 2.0, 3.0, 4.0)).rescaled()
    with pytest.raises(RangeError, match="color 4"):
        SITES.only(4)
    for values in ([1e-5, -1e-9], [0.0, 1e-9], [math.nan, 1e-9]):
        with pytest.raises(RangeError, match="NoiseProfile"):
            NoiseModel.from_noise_profile(values)
    with pytest.raises(ShapeError, match="3 numbers"):
        NoiseModel.from_noise_profile([1.0, 2.0, 3.0])
    with pytest.raises(FileError):
        NoiseModel.load(tmp_path / "missing.yaml")
    (tmp_path / "other.yaml").write_text("raster.Resize: {long_side_px: 8}\n")
    with pytest.raises(SpecError, match="expected a NoiseModel"):
        NoiseModel.load(tmp_path / "other.yaml")
