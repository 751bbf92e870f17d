from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from sfumato.core.opencv import cv2
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.measure import MAE, MSE, PSNR

WHITE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
pictures = hnp.arrays(np.uint8, (2, 3, 4, 3))


def pair(rng, dtype, shape=(41, 37, 3)):
    a = rng.random(shape)
    b = np.clip(a + rng.normal(0, 0.05, shape), 0, 1)
    white = WHITE[dtype]
    return [(x * white if dtype == "float32" else np.rint(x * white)).astype(dtype) for x in (a, b)]


@pytest.mark.parametrize("dtype", WHITE)
def test_the_three_agree_with_their_formulas_and_with_scikit_image(rng, dtype):
    a, b = pair(rng, dtype)
    white = WHITE[dtype]
    gap = (a.astype(np.float64) - b) / white
    assert MSE()(a, b) == pytest.approx((gap**2).mean(), rel=1e-9)
    assert MAE()(a, b) == pytest.approx(np.abs(gap).mean(), rel=1e-9)
    assert MSE()(a, b) * white**2 == pytest.approx(mean_squared_error(a, b), rel=1e-6)
    theirs = peak_signal_noise_ratio(a, b, data_range=white)
    assert PSNR()(a, b) == pytest.approx(theirs, rel=1e-6)


def test_psnr_is_that_of_opencv_except_for_equal_pictures(rng):
    a, b = pair(rng, "uint8")
    assert PSNR()(a, b) == pytest.approx(cv2.PSNR(a, b), abs=1e-9)
    assert PSNR()(a, a) == math.inf


def test_a_difference_of_a_hundredth_of_white_is_forty_decibels():
    a = np.zeros((5, 5, 3), np.float32)
    assert PSNR()(a + np.float32(0.01), a) == pytest.approx(40.0, abs=1e-5)
    assert PSNR(data_range=10.0)(a + np.float32(0.1), a) == pytest.approx(40.0, abs=1e-5)


def test_one_grey_level_in_a_large_picture_is_not_lost():
    a = np.zeros((2000, 1500, 3), np.uint16)
    b = a.copy()
    b[1999, 1499, 2] = 1
    assert MSE()(a, b) * 65535.0**2 * a.size == pytest.approx(1.0, rel=1e-12)


def test_views_and_many_channels_score_like_their_copies(rng):
    a, b = (rng.integers(0, 256, (20, 30, 7), dtype=np.uint8) for _ in range(2))
    cut = (slice(None, None, -1), slice(3, -2), slice(1, 6))
    for metric in (MSE(), MAE(), PSNR()):
        assert metric(a[cut], b[cut]) == metric(a[cut].copy(), b[cut].copy())


@given(pictures)
def test_they_are_symmetric_and_ordered(images):
    a, b = images
    assert MSE()(a, b) == MSE()(b, a)
    assert 0.0 <= MSE()(a, b) <= MAE()(a, b) <= 1.0
    # Jensen: the mean of squares is at least the square of the mean.
    assert MSE()(a, b) >= MAE()(a, b) ** 2 - 1e-15


@given(pictures, st.integers(0, 2))
def test_the_order_of_pixels_does_not_matter(images, axis):
    a, b = images
    for metric in (MSE(), MAE(), PSNR()):
        assert metric(np.flip(a, axis), np.flip(b, axis)) == metric(a, b)


@pytest.mark.parametrize("metric", [MSE(), MAE(), PSNR()])
def test_what_cannot_be_compared_is_refused(metric):
    a = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ShapeError, match="crop or resize"):
        metric(a, a[:3])
    with pytest.raises(DtypeError, match="uint16"):
        metric(a, a.astype(np.uint16))
    with pytest.raises(DtypeError, match="float64"):
        metric(a.astype(float), a.astype(float))
    with pytest.raises(RangeError, match="NaN"):
        metric(np.full((4, 4), np.nan, np.float32), np.zeros((4, 4), np.float32))
    with pytest.raises(RangeError, match="data_range"):
        type(metric)(data_range=0.0)
