"""Gradients: one unit for all methods, and what is drawn of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sfumato.errors import RangeError
from sfumato.features import Gradient, morphological_gradient
from sfumato.testing import practice_sample

METHODS = ["sobel", "scharr", "gaussian", "morphological"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_ramp_has_its_slope_per_pixel(method, dtype):
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    ramp = np.tile(np.arange(40) / 51, (20, 1))  # 1/51 is five steps of 8 bits
    field = Gradient(method=method, scales=2).field((ramp * white).astype(dtype))
    np.testing.assert_allclose(field.magnitude[8:12, 12:-12], 1 / 51, rtol=2e-3)
    np.testing.assert_allclose(field.orientation[8:12, 12:-12], 0.0, atol=1e-3)


@settings(deadline=None)
@given(angle=st.floats(-3.1, 3.1), method=st.sampled_from(["sobel", "scharr", "gaussian"]))
def test_the_orientation_points_to_the_bright_side(angle, method):
    y, x = np.mgrid[0:21, 0:21].astype(np.float32)
    plane = 0.5 + 0.01 * ((x - 10) * np.cos(angle) + (y - 10) * np.sin(angle))
    field = Gradient(method=method).field(plane.astype(np.float32))
    assert field.orientation[10, 10] == pytest.approx(angle, abs=2e-3)
    assert field.magnitude[10, 10] == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("sigma", [0.8, 1.5, 3.0])
def test_the_gaussian_gradient_is_that_of_scipy(sigma, rng):
    plane = rng.random((40, 50)).astype(np.float32)
    field = Gradient(sigma=sigma).field(plane)
    for axis, ours in ((1, field.dx), (0, field.dy)):
        order = [0, 0]
        order[axis] = 1
        theirs = ndimage.gaussian_filter(
            plane.astype(float), sigma, order, mode="nearest", truncate=6
        )
        np.testing.assert_allclose(ours, theirs, atol=0.02 * np.abs(theirs).max())


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_the_morphological_gradient_is_its_definition(scales, rng):
    plane = rng.random((30, 34)).astype(np.float32)
    total = np.zeros(plane.shape)
    for i in range(1, scales + 1):
        side = 2 * i + 1
        rise = ndimage.grey_dilation(plane, (side, side), mode="nearest")
        rise = rise - ndimage.grey_erosion(plane, (side, side), mode="nearest")
        if i > 1:
            rise = ndimage.grey_erosion(rise, (side - 2, side - 2), mode="nearest")
        total += rise / (2 * i)
    np.testing.assert_allclose(morphological_gradient(plane, scales), total / scales, atol=1e-6)


@pytest.mark.parametrize("show", ["magnitude", "orientation", "plot"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_is_shown_is_a_picture_of_the_same_kind(show, dtype, picture):
    white = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[dtype]
    image = (picture.astype(float) * white).astype(dtype)
    out = Gradient(show=show)(image)
    assert out.shape == image.shape
    assert out.dtype == dtype
    assert len(np.unique(out)) > 20


def test_the_plot_turns_through_the_hues():
    y, x = np.mgrid[0:41, 0:41].astype(np.float32)
    cone = 1 - np.hypot(x - 20, y - 20) / 40
    plot = Gradient(show="plot", gain=20)(np.repeat(cone.astype(np.float32)[..., None], 3, axis=2))
    left, right = plot[20, 8], plot[20, 32]
    assert left[0] > 0.4 > left[2]  # brighter to the right: red
    assert right[1] > 0.4 > right[0]  # brighter to the left: cyan
    assert right[2] > 0.4


def test_no_scale_is_refused():
    with pytest.raises(RangeError, match="at least 1 scale"):
        morphological_gradient(np.zeros((4, 4), np.float32), 0)
    with pytest.raises(RangeError, match="NaN"):
        Gradient().field(np.full((4, 4), np.nan, np.float32))


def test_the_numbers_do_not_depend_on_where_arrays_lie_in_memory():
    picture = practice_sample(channels=1, dtype=np.float32).image
    first = Gradient().field(picture).magnitude
    held: list[object] = []
    sizes = np.random.default_rng(1).integers(1, 60_000, 1500)
    for size in sizes:
        held = [*held[-4:], np.random.default_rng(0).random(size).astype(np.float32)]
        assert np.array_equal(Gradient().field(picture).magnitude, first)
