"""Charts of one edge: against brute-force area integration, and their own truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from sfumato.data import DiscChart, LineChart
from sfumato.errors import RangeError

UNIT = {"low": 0.0, "high": 1.0}


def by_samples(chart, count=64):
    """Average the ideal picture over count x count places in each pixel."""
    at = (np.arange(count) + 0.5) / count - 0.5
    height, width = chart.size
    y, x = (np.arange(n)[:, None] + at for n in (height, width))
    away = chart.distance(x.ravel()[None, :], y.ravel()[:, None])
    ideal = ndtr(away / chart.blur_px) if chart.blur_px else (away > 0).astype(float)
    return ideal.reshape(height, count, width, count).mean(axis=(1, 3))


@pytest.mark.parametrize("angle", [0.0, 17.3, 45.0, 89.99999, 90.0, 201.0])
@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_a_line_has_the_areas_that_counting_gives(angle, blur):
    chart = LineChart(size=(9, 11), angle_deg=angle, offset_px=0.31, blur_px=blur, **UNIT)
    tolerance = 2e-5 if blur else 0.009  # counting itself is this coarse for a sharp edge
    np.testing.assert_allclose(chart.clean(), by_samples(chart), atol=tolerance)


def test_a_disc_has_the_areas_that_counting_gives():
    chart = DiscChart(size=(15, 16), radius_px=5.3, center_px=(7.3, 7.1), **UNIT)
    np.testing.assert_allclose(chart.clean(), by_samples(chart), atol=0.009)


@settings(deadline=None)
@given(
    radius=st.floats(0.5, 12.0),
    x=st.floats(14.0, 17.0),
    y=st.floats(14.0, 17.0),
    bright=st.booleans(),
)
def test_the_values_of_a_disc_add_up_to_its_area(radius, x, y, bright):
    chart = DiscChart(size=(32, 32), radius_px=radius, center_px=(x, y), bright=bright, **UNIT)
    area = chart.clean().sum() if bright else 32 * 32 - chart.clean().sum()
    assert area == pytest.approx(np.pi * radius**2, abs=1e-9)


@pytest.mark.parametrize("blur", [0.3, 0.7, 1.5])
def test_a_blurred_disc_is_the_fine_disc_blurred(blur):
    fine = 16
    center = tuple((c + 0.5) * fine - 0.5 for c in (11.3, 12.1))
    sharp = DiscChart(size=(24 * fine,) * 2, radius_px=5.3 * fine, center_px=center, **UNIT).clean()
    soft = gaussian_filter(sharp, blur * fine, truncate=8).reshape(24, fine, 24, fine)
    chart = DiscChart(size=(24, 24), radius_px=5.3, center_px=(11.3, 12.1), blur_px=blur, **UNIT)
    np.testing.assert_allclose(chart.clean(), soft.mean(axis=(1, 3)), atol=2e-4)


@pytest.mark.parametrize(
    "chart", [LineChart(angle_deg=33, offset_px=1.7), DiscChart(center_px=(30.2, 33.1))]
)
def test_the_curve_lies_where_the_distance_is_nothing(chart):
    curve = chart.curve()
    assert len(curve) > 100
    np.testing.assert_allclose(chart.distance(*curve.T), 0.0, atol=1e-9)


def test_the_distance_is_positive_on_the_bright_side():
    for chart in (LineChart(angle_deg=200), DiscChart(), DiscChart(bright=False)):
        y, x = np.mgrid[0:64, 0:64]
        bright = chart.clean() > 0.5 * (chart.low + chart.high)
        np.testing.assert_array_equal(chart.distance(x, y) > 0, bright)


def test_the_seed_draws_the_noise_and_nothing_else_changes_it():
    chart = LineChart(noise_sd=0.02, seed=3)
    np.testing.assert_array_equal(chart.picture(np.float32), chart.picture(np.float32))
    other = LineChart(noise_sd=0.02, seed=4)
    assert not np.array_equal(chart.picture(np.float32), other.picture(np.float32))
    noise = chart.picture(np.float32)[..., 0] - chart.clean()
    assert noise.std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_picture_has_the_dtype_that_is_asked_for(dtype):
    picture = LineChart(size=(5, 7), low=0.2, high=0.6).picture(dtype)
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    assert picture.shape == (5, 7, 1)
    assert picture.dtype == dtype
    assert float(picture.min()) == pytest.approx(0.2 * white, rel=1e-4)


def test_what_cannot_be_charted_is_refused():
    with pytest.raises(RangeError, match="must be below"):
        LineChart(low=0.5, high=0.5)
    with pytest.raises(RangeError, match=r"0\.3 px"):
        DiscChart(blur_px=0.1)
