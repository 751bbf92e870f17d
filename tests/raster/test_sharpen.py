"""The unsharp mask against a transcription in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sfumato.errors import RangeError
from sfumato.raster import sharpen
from sfumato.raster.sharpen import Sharpen

LUMA = np.array([0.2126, 0.7152, 0.0722])


def transcribed(image, amount, radius, threshold=0.0):
    values = image.astype(np.float64)
    plane = values @ LUMA
    detail = plane - gaussian_filter(plane, radius, mode="nearest", truncate=4.0)
    detail = np.sign(detail) * np.maximum(np.abs(detail) - threshold, 0)
    return np.clip(values + amount * detail[..., None], 0, 1)


@pytest.mark.parametrize(("amount", "radius", "threshold"), [(0.5, 1.0, 0.0), (2.0, 2.5, 0.03)])
def test_it_is_the_formula(rng, amount, radius, threshold):
    image = rng.random((40, 60, 3), np.float32)
    out = Sharpen(amount=amount, radius_px=radius, threshold=threshold)(image)
    np.testing.assert_allclose(out, transcribed(image, amount, radius, threshold), atol=2e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_the_rounded_result_of_floats(rng, dtype):
    white = np.iinfo(dtype).max
    image = rng.integers(0, white, (30, 40, 3), dtype, endpoint=True)
    wanted = Sharpen(amount=1.0)((image / white).astype(np.float32)) * white
    out = Sharpen(amount=1.0)(image)
    assert out.dtype == dtype
    assert np.abs(out - wanted).max() <= 0.51


def test_edges_gain_no_colour(rng):
    image = 0.3 + 0.3 * rng.random((30, 30, 3), np.float32)
    added = Sharpen(amount=0.5)(image) - image
    np.testing.assert_allclose(added, added[..., :1].repeat(3, axis=2), atol=1e-6)


def test_slopes_and_flat_areas_stay():
    ramp = np.linspace(0.1, 0.9, 60, dtype=np.float32)[None, :, None].repeat(40, 0)
    out = Sharpen(amount=3.0)(ramp)
    np.testing.assert_allclose(out[:, 8:-8], ramp[:, 8:-8], atol=1e-5)


def test_detail_below_the_threshold_is_noise_and_stays(rng):
    image = (0.5 + 0.02 * (rng.random((30, 30, 1), np.float32) - 0.5)).astype(np.float32)
    np.testing.assert_array_equal(Sharpen(amount=5.0, threshold=0.02)(image), image)
    assert np.abs(Sharpen(amount=5.0)(image) - image).max() > 0.01


def test_channels_that_are_no_colour_are_sharpened_one_by_one(rng):
    image = rng.random((20, 20, 2), np.float32)
    out = Sharpen(amount=0.7)(image)
    for k in range(2):
        np.testing.assert_array_equal(out[..., k], Sharpen(amount=0.7)(image[..., k]))


def test_bands_leave_no_seam(rng, monkeypatch):
    image = rng.random((150, 20, 3), np.float32)
    whole = Sharpen(amount=1.0, radius_px=3.0)(image)
    monkeypatch.setattr(sharpen, "BAND_ROWS", 16)
    np.testing.assert_allclose(Sharpen(amount=1.0, radius_px=3.0)(image), whole, atol=1e-6)


def test_no_amount_changes_nothing(picture):
    np.testing.assert_array_equal(Sharpen(amount=0.0)(picture), picture)


def test_linear_light_above_white_is_not_cut_off():
    light = np.zeros((20, 20, 1), np.float32)
    light[:, 10:] = 5.0
    out = Sharpen(amount=1.0)(light)
    assert out.max() == pytest.approx(5.0)
    assert out.min() == 0.0


@given(st.floats(0, 10), st.floats(0.3, 6), st.floats(0, 1), st.integers(0, 99))
def test_shape_range_and_input_are_kept(amount, radius, threshold, seed):
    image = np.random.default_rng(seed).random((13, 9, 3), np.float32)
    before = image.copy()
    out = Sharpen(amount=amount, radius_px=radius, threshold=threshold)(image)
    assert out.shape == image.shape
    assert 0 <= out.min() <= out.max() <= 1
    np.testing.assert_array_equal(image, before)


def test_a_radius_of_nothing_is_refused():
    with pytest.raises(RangeError, match="radius_px: 0.0 is outside"):
        Sharpen(radius_px=0.0)
