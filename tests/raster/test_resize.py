"""Resizing: exact means when shrinking, no drift, everything on the picture moves along."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, RangeError
from sfumato.raster.resize import Resize, resize_image

DTYPES = [np.uint8, np.uint16, np.float32]


def random_picture(rng, shape, dtype):
    if dtype == np.float32:
        return rng.random(shape, np.float32)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 4, 6])
def test_shrinking_by_a_whole_factor_gives_the_mean_of_each_block(rng, dtype, channels):
    image = random_picture(rng, (24, 36, channels), dtype)
    blocks = image.reshape(8, 3, 12, 3, channels).astype(np.float64).mean(axis=(1, 3))
    out = Resize(long_side_px=12)(image)
    assert out.dtype == dtype
    tolerance = 1e-6 if dtype == np.float32 else 0.51
    np.testing.assert_allclose(out, blocks, atol=tolerance)


def test_shrinking_by_a_fraction_weighs_by_covered_area():
    # Three pixels become two: each new one covers one old one and half of the middle.
    row = np.array([[[0.0], [0.6], [0.9]]], np.float32)
    out = resize_image(row, (1, 2))
    np.testing.assert_allclose(out.ravel(), [0.3 / 1.5, (0.3 + 0.9) / 1.5], atol=1e-6)


def test_shrinking_a_checkerboard_gives_grey_and_no_pattern():
    board = np.indices((64, 64)).sum(axis=0) % 2
    out = Resize(long_side_px=16)((255 * board).astype(np.uint8)[..., None])
    assert set(np.unique(out)) <= {127, 128}


@pytest.mark.parametrize("dtype", DTYPES)
def test_enlarging_keeps_flat_areas_and_stays_in_range(dtype):
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    step = np.zeros((10, 12, 3), dtype)
    step[:, 6:] = white
    out = Resize(long_side_px=60)(step)
    assert out.shape == (50, 60, 3)
    assert out.dtype == dtype
    assert out.min() == 0
    assert out.max() == white
    np.testing.assert_array_equal(out[:, :8], 0)


def test_enlarging_a_smooth_wave_samples_the_same_wave():
    x = np.arange(80)
    wave = (0.5 + 0.4 * np.sin(2 * np.pi * x / 16)).astype(np.float32)
    out = resize_image(np.tile(wave, (80, 1))[..., None], (80, 240))[40, :, 0]
    places = (np.arange(240) + 0.5) / 3 - 0.5
    wanted = 0.5 + 0.4 * np.sin(2 * np.pi * places / 16)
    # OpenCV's eight taps come from a table of 32 places between pixels.
    np.testing.assert_allclose(out[24:-24], wanted[24:-24], atol=5e-3)


@pytest.mark.parametrize("long_side", [40, 260])
def test_key_points_stay_on_what_they_mark(long_side):
    y, x = np.mgrid[0:80, 0:100].astype(np.float32)
    marks = np.array([[30.3, 20.0, 7.0], [71.0, 55.6, 8.0]], np.float32)
    for mark in marks:
        dot = np.exp(-((x - mark[0]) ** 2 + (y - mark[1]) ** 2) / (2 * 4.0**2))[..., None]
        out = Resize(long_side_px=long_side)(Sample(dot, keypoints=marks))
        light = out.image[..., 0] / out.image.sum()
        rows, columns = np.indices(light.shape)
        centre = [(columns * light).sum(), (rows * light).sum()]
        moved = out.keypoints[(marks == mark).all(axis=1).argmax()]
        np.testing.assert_allclose(moved[:2], centre, atol=0.06)
        assert moved[2] == mark[2]


def test_a_box_around_everything_stays_around_everything():
    photo = Sample(np.zeros((30, 40, 1), np.uint8), boxes=np.float32([[-0.5, -0.5, 39.5, 29.5, 5]]))
    out = Resize(long_side_px=10)(photo)
    np.testing.assert_allclose(out.boxes, [[-0.5, -0.5, 9.5, 7.5, 5]], atol=1e-6)


def test_labels_and_depths_are_never_mixed(rng):
    mask = rng.choice([0, 3, 200], (31, 45)).astype(np.int32)
    depth = rng.choice([1.0, 7.5], (31, 45)).astype(np.float32)
    photo = Sample(np.zeros((31, 45, 3), np.uint8), mask=mask, depth=depth)
    for long_side in (17, 90):
        out = Resize(long_side_px=long_side)(photo)
        assert out.mask.shape == out.depth.shape == out.size
        assert set(np.unique(out.mask)) <= {0, 3, 200}
        assert set(np.unique(out.depth)) <= {1.0, 7.5}
    doubled = Resize(long_side_px=90)(photo)
    np.testing.assert_array_equal(doubled.mask, mask.repeat(2, 0).repeat(2, 1))


def test_frames_hints_and_targets_of_the_same_size_come_along(rng):
    image = random_picture(rng, (20, 30, 3), np.uint8)
    large = random_picture(rng, (40, 60, 3), np.uint8)
    photo = Sample(image, stack=np.stack([image, image]), hint=image, target=large)
    out = Resize(long_side_px=15)(photo)
    assert out.stack.shape == (2, 10, 15, 3)
    np.testing.assert_array_equal(out.stack[1], out.image)
    np.testing.assert_array_equal(out.hint, out.image)
    np.testing.assert_array_equal(out.target, large)


def test_a_picture_of_the_right_size_is_not_touched(picture):
    np.testing.assert_array_equal(Resize(long_side_px=83)(picture), picture)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 90), st.sampled_from(DTYPES))
def test_the_long_side_is_exact_and_the_shape_is_kept(height, width, long_side, dtype):
    image = random_picture(np.random.default_rng(0), (height, width, 2), dtype)
    before = image.copy()
    out = Resize(long_side_px=long_side)(image)
    assert max(out.shape[:2]) == long_side
    short = min(height, width) * long_side / max(height, width)
    assert abs(min(out.shape[:2]) - max(1.0, short)) <= 0.5
    assert out.dtype == dtype
    assert out.min() >= min(0, image.min())
    np.testing.assert_array_equal(image, before)


def test_a_side_of_nothing_is_refused():
    with pytest.raises(RangeError, match="long_side_px: 0 is outside"):
        Resize(long_side_px=0)
    with pytest.raises(DtypeError, match="long_side_px"):
        Resize(long_side_px=12.5)
