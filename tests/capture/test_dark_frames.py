"""Dark frames: bias, read and row noise, the shape of the noise, and light leaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sfumato.capture.dark_frames import fit_tukey_lambda, measure_darks
from sfumato.errors import DtypeError, RangeError, ShapeError

BIASES = np.array([[0.0, 1.3], [-0.7, 0.4]])


def darks(tail, sigma, row, rng, *, frames=20, size=512, pattern=0.0):
    """Frames by scipy's Tukey lambda law, rounded to whole DN."""
    scale = sigma / np.sqrt(stats.tukeylambda.var(tail))
    fixed = pattern * rng.standard_normal((size, size)) + np.tile(BIASES, (size // 2, size // 2))
    made = []
    for _ in range(frames):
        u = rng.uniform(1e-12, 1, (size, size))
        read = scale * (u**tail - (1 - u) ** tail) / tail
        frame = 512 + fixed + read + rng.normal(0, row, (size, 1))
        made.append(np.rint(frame).astype(np.uint16))
    return made


@pytest.mark.parametrize(
    ("tail", "sigma", "row", "pattern"),
    [(-0.1, 4.0, 0.8, 0.0), (0.1, 6.0, 0.3, 1.5), (-0.2, 2.0, 0.5, 0.0), (0.14, 1.0, 0.2, 0.3)],
)
def test_every_part_of_the_noise_is_recovered(rng, tail, sigma, row, pattern):
    found = measure_darks(darks(tail, sigma, row, rng, pattern=pattern))
    assert found.read_shape.shape == pytest.approx(tail, abs=0.03)
    assert found.row_sigma == pytest.approx(row, rel=0.05)
    assert found.read_sigma == pytest.approx((sigma,) * 4, rel=0.01)
    assert found.bias == pytest.approx(tuple(512 + BIASES.ravel()), abs=0.06)
    assert found.pattern_sigma == pytest.approx(pattern, abs=0.08)
    assert found.outliers == ()
    assert found.frames == 20


def test_the_read_noise_in_a_row_mean_does_not_pass_for_row_noise(rng):
    found = measure_darks(darks(0.14, 6.0, 0.0, rng, size=128))
    assert found.row_sigma == 0.0
    assert abs(found.row_variance) < 0.2 * 36 / 128


def test_rows_of_each_color_have_their_own_read_noise(rng):
    sigmas = np.tile([[2.0, 4.0], [4.0, 3.0]], (64, 64))
    frames = [512 + sigmas * rng.standard_normal((128, 128)) for _ in range(12)]
    found = measure_darks(frames, step=0)
    assert found.read_sigma == pytest.approx((2.0, 4.0, 4.0, 3.0), rel=0.02)
    # Colors that differ do not look like one noise with heavy tails: a normal one has 0.14.
    assert found.read_shape.shape == pytest.approx(0.135, abs=0.02)


def test_a_light_leak_is_named_and_left_out(rng):
    frames = darks(0.1, 3.0, 0.3, rng, frames=8, size=128)
    frames[5] = frames[5] + np.pad(np.full((40, 40), 6, np.uint16), ((0, 88), (88, 0)))
    names = [f"cap_{k}.tif" for k in range(8)]
    found = measure_darks(frames, names=names)
    assert [name for name, _ in found.outliers] == ["cap_5.tif"]
    assert "brighter than in the other frames" in found.outliers[0][1]
    assert found.frames == 7
    assert found.read_sigma == pytest.approx((3.0,) * 4, rel=0.02)


def test_hot_pixels_are_defects_and_no_noise(rng):
    frames = darks(0.14, 3.0, 0.3, rng, frames=8, size=128)
    for frame in frames:
        frame[10, 20] += 2000
    found = measure_darks(frames)
    assert found.defects == 1
    assert found.read_sigma == pytest.approx((3.0,) * 4, rel=0.02)


@pytest.mark.parametrize("tail", [-0.3, -0.1, 0.0, 0.14, 0.4])
def test_lambda_and_scale_of_exact_quantiles_come_back(tail):
    p = (np.arange(200_000) + 0.5) / 200_000
    fit = fit_tukey_lambda(2.5 * stats.tukeylambda.ppf(p, tail))
    assert fit.shape == pytest.approx(tail, abs=0.006)
    assert fit.scale == pytest.approx(2.5, rel=0.02)
    assert fit.sigma == pytest.approx(2.5 * np.sqrt(stats.tukeylambda.var(tail)), rel=0.02)


def test_lambda_agrees_with_scipys_ppcc(rng):
    sample = stats.tukeylambda.rvs(0.05, size=20_000, random_state=rng)
    wanted = stats.ppcc_max(sample, brack=(-0.3, 0.0, 0.4))
    assert fit_tukey_lambda(sample).shape == pytest.approx(wanted, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 50), factor=st.floats(0.01, 50))
def test_the_shape_does_not_depend_on_units_or_order(seed, factor):
    sample = np.random.default_rng(seed).logistic(size=4000)
    kept = sample.copy()
    one, other = fit_tukey_lambda(sample), fit_tukey_lambda(factor * sample[::-1])
    assert other.shape == pytest.approx(one.shape, abs=1e-4)
    assert other.scale == pytest.approx(factor * one.scale, rel=1e-3)
    np.testing.assert_array_equal(sample, kept)


def test_bad_darks_are_refused(rng):
    frames = darks(0.1, 3.0, 0.3, rng, frames=4, size=64)
    with pytest.raises(ShapeError, match="3 are needed"):
        measure_darks(frames[:2])
    with pytest.raises(ShapeError, match="b.tif"):
        measure_darks([frames[0], frames[1][2:], frames[2]], names=("a.tif", "b.tif", "c.tif"))
    with pytest.raises(DtypeError, match="16-bit"):
        measure_darks([frame.astype(np.uint8) for frame in frames])
    with pytest.raises(RangeError, match="below black is cut off"):
        measure_darks([np.where(f > 512, f - 512, 0).astype(np.uint16) for f in frames])
    with pytest.raises(ShapeError, match="even"):
        measure_darks([frame[:63] for frame in frames])
    with pytest.raises(RangeError, match="do not agree"):
        measure_darks([frame + np.uint16(40 * k) for k, frame in enumerate(frames)])
    with pytest.raises(RangeError, match="rounding"):
        measure_darks([np.full((64, 64), 512, np.uint16)] * 4)
    with pytest.raises(ShapeError, match="1000"):
        fit_tukey_lambda(np.arange(10.0))
    with pytest.raises(RangeError, match="all equal"):
        fit_tukey_lambda(np.ones(2000))
