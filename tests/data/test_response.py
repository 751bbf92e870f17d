from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.data.response import decode_response, encode_response
from sfumato.errors import RangeError

CURVES = ("linear", "srgb", "gamma", "filmic")


@pytest.mark.parametrize("curve", CURVES)
def test_decoding_undoes_encoding_in_both_directions(curve):
    x = np.linspace(0.0, 1.0, 4001)
    np.testing.assert_allclose(decode_response(encode_response(x, curve), curve), x, atol=2e-8)
    np.testing.assert_allclose(encode_response(decode_response(x, curve), curve), x, atol=2e-7)


@pytest.mark.parametrize("curve", CURVES)
def test_every_curve_keeps_black_and_white_and_rises(curve):
    y = encode_response(np.linspace(0.0, 1.0, 1001), curve)
    assert y[0] == pytest.approx(0.0)
    assert y[-1] == pytest.approx(1.0)
    assert np.all(np.diff(y) > 0)


def test_the_curves_have_their_published_values():
    assert encode_response(0.18, "srgb") == pytest.approx(0.46135613, abs=1e-6)
    assert encode_response(0.002, "srgb") == pytest.approx(0.02584, abs=1e-9)
    assert encode_response(0.18, "gamma") == pytest.approx(0.18 ** (1 / 2.2), abs=1e-7)
    half = 0.18**1.2
    assert encode_response(0.18, "filmic") == pytest.approx((1 + half) / 2, abs=1e-7)


def test_the_filmic_curve_is_an_s_over_the_logarithm_of_light():
    slope = np.diff(encode_response(2.0 ** np.linspace(-10, 0, 201), "filmic"))
    steepest = int(slope.argmax())
    assert 20 < steepest < 180
    assert slope[0] < slope[steepest] / 5
    assert slope[-1] < slope[steepest] / 2


@given(st.floats(0.0, 1.0), st.sampled_from(CURVES))
def test_encoding_stays_in_range_and_keeps_the_dtype(light, curve):
    out = encode_response(np.full(3, light, np.float32), curve)
    assert out.dtype == np.float32
    assert np.all((out >= 0) & (out <= 1.0 + 1e-6))


def test_an_unknown_curve_is_refused_both_ways():
    for convert in (encode_response, decode_response):
        with pytest.raises(RangeError, match="'log' is none of linear, srgb, gamma, filmic"):
            convert(0.5, "log")
