"""Counting the places of a window, against counting them one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.raster.convolution import input_sizes, output_size, transposed_size

NUMBERS = st.tuples(
    st.integers(1, 40), st.integers(1, 7), st.integers(1, 5), st.integers(0, 6), st.integers(1, 4)
)


def places_one_by_one(size, kernel, stride, padding, dilation):
    padded = range(-padding, size + padding)
    taps = [tap * dilation for tap in range(kernel)]
    starts = padded[::stride]
    return sum(all(start + tap in padded for tap in taps) for start in starts)


@given(NUMBERS)
def test_it_counts_what_can_be_counted(numbers):
    wanted = places_one_by_one(*numbers)
    if wanted == 0:
        with pytest.raises(ShapeError, match="does not fit"):
            output_size(*numbers)
    else:
        assert output_size(*numbers) == wanted


@given(NUMBERS)
def test_every_listed_input_and_no_other_gives_the_output(numbers):
    size, *window = numbers
    found = input_sizes(size, *window)
    every = [n for n in range(1, 300) if places_one_by_one(n, *window) == size]
    assert list(found) == every


@given(NUMBERS, st.integers(0, 4))
def test_a_transposed_window_undoes_the_size(numbers, extra):
    size, kernel, stride, padding, dilation = numbers
    if extra >= stride:
        with pytest.raises(RangeError, match="output_padding"):
            transposed_size(*numbers, output_padding=extra)
        return
    try:
        large = transposed_size(*numbers, output_padding=extra)
    except ShapeError:
        assert (size - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding + extra < 1
        return
    assert output_size(large, kernel, stride, padding, dilation) == size


def test_known_layers():
    assert output_size(227, 11, 4) == 55  # AlexNet's first layer
    assert output_size(224, 7, 2, 3) == 112  # ResNet's
    assert output_size(572, 3) == 570  # U-Net's, unpadded
    assert transposed_size(4, 4, 2, 1) == 8


def test_axes_may_differ():
    assert output_size((10, 20), (3, 5), stride=2, padding=(1, 2)) == (5, 10)
    assert transposed_size((5, 10), kernel=2, stride=2) == (10, 20)


def test_what_cannot_be_is_refused():
    with pytest.raises(RangeError, match="'stride' must be at least 1"):
        output_size(10, 3, stride=0)
    with pytest.raises(RangeError, match="'padding' must be at least 0"):
        output_size(10, 3, padding=-1)
    with pytest.raises(DtypeError, match="'kernel' must be whole numbers"):
        output_size(10, 2.5)
    with pytest.raises(ShapeError, match="'kernel' has 3 numbers for 2 axes"):
        output_size((10, 10), (1, 2, 3))
