"""The curve between two exposures: exact truth, clipping, motion, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.capture.intensity_map import match_intensity
from sfumato.errors import ShapeError


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(("first", "second"), [(0, -2), (0, 2), (2, -2)])
def test_the_curve_is_that_of_the_camera(brackets, rng, dtype, first, second):
    scene = brackets.radiance((200, 320))
    a, b = (brackets.expose(scene, ev, dtype, rng, 0.0) for ev in (first, second))
    known = brackets.unit(a) < 0.98
    mapped = match_intensity(a, b)(a)
    assert mapped.dtype == dtype
    error = np.abs(brackets.unit(mapped) - brackets.unit(b))[known]
    # Eight bits stretched by two stops are worth about four levels.
    assert np.quantile(error, 0.99) < (0.012 if second > first else 0.004)
    assert error.mean() < 0.003


def test_a_thing_that_moved_does_not_bend_the_curve(brackets, rng):
    scene = brackets.radiance((200, 320))
    here, _ = brackets.with_disc(scene, (80, 100), 50)
    there, _ = brackets.with_disc(scene, (220, 100), 50)
    a, b = (brackets.expose(s, ev, np.float32, rng, 0.0) for s, ev in ((here, 0), (there, -2)))
    truth = brackets.expose(here, -2, np.float32, rng, 0.0)
    error = np.abs(match_intensity(a, b)(a) - truth)[(a < 0.98).all(axis=2)]
    assert np.quantile(error, 0.99) < 0.01


def test_noise_does_not_bend_the_curve(brackets, rng):
    scene = brackets.radiance((200, 320))
    a, b = (brackets.expose(scene, ev, np.uint8, rng, 1.0) for ev in (0, -2))
    curve = match_intensity(a, b)
    clean = brackets.expose(scene, 0, np.uint8, rng, 0.0)
    truth = brackets.expose(scene, -2, np.uint8, rng, 0.0)
    usable = (clean > 20) & (clean < 245)
    error = np.abs(curve(clean).astype(float) - truth)[usable]
    assert error.mean() < 1.0
    # Measured noise: between nothing and a few levels.
    assert 0.3 < np.median(curve.noise[1, 30:200]) < 6.0


def test_a_clipped_value_maps_to_all_that_may_lie_behind_it(brackets, rng):
    scene = brackets.radiance((200, 320))
    a, b = (brackets.expose(scene, ev, np.uint8, rng, 0.0) for ev in (0, -2))
    curve = match_intensity(a, b)
    behind = b[..., 1][a[..., 1] == 255]
    assert curve.low[1, 255] <= behind.min() + 1
    assert curve.high[1, 255] >= behind.max() - 1
    assert curve.low[1, 255] > b[..., 1][a[..., 1] == 240].mean()
    assert curve.high[1, 120] - curve.low[1, 120] < 3


def test_linear_light_keeps_its_shadows(rng):
    dark = (rng.random((128, 128, 1)) ** 4 * 0.25).astype(np.float32)
    curve = match_intensity(dark, dark * 4, linear=True)
    shadows = (dark > 1e-4) & (dark < 0.01)
    assert np.median(np.abs(curve(dark)[shadows] / (4 * dark[shadows]) - 1)) < 0.05


@settings(max_examples=25, deadline=None)
@given(
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    channels=st.sampled_from([1, 3]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_pair_gives_a_rising_curve_and_equal_frames_the_identity(dtype, channels, size, seed):
    rng = np.random.default_rng(seed)
    top = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    a, b = ((rng.random((*size, channels)) * top).astype(dtype) for _ in range(2))
    before = a.copy(), b.copy()
    curve = match_intensity(a, b)
    assert (np.diff(curve.middle) >= 0).all()
    assert (curve.low <= curve.middle + 1e-9).all()
    assert (curve.middle <= curve.high + 1e-9).all()
    mapped = curve(a)
    assert mapped.shape == a.shape
    assert mapped.dtype == a.dtype
    same = match_intensity(a, a)(a)
    assert np.abs(same.astype(np.float64) - a).max() <= top / 255 / (
        1 if dtype is np.uint8 else 0.5
    )
    if dtype is np.uint8:
        assert np.array_equal(same, a)
    assert np.array_equal(a, before[0])
    assert np.array_equal(b, before[1])


def test_frames_that_do_not_fit_are_refused():
    a = np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(ShapeError, match="differ"):
        match_intensity(a, a[:, :5])
    with pytest.raises(ShapeError, match="differ"):
        match_intensity(a, a.astype(np.uint16))
    with pytest.raises(ShapeError, match="3 channels, got 1"):
        match_intensity(a, a)(a[..., :1])
