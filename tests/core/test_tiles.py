from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.core.tiles import apply_tiled, blending_weights, tile_windows
from sfumato.errors import RangeError, ShapeError

sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))
tilings = st.integers(1, 40).flatmap(
    lambda tile: st.tuples(st.just(tile), st.integers(0, max(0, tile - 1)))
)


@given(sizes, tilings)
def test_windows_cover_every_pixel_and_overlap_enough(size, tiling):
    tile, overlap = tiling
    seen = np.zeros(size, int)
    windows = tile_windows(size, tile, overlap)
    for window in windows:
        assert window.height == min(tile, size[0])
        assert window.width == min(tile, size[1])
        seen[window.slices] += 1
    assert seen.min() >= 1
    starts = sorted({w.top for w in windows})
    assert all(a + tile - b >= overlap for a, b in pairwise(starts))


@given(sizes, tilings)
def test_the_blend_gives_an_untouched_picture_back(size, tiling):
    tile, overlap = tiling
    image = np.random.default_rng(0).integers(0, 65536, (*size, 2)).astype(np.uint16)
    out = apply_tiled(lambda part: part, image, tile_px=tile, overlap_px=overlap)
    assert out.dtype == np.uint16
    np.testing.assert_array_equal(out, image)


def test_weights_of_two_neighbours_add_up_to_one():
    left, right = tile_windows((1, 22), 16, 10)
    total = np.zeros((1, 22))
    for window in (left, right):
        total[window.slices] += blending_weights(window, (1, 22), 10)
    np.testing.assert_allclose(total, 1.0, atol=1e-6)
    one = blending_weights(left, (1, 22), 10)
    np.testing.assert_allclose(one, blending_weights(right, (1, 22), 10)[:, ::-1])


def test_a_local_function_gives_the_same_in_tiles():
    image = np.random.default_rng(1).random((70, 83, 3)).astype(np.float32)

    def blur(part):
        return cv2.blur(part, (5, 5))

    whole = blur(image)
    tiled = apply_tiled(blur, image, tile_px=32, overlap_px=8)
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_impossible_tilings_are_refused():
    with pytest.raises(RangeError, match="overlap"):
        tile_windows((10, 10), 4, 4)
    with pytest.raises(RangeError):
        tile_windows((0, 10), 4, 0)
    with pytest.raises(ShapeError, match="came back"):
        apply_tiled(lambda p: p[1:], np.zeros((9, 9, 1), np.uint8), tile_px=4, overlap_px=1)
