"""Palettes: pictures made of known colors."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.color import ShowPalette, palette_of
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import RangeError, ShapeError

COLORS = np.array([[200, 30, 40], [20, 160, 60], [40, 60, 220], [240, 230, 40]], np.uint8)


def mosaic(noise: float = 0.0) -> np.ndarray:
    which = np.repeat([0, 0, 0, 0, 1, 1, 1, 2, 2, 3], 10)
    picture = np.broadcast_to(COLORS[which], (30, 100, 3)).astype(np.float64)
    rng = np.random.default_rng(0)
    return np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def test_the_colors_of_a_mosaic_are_found_the_commonest_first():
    found = palette_of(mosaic(noise=3.0), 4) * 255
    np.testing.assert_allclose(found, COLORS, atol=3)


def test_a_palette_is_the_same_for_the_same_seed_and_every_dtype():
    codes = mosaic()
    first = palette_of(codes, 4)
    np.testing.assert_array_equal(first, palette_of(codes, 4))
    np.testing.assert_allclose(first, palette_of(codes.astype(np.uint16) * 257, 4), atol=1e-3)


def test_fewer_colors_than_asked_come_back_where_there_are_fewer():
    assert palette_of(np.full((5, 5, 1), 77, np.uint8), 6).shape == (1, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_few_pixels_have_a_palette_too(size, channels):
    picture = np.full((*size, channels), 90, np.uint8)
    np.testing.assert_allclose(palette_of(picture) * 255, 90, atol=1)
    assert ShowPalette(how="palette")(Sample(picture)).hint.shape == (*size, channels)


def test_a_mosaic_hint_is_the_mean_of_its_cells():
    rng = np.random.default_rng(1)
    picture = rng.random((32, 48, 3), np.float32)
    hint = ShowPalette(cell_px=16)(Sample(picture)).hint
    means = picture.reshape(2, 16, 3, 16, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(hint[::16, ::16], means, atol=1e-6)
    assert (hint == np.repeat(np.repeat(hint[::16, ::16], 16, 0), 16, 1)).all()


def test_stripes_hold_the_palette():
    hint = ShowPalette(how="palette", colors=4)(Sample(mosaic())).hint
    np.testing.assert_allclose(hint[0, [10, 35, 60, 85]].astype(int), COLORS, atol=3)


def test_a_large_picture_is_looked_at_all_over():
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[:150], picture[150:] = (250, 0, 0), (0, 0, 250)
    found = palette_of(picture, 2) * 255
    np.testing.assert_allclose(found, [[250, 0, 0], [0, 0, 250]], atol=2)


def test_a_palette_follows_from_its_seed_whatever_was_drawn_before():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (60, 60, 3)).astype(np.uint8)
    cv2.setRNGSeed(5)
    first = palette_of(picture, 5, seed=3)
    cv2.setRNGSeed(77)
    cv2.randu(np.zeros((3, 3), np.uint8), 0, 255)
    np.testing.assert_array_equal(first, palette_of(picture, 5, seed=3))


def test_a_part_of_a_cell_is_a_cell_of_its_own():
    picture = np.broadcast_to(np.arange(10, dtype=np.uint8)[None, :, None], (4, 10, 1))
    hint = ShowPalette(cell_px=4)(Sample(picture)).hint[..., 0]
    assert len(np.unique(hint)) == 3


def test_what_is_no_color_picture_is_refused():
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        palette_of(np.zeros((4, 4, 2), np.uint8))
    with pytest.raises(RangeError, match="at least 1"):
        palette_of(mosaic(), 0)
    with pytest.raises(RangeError, match="NaN"):
        palette_of(np.full((4, 4, 3), np.nan, np.float32))
