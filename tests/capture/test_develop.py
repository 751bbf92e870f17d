"""The way from frames to one picture: its steps, its metadata, its refusals."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.capture.align_frames import AlignFrames
from sfumato.capture.deghost import Deghost
from sfumato.capture.develop import Develop
from sfumato.capture.focus_stack import FocusStack
from sfumato.capture.fuse_exposures import FuseExposures
from sfumato.capture.merge_burst import MergeBurst
from sfumato.color.tone import Tone
from sfumato.color.transfer import linear_to_srgb, srgb_to_linear
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import AlignmentError, ShapeError
from sfumato.raster.resize import Resize


@pytest.fixture(scope="module")
def light():
    rng = np.random.default_rng(9)
    field = np.zeros((260, 340, 3), np.float32)
    for sigma in (1.2, 4.0, 15.0):
        noise = cv2.GaussianBlur(rng.standard_normal(field.shape, np.float32), (0, 0), sigma)
        field += noise / noise.std()
    return np.exp(0.5 * field) * 0.1


def exposed(light, ev=0.0):
    return linear_to_srgb(np.clip(light * 2.0**ev, 0, 1).astype(np.float32), np.uint8)


@pytest.fixture(scope="module")
def bracket(light):
    """Three exposures, the camera moved by whole pixels."""
    places = ((0, 0), (4, 6), (9, 3))
    frames = [
        exposed(light[y : y + 240, x : x + 320], ev)
        for (y, x), ev in zip(places, (-2, 0, 2), strict=True)
    ]
    told = tuple(
        {"file_name": f"{k}.jpg", "exposure_time_s": 0.01 * 4**k, "exif": bytes([k]), "iso": 100}
        for k in range(3)
    )
    return Sample(frames[0], stack=np.stack(frames), meta={**told[0], "frames": told})


@pytest.fixture(scope="module")
def burst(light):
    rng = np.random.default_rng(4)
    frames = [exposed(light[:240, :320]).astype(np.float32) for _ in range(4)]
    noisy = [np.clip(f + rng.normal(0, 6, f.shape), 0, 255).astype(np.uint8) for f in frames]
    return Sample(noisy[0], stack=np.stack(noisy))


@pytest.fixture(scope="module")
def focus(light):
    base = light[:240, :320]
    side = (np.arange(320) < 160)[None, :, None]
    soft = cv2.GaussianBlur(base, (0, 0), 4.0)
    frames = [exposed(np.where(side, base, soft)), exposed(np.where(side, soft, base))]
    return Sample(frames[0], stack=np.stack(frames))


def test_a_bracket_is_aligned_freed_of_ghosts_and_fused(bracket):
    seen = []
    record = Develop().develop(bracket, 0, watch=seen.append)
    assert record.recognition.kind == "bracket"
    assert [step.name for step in seen] == ["align", "deghost", "fuse"]
    named = bracket.but(meta={**bracket.meta, "reference": seen[0].after.meta["reference"]})
    wanted = FuseExposures()(Deghost()(AlignFrames()(named)))
    np.testing.assert_array_equal(record.result.image, wanted.image)


def test_the_reference_of_a_bracket_is_neither_blown_nor_the_darkest(light):
    steps = (5.0, -3.0, 0.5, 3.0)
    frames = np.stack([exposed(light, ev) for ev in steps])
    record = Develop(kind="bracket", align=None).develop(Sample(frames[0], stack=frames))
    assert record.result.meta["reference"] == 2
    pair = frames[[0, 2]]
    record = Develop(kind="bracket", align=None).develop(Sample(pair[0], stack=pair))
    assert record.result.meta["reference"] == 1


def test_a_given_reference_stays(bracket):
    for develop in (
        Develop(align=AlignFrames(reference=2)),
        Develop(deghost=Deghost(reference=2)),
        Develop(align=AlignFrames(reference=2), deghost=None),
    ):
        assert develop(bracket).meta["reference"] == 2


def test_the_result_has_the_metadata_of_the_reference_and_no_frames(bracket):
    result = Develop(align=AlignFrames(reference=1))(bracket)
    assert result.stack is None
    assert result.meta["file_name"] == "1.jpg"
    assert result.meta["exif"] == b"\x01"
    assert result.meta["exposure_time_s"] == 0.04
    assert len(result.meta["frames"]) == 3


def test_a_focus_series_is_aligned_by_neighbours_and_stacked(focus):
    seen = []
    record = Develop().develop(focus, watch=seen.append)
    assert record.recognition.kind == "focus"
    assert [step.name for step in seen] == ["align", "stack"]
    assert seen[0].operator == AlignFrames(chain="neighbors")
    assert record.result.depth is not None
    np.testing.assert_array_equal(Develop(align=None)(focus).image, FocusStack()(focus).image)


def test_a_burst_is_merged_and_gets_cleaner(burst, light):
    record = Develop(align=None).develop(burst)
    assert record.recognition.kind == "burst"
    np.testing.assert_array_equal(record.result.image, MergeBurst()(burst).image)
    clean = exposed(light[:240, :320]).astype(float)
    assert np.abs(record.result.image - clean).mean() < 0.7 * np.abs(burst.image - clean).mean()


def test_a_single_picture_is_only_finished(picture):
    np.testing.assert_array_equal(Develop()(picture), picture)
    tone = Tone(shadows=0.5)
    np.testing.assert_array_equal(Develop(finish=(tone,))(picture), tone(picture))


def test_finishing_comes_last_and_in_order(bracket):
    seen = []
    finish = (Resize(long_side_px=100), Tone(contrast=0.2))
    record = Develop(finish=finish).develop(bracket, watch=seen.append)
    assert [step.name for step in seen[-2:]] == ["resize", "tone"]
    assert max(record.result.size) == 100
    assert record.result.mask.shape == record.result.size
    plain = Develop()(bracket)
    wanted = finish[1](finish[0](plain.image))
    np.testing.assert_array_equal(record.result.image, wanted)


def test_the_kind_can_be_asked_for(bracket):
    record = Develop(kind="burst", align=None, burst=MergeBurst()).develop
    with pytest.raises(ValueError, match="expos"):
        record(bracket)
    assert Develop(kind="focus", align=None)(bracket).depth is not None
    assert "as asked for" in str(Develop(kind="bracket").develop(bracket).recognition)


def test_steps_are_told_as_they_begin_and_timed(bracket):
    told = []
    record = Develop().develop(bracket, progress=told.append)
    assert told == ["recognize", "align", "deghost", "fuse"]
    assert [name for name, _ in record.seconds] == told
    assert all(seconds >= 0 for _, seconds in record.seconds)


def test_the_frames_are_let_go_once_they_are_fused(bracket):
    seen = []
    Develop(finish=(Resize(long_side_px=50),)).develop(bracket, watch=seen.append)
    assert seen[-1].before.stack is None


def test_linear_light_is_fused_as_it_would_be_seen(bracket):
    light = np.stack([srgb_to_linear(frame) for frame in bracket.stack])
    linear = Sample(light[0], stack=light, space="linear", meta=bracket.meta)
    out = Develop(kind="bracket", align=None, deghost=None)(linear)
    assert out.space == "srgb"
    display = np.stack([linear_to_srgb(frame) for frame in light])
    np.testing.assert_allclose(out.image, FuseExposures()(display), atol=1e-6)


def test_it_can_be_written_down_and_read_back():
    develop = Develop(
        kind="bracket", align=None, fuse=FuseExposures(levels=4), finish=(Tone(gamma=1.2),)
    )
    assert from_yaml(to_yaml(develop)) == develop


def test_the_input_stays_as_it_was(bracket):
    before = bracket.stack.copy()
    result = Develop(finish=(Tone(shadows=0.3),))(bracket)
    np.testing.assert_array_equal(bracket.stack, before)
    assert not np.shares_memory(result.image, bracket.stack)


def test_one_frame_is_no_series(picture):
    for kind in ("bracket", "focus", "burst"):
        with pytest.raises(ShapeError, match=f"a {kind} needs at least 2 frames, got 1"):
            Develop(kind=kind)(picture)


def test_a_series_is_no_single_picture(burst):
    with pytest.raises(ShapeError, match="expected a single picture, got 4 frames"):
        Develop(kind="single")(burst)


def test_a_frame_of_something_else_is_named_with_the_step(bracket):
    other = np.random.default_rng(0).integers(0, 255, bracket.image.shape, np.uint8)
    stack = np.stack([*bracket.stack[:2], other])
    with pytest.raises(AlignmentError, match=r"frame 3 \(2.jpg\)") as caught:
        Develop(kind="bracket")(bracket.but(stack=stack))
    assert "--drop-unaligned" in (caught.value.hint or "")
    assert "in the step 'align'" in caught.value.__notes__[0]
