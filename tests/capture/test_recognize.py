"""What a series is: from its metadata, from its pixels, and on all real series."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sfumato.capture.recognize import examine_series, recognize_series
from sfumato.color.transfer import linear_to_srgb, srgb_to_linear
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.io.picture import read


@pytest.fixture(scope="module")
def scene():
    """Linear light with texture at all scales and some clipped parts at higher exposures."""
    rng = np.random.default_rng(5)
    light = np.zeros((320, 420, 3), np.float32)
    for sigma in (0.8, 2.0, 6.0, 20.0):
        noise = cv2.GaussianBlur(rng.standard_normal(light.shape, np.float32), (0, 0), sigma)
        light += noise / noise.std()
    return np.exp(0.5 * light) * 0.08


def photographed(light, exposure_ev=0.0, noise=0.004, seed=0):
    rng = np.random.default_rng(seed)
    seen = light * 2.0**exposure_ev
    seen = seen + noise * np.sqrt(seen + 0.002) * rng.standard_normal(seen.shape, np.float32)
    return linear_to_srgb(np.clip(seen, 0, 1).astype(np.float32), np.uint8)


def series(frames, **facts):
    meta = {"frames": tuple({k: v[i] for k, v in facts.items()} for i in range(len(frames)))}
    return Sample(frames[0], stack=np.stack(frames), meta=meta if facts else {})


def shaken(light, seed):
    rng = np.random.default_rng(seed)
    turn = cv2.getRotationMatrix2D((210, 160), rng.uniform(-0.6, 0.6), 1.0)
    turn[:, 2] += rng.uniform(-6, 6, 2)
    large = cv2.resize(light, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    turn[:, 2] *= 2
    size = large.shape[1::-1]
    moved = cv2.warpAffine(large, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return cv2.resize(np.maximum(moved, 0), light.shape[1::-1], interpolation=cv2.INTER_AREA)


def focused(light, near):
    """Sharp on one side, blurred on the other."""
    share = np.clip((np.arange(light.shape[1]) / light.shape[1] - 0.5) * 6 + 0.5, 0, 1)
    share = (share if near else 1 - share).astype(np.float32)[None, :, None]
    return light * (1 - share) + cv2.GaussianBlur(light, (0, 0), 3.0) * share


def test_one_frame_is_a_single_picture(scene):
    frame = photographed(scene)
    assert recognize_series(Sample(frame)) == "single"
    assert recognize_series(series([frame])) == "single"


@pytest.mark.parametrize("steps", [(-2, 0, 2), (0, 0.7), (-1, -0.5, 0, 0.5), (3, -3)])
def test_a_bracket_without_metadata_is_seen_in_its_pixels(scene, steps):
    found = examine_series(series([photographed(scene, ev, seed=k) for k, ev in enumerate(steps)]))
    assert (found.kind, found.source) == ("bracket", "pixels")
    if max(map(abs, steps)) <= 1:
        assert found.exposure_range_ev == pytest.approx(np.ptp(steps), abs=0.15)


def test_a_shaken_bracket_is_a_bracket(scene):
    frames = [photographed(shaken(scene, k), ev, seed=k) for k, ev in enumerate((-2, 0, 2))]
    assert recognize_series(series(frames)) == "bracket"


@pytest.mark.parametrize("noise", [0.002, 0.02, 0.06])
def test_a_hand_held_burst_with_a_moving_thing_is_a_burst(scene, noise):
    frames = []
    for k in range(5):
        frame = photographed(shaken(scene, k), 0.0, noise, seed=k)
        frame[100:190, 30 + 60 * k : 95 + 60 * k] = (200, 40 + 10 * k, 60)
        frames.append(frame)
    assert recognize_series(series(frames)) == "burst"


def test_a_frame_blurred_as_a_whole_makes_no_focus_series(scene):
    blurred = cv2.GaussianBlur(scene, (0, 0), 2.0)
    frames = [photographed(light, seed=k) for k, light in enumerate((scene, blurred, scene))]
    assert recognize_series(series(frames)) == "burst"


@pytest.mark.parametrize("change_ev", [0.0, 0.25, -0.6])
def test_a_focus_series_is_one_also_when_the_light_changes(scene, change_ev):
    frames = [photographed(focused(scene, True)), photographed(focused(scene, False), change_ev)]
    assert recognize_series(series(frames)) == "focus"


def test_stated_exposures_decide_before_pixels_do(scene):
    frames = [photographed(scene, seed=k) for k in range(3)]
    stated = series(frames, exposure_time_s=(0.01, 0.04, 0.16), iso=(100, 100, 100))
    found = examine_series(stated)
    assert (found.kind, found.source) == ("bracket", "metadata")
    assert found.exposure_range_ev == pytest.approx(4.0)
    assert "4.0 EV apart, from metadata" in str(found)


def test_time_iso_and_aperture_may_cancel(scene):
    frames = [photographed(scene, seed=k) for k in range(2)]
    facts = {"exposure_time_s": (0.01, 0.02), "iso": (400, 100), "f_number": (8.0, 5.6568542)}
    assert recognize_series(series(frames, **facts)) == "burst"
    facts["iso"] = (400, 400)
    assert recognize_series(series(frames, **facts)) == "bracket"


def test_metadata_that_is_not_complete_says_nothing(scene):
    frames = [photographed(scene, seed=k) for k in range(2)]
    facts = {"exposure_time_s": (0.01, None), "iso": (400, 100)}
    assert recognize_series(series(frames, **facts)) == "burst"


def test_linear_light_is_measured_as_light(scene):
    frames = [srgb_to_linear(photographed(scene, ev, seed=2)) for ev in (0.0, 1.0)]
    sample = series(frames).but(space="linear")
    assert examine_series(sample).exposure_range_ev == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("value", [0, 255])
def test_flat_frames_are_a_burst_and_no_error(value):
    frames = [np.full((40, 50, 3), value, np.uint8)] * 3
    assert recognize_series(series(frames)) == "burst"


def test_tiny_and_grey_frames_are_no_error(rng):
    for shape in ((1, 1, 1), (3, 5, 1), (9, 9, 4)):
        frames = [rng.integers(0, 255, shape, np.uint8) for _ in range(2)]
        assert recognize_series(series(frames)) in ("bracket", "burst", "focus")


def real_series(shared_data) -> list[tuple[str, list[Path]]]:
    brackets, focus = shared_data("brackets"), shared_data("focus")
    found = [("bracket", sorted((brackets / "house").glob("*.jpg")))]
    for name in ("memorial", "sculpture_garden"):
        found.append(("bracket", sorted((brackets / name).glob("*.png"))))
    found.append(("focus", sorted((focus / "pcb").glob("pcb_*.jpg"))))
    folders = [(brackets / "pairs", "bracket"), (brackets / "pairs_handheld", "bracket")]
    folders += [(focus / "lytro", "focus"), (focus / "mffw", "focus")]
    for folder, kind in folders:
        for first in sorted(folder.glob("*_A.*")):
            second = first.with_name(first.name.replace("_A.", "_B."))
            found.append((kind, [first, second]))
    return found


def test_every_real_bracket_and_focus_series_is_recognised(shared_data):
    every = real_series(shared_data)
    assert len(every) > 40
    wrong = {
        paths[0].name: str(found)
        for kind, paths in every
        if (found := examine_series(read(*paths).but(meta={}))).kind != kind
    }
    assert not wrong, json.dumps(wrong, indent=1)


def test_equal_crops_of_one_real_photograph_are_a_burst(shared_data):
    photo = read(sorted(shared_data("restore/kodak24").glob("*.png"))[0]).image
    rng = np.random.default_rng(1)
    frames = []
    for dy, dx in ((0, 0), (5, 9), (11, 2), (4, 4)):
        crop = photo[dy : dy + 440, dx : dx + 460].astype(np.float32)
        frames.append(np.clip(crop + 3 * rng.standard_normal(crop.shape), 0, 255).astype(np.uint8))
    assert recognize_series(series(frames)) == "burst"
