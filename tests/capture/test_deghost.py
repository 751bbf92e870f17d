"""Moving things stand still: exact truth, static brackets, refusals, real frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.capture.deghost import Deghost
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FieldError, RangeError, ShapeError

EVS = (-4, -2, 0, 2)
PATH = ((100, 70), (125, 80), (150, 100), (215, 150))
SIZE = (230, 330)


def moving(brackets, dtype, noise, *, still_at=None, channels=3):
    """A bracket with the disc at four places, or at one, and where it has been."""
    rng = np.random.default_rng(4)
    frames, visited = [], np.zeros(SIZE, bool)
    scene = brackets.radiance(SIZE)[..., :channels]
    for ev, place in zip(EVS, PATH, strict=True):
        shown, inside = brackets.with_disc(scene, PATH[still_at] if still_at else place)
        frames.append(brackets.expose(shown, ev, dtype, rng, noise))
        visited |= inside
    return np.stack(frames), visited


def deghost(stack, **settings_):
    return Deghost(**settings_)(Sample(stack[0], stack=stack))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_subject_stands_where_the_reference_has_it(brackets, dtype, channels):
    stack, visited = moving(brackets, dtype, 0.0, channels=channels)
    still, _ = moving(brackets, dtype, 0.0, still_at=2, channels=channels)
    result = deghost(stack, reference=2)
    fused, truth, ghosted = (brackets.fuse(s) for s in (result.stack, still, stack))
    inside = np.abs(fused - truth)[visited]
    assert np.abs(ghosted - truth)[visited].mean() > 0.02
    assert inside.mean() < 0.002
    assert np.quantile(inside, 0.99) < 0.01
    # The coarse bands of the pyramid carry the ghosts of the undeghosted fusion far out.
    far = cv2.dilate((visited | (result.mask > 0)).view(np.uint8), np.ones((49, 49))) == 0
    outside = np.abs(fused - ghosted)[far]
    assert outside.mean() < 0.002
    assert np.quantile(outside, 0.99) < 0.01
    assert np.array_equal(result.stack[2], stack[2])
    assert result.mask[visited].mean() > 0.8
    assert result.mask[far].mean() == 0.0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_faint_string_one_pixel_wide_goes_with_the_thing_it_hangs_on(brackets, dtype):
    rng = np.random.default_rng(3)
    frames, still = [], []
    scene = np.linspace(0.2, 0.35, SIZE[1])[None, :, None] * np.ones((SIZE[0], 1, 3))
    for ev, column in zip(EVS, (80, 120, 160, 200), strict=True):
        for shown, x in ((frames, column), (still, 160)):
            light, _ = brackets.with_disc(scene.copy(), (x, 70))
            light[85:150, x] *= 0.8
            shown.append(brackets.expose(light, ev, dtype, rng, 0.0))
    result = deghost(np.stack(frames), reference=2)
    white = np.iinfo(dtype).max
    for k, column in ((1, 120), (3, 200)):
        for x in (column, 160):
            line = np.s_[95:145, x]
            assert result.meta["ghost_masks"][k][line].mean() > 0.9
            gap = result.stack[k][line].astype(float) - still[k][line].astype(float)
            assert np.abs(gap).mean() < 0.004 * white


def test_the_subject_stands_still_under_noise(brackets):
    stack, visited = moving(brackets, np.uint8, 1.0)
    still, _ = moving(brackets, np.uint8, 1.0, still_at=2)
    result = deghost(stack, reference=2)
    fused, truth, ghosted = (brackets.fuse(s) for s in (result.stack, still, stack))
    # The replaced parts have the reference's noise and not their own: blur what it leaves.
    smooth = [cv2.blur(picture, (7, 7)) for picture in (fused, truth, ghosted)]
    assert np.abs(smooth[0] - smooth[1])[visited].mean() < 0.01
    assert np.abs(smooth[2] - smooth[1])[visited].mean() > 0.02


@pytest.mark.parametrize("noise", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("reference", [0, 1, 3])
def test_a_static_bracket_comes_back_bit_for_bit(brackets, noise, reference):
    rng = np.random.default_rng(9)
    scene = brackets.radiance((240, 320), seed=3)
    stack = np.stack([brackets.expose(scene, ev, np.uint8, rng, noise) for ev in EVS])
    result = deghost(stack, reference=reference)
    assert not result.mask.any()
    assert np.array_equal(result.stack, stack)


def test_half_a_pixel_of_misalignment_is_no_motion(brackets):
    rng = np.random.default_rng(9)
    scene = brackets.radiance((240, 320), seed=3)
    frames = []
    for k, ev in enumerate(EVS):
        shift = np.float64([[1, 0, 0.5 * (k % 2)], [0, 1, 0.5 * (k // 2)]])
        moved = cv2.warpAffine(scene, shift, (320, 240), borderMode=cv2.BORDER_REPLICATE)
        frames.append(brackets.expose(moved, ev, np.uint8, rng, 1.0))
    assert not deghost(np.stack(frames)).mask.any()


@pytest.mark.parametrize("method", ["consistency", "bitmap"])
@settings(max_examples=10, deadline=None)
@given(
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    channels=st.sampled_from([1, 3]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    count=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_equal_frames_are_given_back(method, dtype, channels, size, count, seed):
    rng = np.random.default_rng(seed)
    top = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    frame = (rng.random((*size, channels)) * top).astype(dtype)
    result = deghost(np.stack([frame] * count), method=method)
    assert result.stack.dtype == dtype
    assert (result.stack == frame).all()
    assert not result.mask.any()


@settings(max_examples=10, deadline=None)
@given(
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    count=st.integers(2, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_frames_keep_shape_range_and_reference(dtype, size, count, seed):
    rng = np.random.default_rng(seed)
    top = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    coarse = rng.random((count, 3, 3, 3))
    frames = [cv2.resize(c, size[::-1], interpolation=cv2.INTER_NEAREST) for c in coarse]
    stack = (np.stack(frames) * top).astype(dtype)
    before = stack.copy()
    for method in ("consistency", "bitmap"):
        result = deghost(stack, method=method)
        assert result.stack.shape == stack.shape
        assert result.stack.dtype == dtype
        assert np.isfinite(result.stack).all()
        assert result.meta["ghost_masks"].shape == stack.shape[:3]
        assert np.array_equal(result.mask, result.meta["ghost_masks"].max(axis=0))
        assert np.array_equal(result.stack, deghost(stack, method=method).stack)
    same = deghost(stack, reference=0)
    assert np.array_equal(same.stack[0], stack[0])
    assert np.array_equal(stack, before)


def test_the_darker_frame_is_mended_behind_clipping(brackets):
    """A dark thing before a sky that the reference clips is replaced by sky."""
    rng = np.random.default_rng(1)
    sky = np.full((160, 200, 3), 3.0) * np.linspace(0.8, 1.2, 200)[:, None]
    sky[120:] = np.linspace(0.01, 0.6, 200)[:, None]
    person = sky.copy()
    person[40:90, 60:90] = 0.05
    frames = [(sky, -4), (person, -2), (sky, 0)]
    stack = np.stack([brackets.expose(s, ev, np.uint8, rng, 0.0) for s, ev in frames])
    result = deghost(stack, reference=2)
    expected = brackets.expose(sky, -2, np.uint8, rng, 0.0)
    assert np.abs(result.stack[1].astype(int) - expected).max() <= 5
    assert np.array_equal(result.stack[0], stack[0])


def test_the_bitmap_takes_a_region_from_one_frame(brackets):
    rng = np.random.default_rng(1)
    scene = np.full((120, 160, 3), 0.2) * np.linspace(0.6, 1.6, 160)[:, None]
    shown = []
    for x in (15, 45, 100):
        light = scene.copy()
        light[20:70, x : x + 25] = 0.9 if x < 80 else 0.01
        shown.append(light)
    stack = np.stack(
        [
            brackets.expose(s, ev, np.uint8, rng, 0.0)
            for s, ev in zip(shown, (-1, 0, 1), strict=True)
        ]
    )
    result = deghost(stack, method="bitmap", reference=1)
    for x in (15, 45, 100):
        assert result.mask[22:68, x + 2 : x + 23].all()
        # Each region shows one thing in all frames: no frame is against the others.
        tones = result.stack[:, 30:60, x + 5 : x + 20].mean(axis=(1, 2, 3))
        ratio = tones / stack[:, 90:, x + 5 : x + 20].mean(axis=(1, 2, 3))
        seen = np.where(ratio > 1.1, 1, np.where(ratio < 0.9, -1, 0))
        assert (seen == seen[0]).all()
    # Below, only what is close to the median of a frame may be taken for motion.
    for columns in (np.s_[:55], np.s_[115:]):
        assert not result.mask[85:, columns].any()
        assert np.array_equal(result.stack[:, 90:, columns], stack[:, 90:, columns])


def test_the_reference_is_taken_from_the_setting_then_the_meta_then_the_exposure(brackets):
    stack, _ = moving(brackets, np.uint8, 0.0)
    by_meta = Deghost()(Sample(stack[0], stack=stack, meta={"reference": 1}))
    assert by_meta.meta["reference"] == 1
    assert np.array_equal(by_meta.image, stack[1])
    both = Deghost(reference=2)(Sample(stack[0], stack=stack, meta={"reference": 1}))
    assert both.meta["reference"] == 2
    black, good, white = (np.full((20, 20, 3), v, np.uint8) for v in (3, 128, 250))
    assert deghost(np.stack([white, black, good])).meta["reference"] == 2


def test_what_cannot_be_deghosted_is_refused():
    stack = np.zeros((3, 8, 8, 3), np.uint8)
    with pytest.raises(RangeError, match="reference 3 is not in a stack of 3"):
        deghost(stack, reference=3)
    with pytest.raises(RangeError, match="reference -1"):
        Deghost()(Sample(stack[0], stack=stack, meta={"reference": -1}))
    with pytest.raises(ShapeError, match="up to 50"):
        deghost(np.zeros((51, 2, 2, 1), np.uint8))
    with pytest.raises(ShapeError, match="1 or 3 channels, got 4"):
        deghost(np.zeros((2, 8, 8, 4), np.uint8))
    with pytest.raises(FieldError, match="stack"):
        Deghost()(stack[0])
    with pytest.raises(DtypeError):
        deghost(stack.astype(np.float64))
    broken = stack.astype(np.float32)
    broken[1, 2, 2, 0] = np.nan
    with pytest.raises(RangeError, match="frame 2"):
        deghost(broken)
    with pytest.raises(RangeError, match="method"):
        Deghost(method="magic")


def test_people_in_a_garden_stand_still(shared_data):
    folder = shared_data("brackets/sculpture_garden")
    stack = np.stack([cv2.imread(str(folder / f"{k}.png"))[..., ::-1] for k in range(1, 6)])
    result = deghost(stack, reference=2)
    assert 0.03 < result.mask.mean() < 0.2
    # The man who walks in the second frame is gone from it; wall and tree crowns are untouched.
    assert result.meta["ghost_masks"][1, 430:560, 458:485].mean() > 0.9
    assert result.meta["ghost_masks"][:, 180:300, 400:740].mean() < 0.01
    assert result.stack[1, 450:540, 460:480].mean() > stack[1, 450:540, 460:480].mean() + 30


def test_a_static_room_stays_as_it_is(shared_data):
    folder = shared_data("brackets/house")
    stack = np.stack([cv2.imread(str(folder / f"{k}.jpg"))[..., ::-1] for k in "ABCD"])
    result = deghost(stack)
    # Only leaves in the wind behind the window.
    assert result.mask.mean() < 0.008
    assert not result.mask[:, :500].any()
