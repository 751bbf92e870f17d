from __future__ import annotations

import numpy as np
import pytest

from sfumato.data.camera import Camera
from sfumato.data.chart import StepChart
from sfumato.data.defocus import blur_by_depth, circle_of_confusion
from sfumato.data.dusk_room import DuskRoom
from sfumato.errors import RangeError


def test_the_circle_of_confusion_follows_the_thin_lens_equation():
    focal, number, focus = 0.05, 2.0, 2.0
    for z in (0.7, 1.5, 2.0, 9.0):
        image_of_z, sensor = 1 / (1 / focal - 1 / z), 1 / (1 / focal - 1 / focus)
        expected = focal / number * abs(image_of_z - sensor) / image_of_z
        got = circle_of_confusion(np.array([z], np.float32), focus, focal, number)
        assert got[0] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_a_point_becomes_a_disc_of_the_given_diameter_and_the_same_light():
    light = np.zeros((61, 61, 1), np.float32)
    light[30, 30] = 1.0
    depth = np.ones((61, 61), np.float32)
    blurred = blur_by_depth(light, depth, np.full((1, 61, 61), 20.0, np.float32))[0, ..., 0]
    y, x = np.mgrid[-30:31, -30:31]
    away = np.hypot(x, y)
    assert blurred.sum() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(blurred[away < 9], 1 / (np.pi * 100), rtol=0.02)
    assert np.all(blurred[away > 11] < 1e-8)


def test_no_blur_is_no_change():
    truth = StepChart(size=(60, 80)).render()
    same = blur_by_depth(truth.radiance, truth.depth, np.zeros((2, 60, 80), np.float32))
    np.testing.assert_array_equal(same[0], truth.radiance)
    np.testing.assert_array_equal(same[1], truth.radiance)


def test_a_plain_picture_stays_plain_whatever_its_depths(rng):
    depth = rng.choice([1.0, 2.0, 5.0, 50.0], (50, 70)).astype(np.float32)
    blur = np.stack([circle_of_confusion(depth, 2.0, 0.05, 2.0) * 9000])
    out = blur_by_depth(np.full((50, 70, 3), 0.4, np.float32), depth, blur)
    np.testing.assert_allclose(out, 0.4, rtol=1e-4)


def test_a_sharp_near_thing_keeps_its_edge_before_a_blurred_ground():
    depth = np.full((60, 80), 10.0, np.float32)
    depth[:, 40:] = 1.0
    light = np.where(depth == 1.0, 0.8, 0.1).astype(np.float32)[..., None]
    blur = np.where(depth == 1.0, 0.0, 12.0).astype(np.float32)[None]
    out = blur_by_depth(light, depth, blur, layers=4)[0, ..., 0]
    np.testing.assert_allclose(out[:, 40:], 0.8, rtol=1e-5)
    np.testing.assert_allclose(out[:, :40], 0.1, rtol=1e-4)


def test_a_blurred_near_thing_spreads_over_a_sharp_ground():
    depth = np.full((60, 80), 10.0, np.float32)
    depth[:, 40:] = 1.0
    light = np.where(depth == 1.0, 0.8, 0.1).astype(np.float32)[..., None]
    blur = np.where(depth == 1.0, 12.0, 0.0).astype(np.float32)[None]
    row = blur_by_depth(light, depth, blur, layers=4)[0, 30, :, 0]
    assert row[39] > 0.35
    assert row[33] == pytest.approx(0.1, abs=0.01)
    assert np.all(np.diff(row) > -1e-6)


def test_each_strip_of_the_chart_is_sharp_in_its_own_frame():
    chart = StepChart(size=(120, 200), distance_range_m=(1.0, 5.0), strips=5)
    focus_m = tuple(1 / v for v in (1.0, 0.8, 0.6, 0.4, 0.2))
    series = Camera(dtype="float32", response="linear", f_number=1.0).focus_series(chart, focus_m)
    assert series.stack.shape == (5, 120, 200, 3)
    np.testing.assert_array_equal(series.index[60], np.repeat(np.arange(5), 40))
    for k in range(5):
        inner = slice(40 * k + 16, 40 * k + 24)
        np.testing.assert_allclose(series.stack[k][:, inner], series.sharp[:, inner], atol=1e-5)
    np.testing.assert_array_equal(series.index, series.blur_px.argmin(axis=0))
    assert [f["focus_distance_m"] for f in series.sample.meta["frames"]] == list(focus_m)


def test_the_nearest_frame_is_the_sharpest_on_the_table_too():
    room = DuskRoom(size=(100, 160), view="table")
    series = Camera(dtype="float32", f_number=2.0).focus_series(room, (1.4, 40.0))
    error = np.abs(series.stack - series.sharp).mean(axis=-1)
    for k in (0, 1):
        clear = (series.index == k) & (series.blur_px[k] < 0.7) & (series.blur_px[1 - k] > 3)
        assert clear.sum() > 200
        assert error[k][clear].mean() < 0.5 * error[1 - k][clear].mean()


def test_a_focus_that_no_lens_has_is_refused():
    with pytest.raises(RangeError, match="above 0 m"):
        Camera().focus_series(StepChart(), (1.0, 0.0))
    with pytest.raises(RangeError, match="above 0 m"):
        Camera().focus_series(StepChart(), ())
    with pytest.raises(RangeError, match="within the focal length"):
        circle_of_confusion(np.ones(1, np.float32), 0.03, 0.05, 2.0)
