from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import RangeError
from sfumato.io.depth import with_depth

EVERY_16 = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
EVERY_8 = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)


def test_every_16_bit_value_goes_to_the_nearest_8_bit_value():
    exact = np.floor(EVERY_16.astype(np.float64) * 255 / 65535 + 0.5)
    np.testing.assert_array_equal(with_depth(EVERY_16, 8), exact)


def test_8_bits_go_to_16_and_float_and_back_unchanged():
    assert with_depth(EVERY_8, 16).max() == 65535
    for between in (16, 32):
        np.testing.assert_array_equal(with_depth(with_depth(EVERY_8, between), 8), EVERY_8)


def test_16_bits_go_to_float_and_back_unchanged():
    there = with_depth(EVERY_16, 32)
    assert there.dtype == np.float32
    assert there.max() == 1.0
    np.testing.assert_array_equal(with_depth(there, 16), EVERY_16)


def test_floats_beyond_the_range_are_clipped():
    image = np.array([[[-0.5], [0.5], [7.0]]], np.float32)
    assert with_depth(image, 8).ravel().tolist() == [0, 128, 255]
    assert with_depth(image, 16).ravel().tolist() == [0, 32768, 65535]


@given(st.sampled_from([np.uint8, np.uint16, np.float32]), st.sampled_from([8, 16, 32]))
def test_shape_is_kept_and_the_input_untouched(dtype, depth):
    image = (np.linspace(0, 1, 300 * 3 * 4) * (1 if dtype == np.float32 else 255)).astype(dtype)
    image = image.reshape(300, 3, 4)
    image.setflags(write=False)
    assert with_depth(image, depth).shape == image.shape


def test_an_odd_depth_is_refused():
    with pytest.raises(RangeError, match="8, 16 or 32, got 12"):
        with_depth(EVERY_8, 12)
