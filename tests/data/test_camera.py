from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.data.camera import Camera
from sfumato.data.chart import StepChart
from sfumato.data.response import decode_response
from sfumato.errors import RangeError

CHART = StepChart(size=(90, 130))


def test_frames_differ_by_their_exposure_exactly_where_nothing_is_clipped():
    camera = Camera(response="linear", dtype="float32")
    dark, middle, bright = camera.bracket(CHART, (-2, 0, 3)).stack
    free = bright < 1
    assert free.mean() > 0.15
    np.testing.assert_array_equal(bright[free], middle[free] * 8)
    np.testing.assert_array_equal(dark[free] * 4, middle[free])


@pytest.mark.parametrize("curve", ["srgb", "gamma", "filmic"])
@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535)])
def test_inverting_the_response_gives_the_radiance_to_the_rounding(curve, dtype, white):
    frame = Camera(response=curve, dtype=dtype).bracket(CHART, (-1,)).stack[0]
    radiance = CHART.render().radiance / 2
    low, high = (decode_response(np.clip((frame + d) / white, 0, 1), curve) for d in (-0.51, 0.51))
    free = radiance < 0.999
    assert np.all((radiance >= low - 1e-6)[free] & (radiance <= high + 1e-6)[free])
    assert np.all(frame[radiance >= 1] == white)


@pytest.mark.parametrize(("gain", "floor"), [(1e-3, 0.0), (0.0, 1e-4), (2e-3, 1e-4)])
def test_the_variance_of_the_noise_is_a_x_plus_b(gain, floor):
    camera = Camera(response="linear", dtype="float32", noise=(gain, floor))
    for level in (0.1, 0.3, 0.7):
        frame = camera.expose(np.full((300, 300, 3), level, np.float32), 0.0, 7)
        variance = gain * level + floor
        # Of 270 000 values the mean is known to s / 520 and the variance to 0.27 %.
        assert frame.mean() == pytest.approx(level, abs=5 * np.sqrt(variance) / 520)
        assert frame.var() == pytest.approx(variance, rel=0.015)


def test_exposing_for_longer_makes_the_shadows_less_noisy():
    camera = Camera(response="linear", dtype="float32", noise=(1e-3, 1e-5))
    shade = np.full((100, 100, 1), 0.02, np.float32)
    short, long = camera.expose(shade, 0.0, 1), camera.expose(shade, 4.0, 1) / 16
    assert long.std() < short.std() / 3.5


def test_homographies_are_the_identity_for_the_reference_and_within_bounds_elsewhere():
    bracket = Camera(shake_px=4.0).bracket(CHART, (-2, 0, 2, 4), seed=3)
    assert bracket.reference == 1
    np.testing.assert_array_equal(bracket.homographies[1], np.eye(3))
    corners = np.array([[0, 0, 1], [129, 0, 1], [0, 89, 1], [129, 89, 1.0]])
    for k in (0, 2, 3):
        moved = corners @ bracket.homographies[k].T
        away = np.linalg.norm(moved[:, :2] / moved[:, 2:] - corners[:, :2], axis=1)
        assert 2.0 - 1e-6 <= np.sqrt((away**2).mean()) <= 4.0 + 1e-6


def test_the_moved_mask_is_the_union_of_where_the_subject_stood():
    places = (0.5, 0.0, -0.5)
    bracket = Camera().bracket(CHART, subject_at=places)
    union = np.any([CHART.render(subject_at=p).subject_mask for p in places], axis=0)
    np.testing.assert_array_equal(bracket.moved_mask, union)
    np.testing.assert_array_equal(bracket.subject_masks.any(axis=0), union)
    still = Camera().bracket(CHART)
    assert not still.moved_mask.any()
    np.testing.assert_array_equal(bracket.stack[:, ~union], still.stack[:, ~union])
    assert (bracket.stack != still.stack).any()


def test_subject_masks_are_in_the_coordinates_of_their_own_frames():
    camera, places = Camera(shake_px=6.0), (0.5, 0.0, -0.5)
    bracket = camera.bracket(CHART, subject_at=places, seed=2)
    still = camera.bracket(CHART, seed=2)
    for moved, rest, mask, rest_mask in zip(
        bracket.stack, still.stack, bracket.subject_masks, still.subject_masks, strict=True
    ):
        outside = ~(mask | rest_mask)
        np.testing.assert_array_equal(moved[outside], rest[outside])


def test_taking_one_disturbance_away_leaves_the_others_as_they_were():
    noisy = Camera(shake_px=5.0, noise=(1e-3, 1e-5))
    full = noisy.bracket(CHART, subject_at=(0.4, 0.0, 0.2), seed=9)
    calm = Camera(shake_px=5.0).bracket(CHART, subject_at=(0.4, 0.0, 0.2), seed=9)
    np.testing.assert_array_equal(full.homographies, calm.homographies)
    steady = noisy.bracket(CHART, subject_at=(0.4, 0.0, 0.2), seed=9, shaken=False)
    np.testing.assert_array_equal(steady.homographies, np.stack([np.eye(3)] * 3))
    np.testing.assert_array_equal(steady.stack[1], full.stack[1])
    longer = noisy.bracket(CHART, (-2, 0, 2, 4), subject_at=(0.4, 0.0, 0.2, 0.0), seed=9)
    np.testing.assert_array_equal(longer.stack[:3], full.stack)


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_noise():
    camera = Camera(shake_px=2.0, noise=(1e-3, 1e-5))
    first, again, other = (camera.bracket(CHART, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.stack, again.stack)
    assert (first.stack != other.stack).mean() > 0.5


def test_the_meta_data_are_those_of_a_real_bracket():
    camera = Camera(exposure_time_s=0.01, iso=400, f_number=5.6)
    bracket = camera.bracket(CHART, (-2, 0, 2))
    frames = bracket.sample.meta["frames"]
    assert [f["exposure_time_s"] for f in frames] == pytest.approx([0.0025, 0.01, 0.04])
    assert all(f["iso"] == 400 and f["f_number"] == 5.6 for f in frames)
    assert frames[0]["focal_length_mm"] == 36.0
    np.testing.assert_array_equal(bracket.sample.image, bracket.stack[1])
    np.testing.assert_array_equal(bracket.truth.radiance, CHART.render().radiance)


def test_a_burst_is_equal_frames_that_differ_by_noise():
    burst = Camera(noise=(1e-3, 1e-5), dtype="uint16").burst(CHART, 4)
    assert burst.stack.shape == (4, 90, 130, 3)
    assert burst.reference == 0
    assert len({f["exposure_time_s"] for f in burst.sample.meta["frames"]}) == 1
    assert (burst.stack[0] != burst.stack[1]).mean() > 0.5


def test_the_reference_is_the_frame_nearest_to_0_ev_and_the_middle_of_equal_ones():
    assert Camera().bracket(CHART, (0, 2, 4)).reference == 0
    assert Camera().bracket(CHART, (-4, -2)).reference == 1
    assert Camera().bracket(CHART, (1, 1, 1)).reference == 1
    assert Camera().bracket(CHART, (0, 2, 4), reference=2).reference == 2


@settings(max_examples=20)
@given(
    st.sampled_from(["linear", "srgb", "gamma", "filmic"]),
    st.sampled_from(["uint8", "uint16", "float32"]),
    st.floats(-12, 12),
    st.just(0.0) | st.floats(1e-9, 0.1),
    st.integers(0, 2**31),
)
def test_any_camera_gives_its_dtype_in_range_and_leaves_the_light_alone(
    curve, dtype, stops, gain, seed
):
    radiance = np.geomspace(1e-6, 1e4, 300, dtype=np.float32).reshape(10, 10, 3)
    before = radiance.copy()
    frame = Camera(response=curve, dtype=dtype, noise=(gain, gain / 9)).expose(
        radiance, stops, seed
    )
    assert frame.dtype == dtype
    assert frame.shape == radiance.shape
    assert np.all((frame >= 0) & (frame <= (1.0 if dtype == "float32" else np.iinfo(dtype).max)))
    np.testing.assert_array_equal(radiance, before)


def test_brackets_that_make_no_sense_are_refused():
    camera = Camera()
    with pytest.raises(RangeError, match="got 0 exposures"):
        camera.bracket(CHART, ())
    with pytest.raises(RangeError, match="got 3 exposures, 2 places"):
        camera.bracket(CHART, subject_at=(0.0, 1.0))
    with pytest.raises(RangeError, match="frame 7 as reference"):
        camera.bracket(CHART, reference=7)
    with pytest.raises(RangeError, match="subject is at 0.5 in the reference"):
        camera.bracket(CHART, subject_at=(0.0, 0.5, 1.0))
    with pytest.raises(RangeError, match=r"noise.*outside \[0, 1\]"):
        Camera(noise=(-0.1, 0.0))
    with pytest.raises(RangeError, match="gain of 1e-12 means more than 1e9 electrons"):
        Camera(noise=(1e-12, 0.0))


def test_the_noise_is_that_of_the_sensors_law():
    camera = Camera(response="linear", dtype="float32", noise=(2e-3, 1e-5))
    light = np.full((40, 50, 3), 0.3, np.float32)
    wanted = np.clip(camera.sensor.apply(light, 4, clip=False), 0, 1)
    np.testing.assert_array_equal(camera.expose(light, rng=4), wanted)
    assert float(camera.sensor.variance(0.3)) == pytest.approx(2e-3 * 0.3 + 1e-5)
