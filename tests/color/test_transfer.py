"""The sRGB curve against the published formula in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.color.transfer import linear_to_srgb, srgb_to_linear
from sfumato.errors import DtypeError


def published(value: float) -> float:
    """IEC 61966-2-1, clause 5.2, one number at a time."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_code_becomes_the_light_of_the_standard(dtype):
    white = np.iinfo(dtype).max
    codes = np.arange(white + 1, dtype=dtype)
    wanted = [published(code / white) for code in range(white + 1)]
    np.testing.assert_allclose(srgb_to_linear(codes), wanted, rtol=3e-7)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_code_comes_back_from_light(dtype):
    codes = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(1, -1, 1)
    np.testing.assert_array_equal(linear_to_srgb(srgb_to_linear(codes), dtype), codes)


@given(st.floats(-4.0, 16.0, width=32))
def test_floats_come_back_beyond_black_and_white_too(value):
    there = srgb_to_linear(np.array([value], np.float32))
    assert linear_to_srgb(there)[0] == pytest.approx(value, abs=2e-6 * max(1.0, abs(value)))


def test_middle_grey_is_a_fifth_of_the_light():
    assert srgb_to_linear(np.array([0.5], np.float32))[0] == pytest.approx(0.21404114, abs=1e-7)


def test_the_toe_meets_the_curve_without_a_step():
    around = np.array([0.04044, 0.04046], np.float32)
    dark, bright = srgb_to_linear(around)
    assert 0 < bright - dark < 3e-6


def test_negative_light_is_mirrored():
    light = np.linspace(0, 2, 50, dtype=np.float32)
    np.testing.assert_array_equal(linear_to_srgb(-light), -linear_to_srgb(light))


def test_light_above_white_is_clipped_in_integers_only():
    assert linear_to_srgb(np.array([4.0], np.float32), np.uint16)[0] == 65535
    assert linear_to_srgb(np.array([4.0], np.float32))[0] > 1.8


def test_light_in_integers_is_refused():
    with pytest.raises(DtypeError, match="linear light is float32"):
        linear_to_srgb(np.zeros(3, np.uint8))


def test_an_unknown_dtype_is_refused():
    with pytest.raises(DtypeError, match="float64"):
        srgb_to_linear(np.zeros(3))
