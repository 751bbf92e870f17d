"""Kernels are what they say, and odd pictures go through them too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, special

import sfumato.augment as A
from sfumato.augment._kernels import bell, disk, line, plateau, sinc
from sfumato.errors import RangeError
from sfumato.testing import practice_sample


def test_every_kernel_keeps_the_mean():
    for kernel in (
        bell(7, 1.5, 0.7, 30),
        plateau(9, 2, 1, 10, 1.5),
        sinc(15, 1.1),
        disk(4, 0.3),
        disk(11, 0.4),
        line(7, 33, 0.2),
        line(9, 10, 1.0, (2, -2)),
    ):
        # A softened disk loses a little beyond the rim of its kernel, as in albumentations.
        assert kernel.sum() == pytest.approx(1.0, abs=5e-3)


def test_the_bell_is_the_gaussian_for_beta_one():
    one = np.exp(-(np.arange(-4, 5) ** 2) / (2 * 1.3**2))
    both = np.outer(one, one)
    np.testing.assert_allclose(bell(9, 1.3, 1.3, 17), both / both.sum(), atol=1e-6)


def test_the_bell_turns_with_its_angle():
    np.testing.assert_allclose(bell(9, 2, 1, 90), bell(9, 1, 2, 0), atol=1e-6)
    np.testing.assert_allclose(bell(9, 2, 1, 0).T, bell(9, 1, 2, 0), atol=1e-6)


def test_the_round_low_pass_is_made_of_the_bessel_function():
    y, x = np.mgrid[-7:8, -7:8]
    r = np.hypot(x, y)
    r[7, 7] = 1
    book = 0.9 * special.j1(0.9 * r) / (2 * np.pi * r)
    book[7, 7] = 0.81 / (4 * np.pi)
    np.testing.assert_allclose(sinc(15, 0.9), book / book.sum(), atol=1e-7)


def test_a_line_shifted_out_of_its_kernel_leaves_the_picture_alone():
    kernel = line(5, 0, 1.0, (9, 0))
    assert kernel[2, 2] == 1.0


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("size", [3, 7])
def test_medians_of_any_depth_and_number_of_channels(dtype, size):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 1000, (20, 21, 5)).astype(dtype)
    image = image / np.float32(1000) if dtype == np.float32 else image
    out = A.MedianBlur((size, size), p=1)(image, 1)
    book = ndimage.median_filter(image, (size, size, 1), mode="nearest")
    np.testing.assert_array_equal(out, book)


@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_frosted_glass_only_takes_values_from_nearby(mode):
    image = practice_sample(size=(60, 70)).image
    out = A.GlassBlur(sigma=0, max_delta=3, iterations=1, mode=mode, p=1)(image, 1)
    assert (out != image).any()
    reach = 3 if mode == "fast" else 60  # one exchange after the other may carry a value far
    low = ndimage.minimum_filter(image, (2 * reach + 1, 2 * reach + 1, 1))
    high = ndimage.maximum_filter(image, (2 * reach + 1, 2 * reach + 1, 1))
    assert ((out >= low) & (out <= high)).all()
    if mode == "exact":
        assert (np.sort(out.reshape(-1, 3).sum(1)) == np.sort(image.reshape(-1, 3).sum(1))).all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: A.Blur(blur_limit=(4, 4)),
        lambda: A.MotionBlur(blur_limit=(1, 7)),
        lambda: A.GaussianBlur(blur_limit=(0, 0), sigma_limit=(0, 0)),
        lambda: A.AdvancedBlur(beta_limit=(1.2, 2)),
        lambda: A.Sharpen(kernel_size=4),
        lambda: A.Defocus(radius=(5, 2)),
        lambda: A.ZoomBlur(max_factor=(1.3, 1.1)),
    ],
)
def test_impossible_kernels_are_refused_when_built(wrong):
    with pytest.raises(RangeError):
        wrong()


def test_a_bare_limit_stands_for_a_range_from_three():
    assert A.Blur(blur_limit=9).blur_limit == (3, 9)
    assert A.GaussianBlur(compat="1.3").blur_limit == (3, 7)
