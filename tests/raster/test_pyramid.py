"""Pyramids against a direct float64 transcription of Burt and Adelson's filters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sfumato.errors import RangeError
from sfumato.raster.pyramid import (
    Border,
    collapse,
    expand,
    gaussian_pyramid,
    laplacian_pyramid,
    max_levels,
    reduce,
)

Array = NDArray[np.float64]
TAPS = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
sizes = st.tuples(st.integers(1, 23), st.integers(1, 23))
borders = st.sampled_from(["symmetric", "reflect"])


def matrix_of_reduce(size: int, border: Border) -> Array:
    """Write the halving of one axis as a matrix: filter, then keep 0, 2, 4, ..."""
    half = (size + 1) // 2
    matrix = np.zeros((half, size))
    places = np.pad(np.arange(size), 2, mode=pad_mode(size, border))
    for row in range(half):
        for tap, place in zip(TAPS, places[2 * row : 2 * row + 5], strict=True):
            matrix[row, place] += tap
    return matrix


def matrix_of_expand(half: int, size: int) -> Array:
    """Write the doubling of one axis: repeat the ends, insert zeros, filter, times 2, crop."""
    spread = np.zeros((2 * half + 4, half))
    for row, place in enumerate(np.pad(np.arange(half), 1, mode="edge")):
        spread[2 * row, place] = 1.0
    filtered = np.array([np.convolve(column, TAPS, mode="same") for column in spread.T]).T
    return 2.0 * filtered[2 : 2 + size]


def pad_mode(size: int, border: Border) -> Any:
    return "symmetric" if border == "symmetric" or size == 1 else "reflect"


def direct_reduce(image: Array, border: Border) -> Array:
    rows, columns = (matrix_of_reduce(n, border) for n in image.shape[:2])
    return np.einsum("yi,xj,ij...->yx...", rows, columns, image)


def direct_expand(image: Array, size: tuple[int, int]) -> Array:
    down, across = (matrix_of_expand(h, n) for h, n in zip(image.shape, size, strict=False))
    return np.einsum("yi,xj,ij...->yx...", down, across, image)


@given(size=sizes, border=borders)
@settings(deadline=None)
def test_reduce_equals_the_transcription(size: tuple[int, int], border: Border) -> None:
    image = np.random.default_rng(sum(size)).random((*size, 3))
    half = reduce(image, border=border)
    assert half.shape == ((size[0] + 1) // 2, (size[1] + 1) // 2, 3)
    np.testing.assert_allclose(half, direct_reduce(image, border), atol=1e-14)


@given(size=sizes)
@settings(deadline=None)
def test_expand_equals_the_transcription(size: tuple[int, int]) -> None:
    low = np.random.default_rng(sum(size)).random(((size[0] + 1) // 2, (size[1] + 1) // 2))
    np.testing.assert_allclose(expand(low, size), direct_expand(low, size), atol=1e-14)


@given(size=sizes, border=borders, levels=st.integers(1, 6))
@settings(deadline=None)
def test_collapse_gives_back_what_was_taken_apart(
    size: tuple[int, int], border: Border, levels: int
) -> None:
    image = np.random.default_rng(levels).random((*size, 1))
    kept = image.copy()
    again = collapse(laplacian_pyramid(image, levels, border=border), border=border)
    np.testing.assert_allclose(again, image, atol=1e-13)
    np.testing.assert_array_equal(image, kept)


@pytest.mark.parametrize("size", [(33, 50), (47, 31)])
def test_each_band_is_a_level_less_the_expanded_next_one(size: tuple[int, int]) -> None:
    # Reconstruction alone also holds for a chain of expansions from the coarsest level.
    image = np.random.default_rng(5).random((*size, 3))
    bands = laplacian_pyramid(image, 5)
    level = image
    for band in bands[:-1]:
        coarser = direct_reduce(level, "symmetric")
        expected = level - direct_expand(coarser, (level.shape[0], level.shape[1]))
        np.testing.assert_allclose(band, expected, atol=1e-13)
        level = coarser
    np.testing.assert_allclose(bands[-1], level, atol=1e-13)
    assert [band.shape[:2] for band in bands] == [
        tuple(-(-n // 2**level) for n in size) for level in range(5)
    ]


def test_a_flat_picture_has_empty_bands_and_stays_flat() -> None:
    flat = np.full((21, 34, 1), 0.3)
    *bands, residual = laplacian_pyramid(flat, 4)
    for band in bands:
        np.testing.assert_allclose(band, 0.0, atol=1e-15)
    np.testing.assert_allclose(residual, 0.3, atol=1e-15)


@pytest.mark.parametrize("border", ["symmetric", "reflect"])
def test_float32_stays_float32_and_a_single_channel_keeps_its_axis(border: Border) -> None:
    image = np.random.default_rng(1).random((19, 30, 1), np.float32)
    half = reduce(image, border=border)
    assert (half.dtype, half.shape) == (np.float32, (10, 15, 1))
    assert expand(half, (19, 30), border=border).shape == (19, 30, 1)
    assert [level.shape[2] for level in gaussian_pyramid(image, 3, border=border)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("size", "levels"), [((500, 752), 8), ((1, 1), 1), ((1, 90), 1), ((3, 2), 1), ((64, 65), 6)]
)
def test_the_depth_is_the_logarithm_of_the_shorter_side(size: tuple[int, int], levels: int) -> None:
    assert max_levels(size) == levels


def test_a_size_that_is_no_double_is_refused() -> None:
    with pytest.raises(RangeError, match=r"\(4, 4\) does not double to \(9, 8\)"):
        expand(np.zeros((4, 4)), (9, 8))
