"""Pairs of flats: mean and variance of one level, and why a level is left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.capture.flat_pair import measure_pair
from sfumato.errors import DtypeError, RangeError, ShapeError

BLACK, WHITE = 512.0, 16383.0


def flats(level, gain, sigma, rng, *, size=128, light=1.0, drift=1.0):
    """Two frames of the sensor as the model says it, by numpy's own distributions."""
    means = level * np.stack([np.broadcast_to(light, (size, size))] * 2) / gain
    means[1] *= drift
    frames = gain * rng.poisson(means) + rng.normal(0, sigma, means.shape) + BLACK
    return np.clip(np.rint(frames), 0, WHITE).astype(np.uint16)


def measured(pair, **changes):
    return measure_pair(*pair, **{"black": BLACK, "white": WHITE, "name": "flat", **changes})


def test_mean_and_variance_are_those_of_the_model(rng):
    point = measured(flats(1000, 2.0, 6.0, rng, size=512))
    assert point.mean == pytest.approx(1000, abs=0.5)
    assert point.variance == pytest.approx(2 * 1000 + 36 + 1 / 12, rel=5 * np.sqrt(2 / 512**2))
    assert point.excluded == ""


def test_the_variance_is_half_the_sample_variance_of_the_difference(rng):
    a, b = rng.normal(800, 5, (2, 40, 40))
    point = measure_pair(a, b, black=500, white=4095, step=0)
    assert point.variance == pytest.approx(np.var(a - b, ddof=1) / 2, rel=1e-12)
    assert point.mean == pytest.approx((a.mean() + b.mean()) / 2 - 500, rel=1e-12)


def test_black_is_subtracted_with_its_sign(rng):
    assert measured(flats(0, 2.0, 6.0, rng), black=BLACK + 3).mean == pytest.approx(-3, abs=0.3)


def test_the_fixed_pattern_and_the_shape_of_the_light_do_not_count(rng):
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    light = 1.0 - 0.4 * (x**2 + y**2) + 0.02 * rng.standard_normal((128, 128))
    point = measured(flats(4000, 2.0, 6.0, rng, light=light))
    wanted = 2 * 4000 * light.mean() + 36
    assert point.variance == pytest.approx(wanted, rel=5 * np.sqrt(2 / 128**2))


def test_a_small_drift_of_uneven_light_is_taken_out(rng):
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    light = 1.0 - 0.35 * (x**2 + y**2)
    pairs = [flats(9000, 0.5, 2.0, rng, light=light, drift=1.015) for _ in range(8)]
    points = [measured(pair) for pair in pairs]
    wanted = np.mean([0.5 * p.mean + 4 for p in points])
    got = np.mean([p.variance for p in points])
    assert got == pytest.approx(wanted, rel=4 * np.sqrt(2 / 128**2 / 8))
    # Without it the drift would add this much:
    assert (0.015 * 9000 * light.std()) ** 2 / 2 > 0.05 * wanted
    assert points[0].drift == pytest.approx(0.015, abs=0.001)


def test_single_jumping_pixels_are_left_out(rng):
    pair = flats(1000, 2.0, 6.0, rng)
    pair[0, 5, 7] += 9000
    point = measured(pair)
    assert point.outliers == 1
    assert point.pixels == 128**2 - 1
    assert point.variance == pytest.approx(2036, rel=0.06)


@pytest.mark.parametrize(
    ("level", "changes", "why"),
    [
        (15000, {}, "above 85 % of white"),
        (15870, {}, "clipped"),
        (1000, {"drift": 1.05}, "drifted by"),
    ],
)
def test_a_level_says_why_it_is_excluded(rng, level, changes, why):
    assert why.replace("85 %", "85%") in measured(flats(level, 2.0, 6.0, rng, **changes)).excluded


def test_noise_cut_off_at_zero_is_excluded(rng):
    pair = np.clip(rng.normal(3, 6, (2, 128, 128)), 0, None).round().astype(np.uint16)
    assert "clipped" in measure_pair(*pair, black=3, white=WHITE).excluded


def test_clipping_below_the_stated_white_is_seen(rng):
    pair = np.minimum(flats(3000, 2.0, 6.0, rng), 3500).astype(np.uint16)
    assert "clipped below the stated white" in measured(pair).excluded


def test_noise_that_rounding_hides_is_excluded(rng):
    assert "half a step" in measured(flats(0, 0.05, 0.3, rng)).excluded


def test_bad_pairs_are_refused(rng):
    pair = flats(1000, 2.0, 6.0, rng)
    with pytest.raises(ShapeError, match="equal size"):
        measure_pair(pair[0], pair[1, 1:], black=BLACK, white=WHITE)
    with pytest.raises(DtypeError, match="8-bit"):
        measure_pair(*(pair // 256).astype(np.uint8), black=0, white=255)
    with pytest.raises(RangeError, match="white"):
        measured(pair, white=BLACK)
    with pytest.raises(RangeError, match="NaN"):
        measured(np.full((2, 20, 20), np.nan))
    with pytest.raises(ShapeError, match="64 pixels"):
        measured(pair[:, :4, :4])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), factor=st.floats(0.1, 30), offset=st.floats(-50, 5000))
def test_units_carry_through_and_the_input_stays(seed, factor, offset):
    pair = np.random.default_rng(seed).normal(100, 4, (2, 32, 48))
    kept = pair.copy()
    one = measure_pair(*pair, black=0, white=1000, step=0)
    other = measure_pair(
        *(factor * pair + offset), black=offset, white=1000 * factor + offset, step=0
    )
    assert other.mean == pytest.approx(factor * one.mean, rel=1e-9, abs=1e-6)
    assert other.variance == pytest.approx(factor**2 * one.variance, rel=1e-7)
    np.testing.assert_array_equal(pair, kept)
