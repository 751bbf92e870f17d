"""Kernels against Pillow, closed forms, and the promise of no aliasing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from sfumato.core.opencv import cv2
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.raster.resampling import resample_image

KERNELS = ["area", "bicubic", "lanczos"]
DTYPES = [np.uint8, np.uint16, np.float32]
SIZES = [(23, 31), (60, 83), (61, 40), (130, 20), (122, 249), (1, 1), (200, 1)]


def random_picture(rng, shape, dtype):
    if dtype == np.float32:
        return rng.random(shape, np.float32)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def by_pillow(plane, size, kernel):
    flag = {"bicubic": Pillow.Resampling.BICUBIC, "lanczos": Pillow.Resampling.LANCZOS}[kernel]
    found = Pillow.fromarray(plane.astype(np.float32)).resize(size[::-1], flag)
    return np.asarray(found, np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", ["bicubic", "lanczos"])
@pytest.mark.parametrize("size", SIZES)
def test_it_agrees_with_pillow_up_and_down(rng, dtype, kernel, size):
    image = random_picture(rng, (61, 83, 2), dtype)
    out = resample_image(image, size, kernel)
    assert out.dtype == dtype
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    wanted = np.stack([by_pillow(image[..., k], size, kernel) for k in range(2)], axis=-1)
    tolerance = 2e-6 if dtype == np.float32 else 0.51
    np.testing.assert_allclose(out, np.clip(wanted, 0, white), atol=tolerance)


def covered(old, new):
    """Give the share of each old pixel in each new one, by the overlap of intervals."""
    left, right = (np.arange(new)[:, None] + k for k in (0, 1))
    cell = np.arange(old)
    overlap = np.minimum(right * old / new, cell + 1) - np.maximum(left * old / new, cell)
    return np.maximum(overlap, 0) * new / old


@pytest.mark.parametrize("size", SIZES)
def test_area_is_the_exact_mean_over_what_a_new_pixel_covers(rng, size):
    image = rng.random((61, 83, 1), np.float32)
    wanted = covered(61, size[0]) @ image[..., 0].astype(np.float64) @ covered(83, size[1]).T
    out = resample_image(image, size, "area")
    np.testing.assert_allclose(out[..., 0], wanted, atol=2e-6)
    np.testing.assert_allclose(out.mean(dtype=np.float64), image.mean(dtype=np.float64), atol=1e-6)


def test_area_agrees_with_opencv_where_that_is_exact(rng):
    image = rng.random((60, 84, 3), np.float32)
    wanted = cv2.resize(image, (28, 15), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(resample_image(image, (15, 28), "area"), wanted, atol=2e-6)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(*[st.integers(1, 33)] * 4),
    st.sampled_from(KERNELS),
    st.sampled_from(DTYPES),
    st.floats(0, 1),
)
def test_flat_areas_stay_flat(sizes, kernel, dtype, level):
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    flat = np.full((*sizes[:2], 2), np.asarray(level * white).astype(dtype))
    before = flat.copy()
    out = resample_image(flat, sizes[2:], kernel)
    assert out.shape == (*sizes[2:], 2)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, flat[0, 0, 0], atol=5e-7 if dtype == np.float32 else 0)
    np.testing.assert_array_equal(flat, before)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.integers(1, 24)] * 4), st.sampled_from(KERNELS))
def test_turned_pictures_give_turned_results(seed, sizes, kernel):
    image = np.random.default_rng(seed).random((*sizes[:2], 2), np.float32)
    out = resample_image(image, sizes[2:], kernel)
    turned = resample_image(image[::-1, ::-1], sizes[2:], kernel)
    np.testing.assert_allclose(turned[::-1, ::-1], out, atol=3e-6)
    swapped = resample_image(image.swapaxes(0, 1), sizes[3:1:-1], kernel)
    np.testing.assert_allclose(swapped.swapaxes(0, 1), out, atol=3e-6)


@pytest.mark.parametrize(
    ("kernel", "new", "px"),
    [
        ("area", 50, 1e-4),  # whole pixels only: exact
        ("area", 90, 0.13),  # the mean of a staircase, an eighth of a step off at most
        ("area", 611, 0.5),
        ("bicubic", 90, 0.01),  # a widened kernel is sampled, not integrated
        ("bicubic", 611, 1e-4),
        ("lanczos", 90, 0.01),
        ("lanczos", 611, 0.02),
    ],
)
def test_a_ramp_stays_a_ramp_at_the_right_place(kernel, new, px):
    ramp = np.tile(np.linspace(0, 1, 250, dtype=np.float32), (3, 1))[..., None]
    out = resample_image(ramp, (3, new), kernel)[1, :, 0]
    places = (np.arange(new) + 0.5) * 250 / new - 0.5
    inside = (places > 9) & (places < 240)
    assert np.abs(249 * out[inside] - places[inside]).max() <= px


@pytest.mark.parametrize(("kernel", "most"), [("lanczos", 0.02), ("bicubic", 0.09), ("area", 0.32)])
def test_a_grating_finer_than_the_new_pixels_turns_grey(kernel, most):
    # Shrunk by 3.2 a period of 4 px would come back as one of 5 new px if nothing took it away.
    x = np.arange(640)
    grating = 0.5 + 0.5 * np.cos(2 * np.pi * x / 4)
    image = np.tile(grating.astype(np.float32), (4, 1))[..., None]
    aliased = cv2.resize(image, (200, 4), interpolation=cv2.INTER_CUBIC)
    assert np.ptp(aliased[1, 20:-20]) > 0.5
    assert np.ptp(resample_image(image, (4, 200), kernel)[1, 20:-20]) < most


def test_linear_light_beyond_white_is_kept_and_undershoot_is_not():
    step = np.zeros((1, 40, 1), np.float32)
    step[:, 20:] = 3.0
    out = resample_image(step, (1, 111), "lanczos")
    assert out.max() == 3.0
    assert out.min() == 0.0


def test_many_channels_and_views_are_taken(rng):
    image = rng.integers(0, 256, (40, 30, 7), np.uint8)
    out = resample_image(image[::2, ::-1], (9, 11), "lanczos")
    for k in range(7):
        plane = np.ascontiguousarray(image[::2, ::-1, k : k + 1])
        np.testing.assert_array_equal(out[..., k : k + 1], resample_image(plane, (9, 11)))


def test_the_same_size_gives_a_copy(picture):
    out = resample_image(picture, picture.shape[:2])
    np.testing.assert_array_equal(out, picture)
    assert not np.shares_memory(out, picture)


def test_wrong_sizes_kernels_and_numbers_are_refused(picture):
    with pytest.raises(RangeError, match="size"):
        resample_image(picture, (0, 5))
    with pytest.raises(DtypeError, match="height, width"):
        resample_image(picture, (2.5, 5))
    with pytest.raises(RangeError, match="nearest"):
        resample_image(picture, (4, 5), "nearest")
    with pytest.raises(ShapeError, match="channel axis"):
        resample_image(picture[..., 0], (4, 5))
    for bad in (np.nan, np.inf, -np.inf):
        broken = np.zeros((4, 4, 1), np.float32)
        broken[2, 2] = bad
        with pytest.raises(RangeError, match="NaN or infinity"):
            resample_image(broken, (2, 2))
