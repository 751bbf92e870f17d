"""The transform for any curve of variance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from sfumato.capture.stabilize_curve import StabilizeCurve
from sfumato.core.spec import from_spec, to_spec
from sfumato.errors import DtypeError, RangeError, ShapeError


def bowl(x):
    return 4.0 + 0.5 * x + 2e-4 * x**2


BOWL = StabilizeCurve.from_function(bowl, 0.0, 3000.0)


def test_a_straight_line_has_a_root_as_its_transform():
    curve = StabilizeCurve(levels=(0.0, 400.0), variances=(4.0, 804.0))
    x = np.linspace(0, 400, 50)
    np.testing.assert_allclose(curve.forward(x), np.sqrt(4 + 2 * x) - 2, atol=1e-12)


def test_any_function_is_integrated():
    for x in (1.0, 30.0, 700.0, 2999.0):
        wanted = integrate.quad(lambda t: bowl(t) ** -0.5, 0, x, epsabs=1e-12, limit=200)[0]
        assert float(BOWL.forward(np.array([x]))[0]) == pytest.approx(wanted, rel=1e-6)


def test_beyond_the_ends_the_noise_stays_what_it_is_there():
    ends = BOWL.forward(np.array([0.0, 3000.0]))
    beyond = BOWL.forward(np.array([-6.0, 3000.0 + 6 * bowl(3000.0) ** 0.5]))
    np.testing.assert_allclose(beyond - ends, [-3.0, 6.0])


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    knots=st.integers(2, 40),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_there_and_back_is_where_it_was(seed, knots, dtype):
    rng = np.random.default_rng(seed)
    levels = np.cumsum(rng.uniform(0.1, 9.0, knots)) - 20
    curve = StabilizeCurve(levels=tuple(levels), variances=tuple(rng.uniform(0.05, 30.0, knots)))
    x = rng.uniform(-60, 400, (5, 9)).astype(dtype)
    before = x.copy()
    there = curve.forward(x)
    back = curve.inverse(there, "algebraic")
    np.testing.assert_array_equal(x, before)
    assert there.dtype == back.dtype == dtype
    np.testing.assert_allclose(back, x, rtol=0, atol=2e-3 if dtype == np.float32 else 1e-10)
    ordered = curve.forward(np.sort(x.ravel()))
    assert (np.diff(ordered) >= 0).all()


@pytest.mark.parametrize("y", [20.0, 100.0, 800.0, 2500.0])
def test_noise_becomes_one_and_the_unbiased_inverse_finds_the_mean(y, rng):
    noisy = y + rng.standard_normal(400_000) * np.sqrt(bowl(y))
    there = BOWL.forward(noisy)
    assert there.var() == pytest.approx(1.0, abs=0.06)
    mean = there.mean(keepdims=True)
    error = np.sqrt(bowl(y) / noisy.size)
    assert abs(float(BOWL.inverse(mean)[0]) - y) < 0.03 + 4 * error


def test_nan_is_not_hidden():
    values = np.array([np.nan, 3.0])
    for there in (BOWL.forward(values), BOWL.inverse(values), BOWL.inverse(values, "algebraic")):
        assert np.isnan(there).tolist() == [True, False]


def test_a_curve_is_written_down():
    curve = StabilizeCurve(levels=(0.0, 1.0), variances=(1.0, 2.0))
    assert from_spec(to_spec(curve)) == curve


def test_what_is_no_curve_is_refused():
    with pytest.raises(ShapeError, match="two levels"):
        StabilizeCurve(levels=(0.0,), variances=(1.0,))
    with pytest.raises(ShapeError, match="3 variances"):
        StabilizeCurve(levels=(0.0, 1.0), variances=(1.0, 1.0, 1.0))
    with pytest.raises(RangeError, match="rise"):
        StabilizeCurve(levels=(0.0, 0.0), variances=(1.0, 1.0))
    with pytest.raises(RangeError, match="above 0"):
        StabilizeCurve(levels=(0.0, 1.0), variances=(0.0, 1.0))
    with pytest.raises(RangeError, match="1 knots"):
        StabilizeCurve.from_function(bowl, 0.0, 1.0, knots=1)
    with pytest.raises(RangeError, match="kind"):
        BOWL.inverse(np.zeros(3), "exact")
    with pytest.raises(DtypeError):
        BOWL.forward(np.zeros(3, np.uint8))
