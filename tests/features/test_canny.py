"""Canny: one meaning of the thresholds for every dtype, agreement with OpenCV's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.data import DiscChart, LineChart
from sfumato.errors import RangeError, ShapeError
from sfumato.features import Canny


def test_without_smoothing_it_is_opencvs_canny(picture):
    grey = np.ascontiguousarray(picture[..., 1])
    theirs = cv2.Canny(grey, 60, 140, L2gradient=True) > 0
    ours = Canny(thresholds=(60 / 2040, 140 / 2040), sigma=0).detect(grey)
    assert theirs.sum() > 100
    np.testing.assert_array_equal(ours, theirs)


def test_with_smoothing_it_is_opencvs_canny_on_the_float_picture_rounded_later(picture):
    grey = np.ascontiguousarray(picture[..., 1])
    bell = np.exp(-0.5 * (np.arange(-5, 6) / 1.4) ** 2)
    bell, border = bell / bell.sum(), cv2.BORDER_REPLICATE
    smooth = cv2.sepFilter2D(grey.astype(float) * 32, -1, bell, bell, borderType=border)
    kernels = (([-1, 0, 1], [1, 2, 1]), ([1, 2, 1], [-1, 0, 1]))
    slopes = (cv2.sepFilter2D(smooth, -1, *map(np.float64, k), borderType=border) for k in kernels)
    dx, dy = (np.rint(slope).astype(np.int16) for slope in slopes)
    theirs = cv2.Canny(dx, dy, 32 * 50, 32 * 100, L2gradient=True) > 0
    ours = Canny(thresholds=(50 / 2040, 100 / 2040)).detect(grey)
    assert theirs.sum() > 100
    assert (ours != theirs).mean() < 0.002


def test_the_same_picture_in_three_dtypes_has_the_same_edges(picture):
    deep, unit = picture.astype(np.uint16) * 257, (picture / 255.0).astype(np.float32)
    for canny in (Canny(), Canny(thresholds=(0.02, 0.06), sigma=0.8)):
        grey = canny.detect(picture[..., 1].copy())
        assert grey.any()
        np.testing.assert_array_equal(canny.detect(deep[..., 1].copy()), grey)
        np.testing.assert_array_equal(canny.detect(unit[..., 1].copy()), grey)
        color = canny.detect(picture)
        assert (canny.detect(deep) != color).mean() < 1e-3


@settings(deadline=None)
@given(slope=st.floats(0.01, 0.2))
def test_the_threshold_is_the_gradient_per_pixel(slope):
    x = np.arange(40.0)
    # A tent: its two flanks have this slope, its ridge and foot are no edges of their own.
    step = np.clip((x - 20) * slope, -0.5 * slope, 0.5 * slope)
    picture = np.tile((0.5 + step).astype(np.float32), (20, 1))
    peak = slope / 2  # Sobel spans two pixels
    assert Canny(thresholds=(0.0, 0.95 * peak), sigma=0).detect(picture).any()
    assert not Canny(thresholds=(0.0, 1.05 * peak), sigma=0).detect(picture).any()


def test_a_turned_picture_has_turned_edges(picture):
    canny = Canny(thresholds=(0.02, 0.05))
    turned = canny.detect(np.rot90(picture).copy())
    assert (turned != np.rot90(canny.detect(picture))).mean() < 0.002


def test_weak_edges_stay_only_where_they_hang_on_strong_ones():
    height = np.linspace(0.02, 0.5, 80)  # a step that grows downwards
    picture = np.zeros((80, 60), np.float32)
    picture[:, 30:] = height[:, None]
    picture[:6, 5:10] = 0.12  # as strong as the middle of the step, but alone
    both = Canny(thresholds=(0.05, 0.15), sigma=0).detect(picture)
    weak = Canny(thresholds=(0.05, 0.05), sigma=0).detect(picture)
    strong = Canny(thresholds=(0.15, 0.15), sigma=0).detect(picture)
    assert not both[:, :20].any()
    assert weak[:, :20].any()
    assert strong.sum() < both.sum() < weak.sum()


@pytest.mark.parametrize("angle", [0, 20, 45, 90, 133])
def test_lines_are_one_pixel_thick_and_on_the_edge(angle):
    chart = LineChart(angle_deg=angle, offset_px=0.3, blur_px=0.7, noise_sd=0.01)
    y, x = np.nonzero(Canny().detect(chart.picture()))
    inner = (np.abs(x - 31.5) < 26) & (np.abs(y - 31.5) < 26)
    assert np.abs(chart.distance(x, y)[inner]).max() < 1.2
    assert 30 < inner.sum() < 110  # a diagonal is a staircase


def test_automatic_thresholds_find_a_faint_disc_and_no_noise(rng):
    disc = DiscChart(low=0.50, high=0.53, radius_px=20.0, noise_sd=0.001, size=(96, 96))
    found = Canny().detect(disc.picture(np.float32))
    assert found.any()
    y, x = np.nonzero(found)
    assert np.abs(disc.distance(x, y)).max() < 2
    noise = (0.5 + rng.normal(0, 0.02, (256, 256))).astype(np.float32)
    assert Canny().detect(noise).mean() < 1e-3


@pytest.mark.parametrize("into", ["image", "hint"])
def test_the_lines_go_where_they_are_wanted(into, picture):
    out = Canny(into=into)(Sample(picture))
    lines = out.image if into == "image" else out.hint
    assert lines.shape == (*picture.shape[:2], 3 if into == "image" else 1)
    assert set(np.unique(lines)) == {0, 255}
    if into == "hint":
        np.testing.assert_array_equal(out.image, picture)


def test_light_beyond_white_does_not_saturate():
    picture = np.zeros((20, 20), np.float32)
    picture[:, 10:] = 50.0
    picture[:, 15:] = 50.3
    found = Canny(thresholds=(0.05, 0.1), sigma=0).detect(picture)
    assert found[:, 9:11].any(axis=1).all()
    assert found[:, 14:16].any(axis=1).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 3, 3)])
def test_tiny_and_flat_pictures_have_no_edges(shape):
    assert not Canny().detect(np.full(shape, 90, np.uint8)).any()
    assert not Canny(thresholds=(0.0, 0.0)).detect(np.full((30, 30), 0.4, np.float32)).any()


def test_what_makes_no_sense_is_refused():
    with pytest.raises(RangeError, match=r"first, 0\.3, is above"):
        Canny(thresholds=(0.3, 0.1))
    with pytest.raises(RangeError, match="NaN"):
        Canny().detect(np.full((4, 4), np.nan, np.float32))
    with pytest.raises(ShapeError, match="channels"):
        Canny().detect(np.zeros((4, 4, 2), np.uint8))
