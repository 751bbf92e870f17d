"""Wrong renderings: each setting does what it says, and only that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.color.misrender import Misrender
from sfumato.color.table_of import table_of
from sfumato.color.transfer import srgb_to_linear
from sfumato.errors import FieldError, RangeError

NONE = {
    "exposure_ev_range": (0.0, 0.0),
    "cast_ev_range": (0.0, 0.0),
    "contrast_range": (1.0, 1.0),
    "lift_range": (0.0, 0.0),
    "saturation_range": (1.0, 1.0),
}


def only(**settings):
    return Misrender(**{**NONE, **settings})


@pytest.fixture
def colors(rng):
    return rng.random((30, 40, 3), np.float32)


def test_nothing_wrong_changes_nothing(colors, picture):
    np.testing.assert_allclose(only()(colors), colors, atol=2e-6)
    np.testing.assert_array_equal(only()(picture), picture)


def test_exposure_halves_the_light(colors):
    dark = only(exposure_ev_range=(-1.0, -1.0))(colors)
    np.testing.assert_allclose(srgb_to_linear(dark), srgb_to_linear(colors) / 2, atol=1e-6)


def test_a_cast_moves_red_against_blue():
    grey = np.full((1, 1, 3), 0.4, np.float32)
    red, _, blue = srgb_to_linear(only(cast_ev_range=(0.5, 0.5))(grey))[0, 0]
    assert red / blue == pytest.approx(2**0.5, rel=1e-4)


def test_flat_lifted_and_dull_are_the_formulas(colors):
    flat = only(contrast_range=(0.5, 0.5))(colors)
    np.testing.assert_allclose(flat, 0.25 + colors / 2, atol=2e-6)
    lifted = only(lift_range=(0.1, 0.1))(colors)
    np.testing.assert_allclose(lifted, 0.1 + 0.9 * colors, atol=2e-6)
    grey = only(saturation_range=(0.0, 0.0))(colors)
    luma = colors @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    np.testing.assert_allclose(grey, luma[..., None].repeat(3, 2), atol=2e-6)


@given(seed=st.integers(0, 2**31), channels=st.sampled_from([1, 3]))
def test_results_stay_in_range_and_follow_the_seed(seed, channels):
    image = np.random.default_rng(1).random((5, 6, channels), np.float32)
    out = Misrender()(image, seed)
    assert 0.0 <= out.min() <= out.max() <= 1.0
    np.testing.assert_array_equal(out, Misrender()(image, seed))


def test_every_pixel_is_treated_by_itself():
    fixed = only(exposure_ev_range=(-0.7, -0.7), contrast_range=(0.8, 0.8))
    assert table_of(fixed, size=5).size == 5
    with pytest.raises(FieldError, match="chance"):
        table_of(Misrender(), size=5)


def test_a_setting_outside_its_bounds_is_refused():
    with pytest.raises(RangeError, match="saturation_range"):
        Misrender(saturation_range=(-1.0, 1.0))
