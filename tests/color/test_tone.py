"""The tone curve: what it does to luma, and that it leaves hues alone."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.color.tone import Tone
from sfumato.errors import RangeError, ShapeError

WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
unit = st.floats(-1.0, 1.0)
tones = st.builds(Tone, contrast=unit, shadows=unit, highlights=unit, gamma=st.floats(0.2, 5.0))


@pytest.fixture
def colors(rng):
    return rng.random((40, 50, 3), np.float32)


def test_the_curve_is_the_composition_of_its_four_formulas():
    y = np.linspace(0, 1, 101)
    t = y ** (1 / 1.3)
    t = t + 2.0 * 0.4 * t * (1 - t) ** 3
    t = t - 2.0 * 0.5 * (1 - t) * t**3
    t = t + 0.9 * 0.2 * t * (1 - t) * (2 * t - 1)
    tone = Tone(gamma=1.3, shadows=0.4, highlights=-0.5, contrast=0.2)
    np.testing.assert_allclose(tone.curve(y), t, atol=1e-12)


@given(tones)
def test_the_curve_never_turns_back_and_keeps_black_and_white(tone):
    curve = tone.curve(np.linspace(0.0, 1.0, 2001))
    assert np.all(np.diff(curve) > 0)
    assert curve[0] == pytest.approx(0, abs=1e-12)
    assert curve[-1] == pytest.approx(1, abs=1e-12)


@given(tones)
def test_the_luma_of_the_result_is_the_curve_of_the_luma(tone):
    colors = np.random.default_rng(3).random((8, 9, 3), np.float32)
    wanted = tone.curve(colors @ WEIGHTS)
    # Steep curves near black are followed through a table of 65536 steps.
    np.testing.assert_allclose(tone(colors) @ WEIGHTS, wanted, atol=2e-4)


def test_hues_stay_also_where_white_is_reached(colors):
    out = Tone(shadows=0.8, highlights=0.6, contrast=0.4, gamma=1.5)(colors)
    assert out.min() >= 0
    assert out.max() <= 1 + 1e-6
    for before, after in zip(colors.reshape(-1, 3), out.reshape(-1, 3), strict=True):
        if np.ptp(after) > 0.02:
            gap = colorsys.rgb_to_hsv(*before)[0] - colorsys.rgb_to_hsv(*after)[0]
            assert abs((gap + 0.5) % 1.0 - 0.5) < 2e-3


def test_each_setting_moves_the_part_it_names():
    dark, middle, bright = (np.full((1, 1, 1), v, np.float32) for v in (0.2, 0.5, 0.8))
    assert Tone(shadows=0.5)(dark) > dark + 0.05
    assert abs(Tone(shadows=0.5)(bright) - bright) < 0.01
    assert Tone(highlights=-0.5)(bright) < bright - 0.05
    assert abs(Tone(highlights=-0.5)(dark) - dark) < 0.01
    assert Tone(contrast=0.5)(dark) < dark < bright < Tone(contrast=0.5)(bright)
    assert Tone(contrast=0.5)(middle) == pytest.approx(0.5, abs=1e-6)
    assert Tone(gamma=2.0)(middle) == pytest.approx(0.5**0.5, abs=1e-4)


def test_no_setting_changes_nothing(picture):
    np.testing.assert_array_equal(Tone()(picture), picture)


def test_light_above_white_keeps_its_distance():
    bright = np.array([[[1.5], [4.0]]], np.float32)
    np.testing.assert_allclose(Tone(shadows=0.5, contrast=0.3)(bright), bright, atol=1e-6)


def test_grey_stays_grey():
    ramp = np.repeat(np.linspace(0, 1, 50, dtype=np.float32)[None, :, None], 3, axis=2)
    out = Tone(shadows=0.7, gamma=1.2)(ramp)
    np.testing.assert_allclose(out, out[..., :1].repeat(3, axis=2), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_the_rounded_result_of_floats(rng, dtype):
    white = np.iinfo(dtype).max
    image = rng.integers(0, white, (300, 20, 3), dtype, endpoint=True)
    tone = Tone(shadows=0.4, contrast=-0.3)
    wanted = tone((image / white).astype(np.float32)) * white
    assert np.abs(tone(image) - wanted).max() <= 0.51


def test_bands_leave_no_seam(rng):
    image = rng.random((600, 7, 3), np.float32)
    tone = Tone(contrast=0.5)
    np.testing.assert_array_equal(tone(image)[250:300], tone(image[250:300]))


def test_alpha_is_refused():
    with pytest.raises(ShapeError, match="1 or 3 channels here, got 4"):
        Tone(contrast=0.1)(np.zeros((4, 4, 4), np.uint8))


def test_a_setting_outside_its_bounds_is_refused():
    with pytest.raises(RangeError, match=r"Tone.shadows: 2.0 is outside \[-1, 1\]"):
        Tone(shadows=2.0)
