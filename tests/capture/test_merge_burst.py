"""Equal exposures merged: the law of averages, moving things, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.capture.merge_burst import MergeBurst
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import FieldError, RangeError

SIZE = (160, 240)


def dim(brackets):
    """A scene that clips nowhere, so that noise is symmetric."""
    return np.clip(brackets.radiance(SIZE), 0.03, 0.7)


def burst(brackets, count, dtype, noise, seed=2, places=None):
    rng = np.random.default_rng(seed)
    frames = []
    for k in range(count):
        scene = dim(brackets)
        if places:
            scene, _ = brackets.with_disc(scene, places[k], 25)
        frames.append(brackets.expose(scene, 0.0, dtype, rng, noise))
    return np.stack(frames)


@pytest.mark.parametrize("count", [2, 4, 9, 16])
@pytest.mark.parametrize(("dtype", "noise"), [(np.uint8, 9.0), (np.uint16, 1.0), (np.float32, 4.0)])
def test_noise_falls_as_the_law_of_averages_says(brackets, rng, count, dtype, noise):
    stack = burst(brackets, count, dtype, noise)
    clean = brackets.expose(dim(brackets), 0.0, np.float32, rng, 0.0)
    result = MergeBurst()(Sample(stack[0], stack=stack))
    # The response bends strong noise a little, which averaging cannot take away: use its mean.
    many = burst(brackets, 32, np.float32, noise, seed=77).mean(axis=0, dtype=np.float64)
    target = cv2.GaussianBlur(many - clean, (0, 0), 8) + clean
    one = np.mean([(brackets.unit(frame) - target) ** 2 for frame in stack])
    merged = np.mean((brackets.unit(result.image) - target) ** 2)
    assert merged / one * count == pytest.approx(1.0, abs=0.1)
    assert result.mask.mean() < 0.002


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_moving_thing_stands_where_the_reference_has_it(brackets, rng, dtype):
    places = [(60 + 25 * k, 80) for k in range(5)]
    stack = burst(brackets, 5, dtype, 1.0, places=places)
    result = MergeBurst(reference=2)(Sample(stack[0], stack=stack))
    shown, _ = brackets.with_disc(dim(brackets), places[2], 25)
    clean = brackets.expose(shown, 0.0, np.float32, rng, 0.0)
    visited = np.any([brackets.with_disc(dim(brackets), p, 25)[1] for p in places], axis=0)
    merged = np.abs(brackets.unit(result.image) - clean)
    alone = np.abs(brackets.unit(stack[2]) - clean)
    mixed = np.abs(brackets.unit(stack).mean(axis=0) - clean)
    assert mixed[visited].mean() > 0.04
    assert merged[visited].mean() < 1.05 * alone[visited].mean()
    assert np.quantile(merged[visited], 0.999) < 1.2 * np.quantile(alone[visited], 0.999)
    far = cv2.dilate(visited.view(np.uint8), np.ones((15, 15))) == 0
    assert merged[far].mean() < 0.55 * alone[far].mean()
    assert result.mask[visited].mean() > 0.95
    assert result.mask[far].mean() < 0.002
    assert result.meta["reference"] == 2


def test_a_small_shift_is_no_motion(brackets):
    rng = np.random.default_rng(3)
    scene = cv2.GaussianBlur(dim(brackets), (0, 0), 1.0)
    frames = []
    for k in range(6):
        shift = np.float64([[1, 0, 0.25 * (k % 3 - 1)], [0, 1, 0.25 * (k % 2)]])
        moved = cv2.warpAffine(scene, shift, SIZE[::-1], borderMode=cv2.BORDER_REPLICATE)
        frames.append(brackets.expose(moved, 0.0, np.uint8, rng, 1.0))
    result = MergeBurst()(Sample(frames[0], stack=np.stack(frames)))
    assert result.mask.mean() < 0.05


@settings(max_examples=15, deadline=None)
@given(
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    channels=st.sampled_from([1, 3]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    count=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_equal_frames_are_given_back_and_nothing_is_edited(dtype, channels, size, count, seed):
    rng = np.random.default_rng(seed)
    top = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    frame = (rng.random((*size, channels)) * top).astype(dtype)
    stack = np.stack([frame] * count)
    result = MergeBurst()(Sample(frame, stack=stack))
    assert result.image.dtype == dtype
    assert np.array_equal(result.image, frame)
    assert not result.mask.any()
    assert (stack == frame).all()


@settings(max_examples=15, deadline=None)
@given(
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    count=st.integers(2, 4),
    window=st.sampled_from([1, 3, 9]),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_merged_value_lies_among_those_of_the_frames(dtype, size, count, window, seed):
    rng = np.random.default_rng(seed)
    top = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    stack = ((0.5 + 0.1 * rng.standard_normal((count, *size, 3))).clip(0, 1) * top).astype(dtype)
    operator = MergeBurst(window_px=window)
    image = operator(stack)
    assert image.dtype == dtype
    slack = 1e-6 if dtype is np.float32 else 0
    assert (image >= stack.min(axis=0) - slack).all()
    assert (image <= stack.max(axis=0) + slack).all()
    assert np.array_equal(image, operator(stack))


def test_the_mean_is_rounded_and_not_cut_off():
    burst_ = [np.full((8, 8, 1), value, np.uint8) for value in (100, 100, 101, 101, 101)]
    assert (MergeBurst(tolerance_sigmas=20.0)(burst_) == 101).all()


def test_bands_leave_no_seam(brackets):
    """Whether rows are worked on together or not makes no difference."""
    stack = burst(brackets, 3, np.uint16, 1.0, places=[(60, 80), (90, 128), (120, 130)])
    whole = MergeBurst()(stack)
    # Rows 20 to 159 meet the edges of the bands elsewhere; the noise is estimated anew.
    part = MergeBurst()(stack[:, 20:])
    gap = np.abs(whole[24:].astype(float) - part[4:]) / 65535
    assert np.quantile(gap, 0.999) < 0.01


def test_a_bracket_is_refused(brackets):
    rng = np.random.default_rng(3)
    frames = [brackets.expose(dim(brackets), ev, np.uint8, rng, 1.0) for ev in (0, 0, -1)]
    with pytest.raises(RangeError, match=r"frame 3 is about -1\.\d EV.*\n.*FuseExposures"):
        MergeBurst()(frames)
    stack = np.stack(frames)
    facts = [{"exposure_time_s": t, "iso": 100, "f_number": 4.0} for t in (0.01, 0.01, 0.04)]
    with pytest.raises(RangeError, match=r"frame 3 is about \+2\.0 EV"):
        MergeBurst()(Sample(stack[0], stack=stack, meta={"frames": facts}))


def test_what_the_metadata_calls_equal_is_merged(brackets):
    """A cloud before the sun is no bracket: the darker frame is left out."""
    rng = np.random.default_rng(3)
    stack = np.stack([brackets.expose(dim(brackets), ev, np.uint8, rng, 1.0) for ev in (0, 0, -1)])
    facts = [{"exposure_time_s": 0.01 * s, "iso": 100 / s} for s in (1, 2, 1)]
    result = MergeBurst()(Sample(stack[0], stack=stack, meta={"frames": facts}))
    assert result.mask.mean() > 0.9
    assert abs(result.image.mean() - stack[0].mean()) < 0.5


def test_no_false_alarm_where_little_can_be_compared():
    """Frames of the night sky: dark, and a plane crosses one of them."""
    rng = np.random.default_rng(0)
    stack = rng.poisson(4, (4, 80, 100, 3)).astype(np.uint8)
    stack[2, 30:50] = 220
    merged = MergeBurst()(stack)
    assert merged[35:45].max() < 40


def test_what_cannot_be_merged_is_refused():
    stack = np.zeros((3, 8, 8, 3), np.uint8)
    with pytest.raises(RangeError, match="reference 3 is not in a stack of 3"):
        MergeBurst(reference=3)(stack)
    with pytest.raises(RangeError, match="4 is even"):
        MergeBurst(window_px=4)
    with pytest.raises(FieldError, match="stack"):
        MergeBurst()(stack[0])
    broken = stack.astype(np.float32)
    broken[1, 2, 2, 0] = np.inf
    with pytest.raises(RangeError, match="frame 2"):
        MergeBurst()(broken)
