from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sfumato.core.spec import from_yaml, to_yaml
from sfumato.data._things import THINGS
from sfumato.data.caption_scenes import (
    CAPTION_WORDS,
    COLORS,
    CaptionScenes,
    _Painting,
    _Placed,
)
from sfumato.errors import RangeError

SCENES = CaptionScenes(seed=5)


def test_a_scene_is_determined_by_seed_and_number():
    one, two = SCENES[7], CaptionScenes(seed=5)[7]
    assert one.text == two.text
    for name in ("image", "mask", "depth"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    assert not np.array_equal(one.image, SCENES[8].image)
    assert not np.array_equal(one.image, CaptionScenes(seed=6)[7].image)
    # the dice of a loader change nothing
    again = SCENES.read(7, np.random.default_rng(99))
    assert np.array_equal(one.image, again.image)


def test_captions_name_every_thing_and_use_known_words_only():
    for k in range(60):
        scene = SCENES[k]
        words = scene.text.split()
        assert set(words) <= set(CAPTION_WORDS)
        for thing in scene.meta["objects"]:
            assert f"{thing['color']} {thing['kind']}" in scene.text
        assert scene.meta["background"]["color"] in words
        assert "a orange" not in scene.text


def test_the_mask_is_where_the_colors_are():
    # A flat thing: each pixel well inside is near the named color, shading and jitter aside.
    checked = 0
    for k in range(80):
        scene = CaptionScenes(seed=1, things=(1, 1))[k]
        thing = scene.meta["objects"][0]
        if thing["kind"] not in ("circle", "square", "star", "heart", "triangle"):
            continue
        inside = scene.mask == 1
        inner = inside.copy()
        for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            inner &= np.roll(inside, shift, axis=(0, 1))
        if inner.sum() < 20:
            continue
        checked += 1
        gap = scene.image[inner].astype(float).mean(axis=0) - COLORS[thing["color"]]
        assert np.abs(gap).max() < 40, scene.text
    assert checked > 20


def test_things_are_nearer_than_the_background_and_later_ones_nearer_still():
    for k in range(40):
        scene = SCENES[k]
        labels = [o["label"] for o in scene.meta["objects"]]
        depths = [
            float(np.median(scene.depth[scene.mask == n])) for n in (0, *labels)
            if (scene.mask == n).any()
        ]  # fmt: skip
        assert depths[0] == 0
        assert depths == sorted(depths)
        assert scene.depth.min() >= 0
        assert scene.depth.max() <= 1


@pytest.mark.parametrize("size_px", [16, 32, 96])
def test_the_same_scene_comes_in_any_size(size_px):
    large = CaptionScenes(seed=2, size_px=size_px)[3]
    assert large.image.shape == (size_px, size_px, 3)
    small = CaptionScenes(seed=2, size_px=16)[3]
    assert large.text == small.text
    blocks = large.image.reshape(16, size_px // 16, 16, size_px // 16, 3).mean(axis=(1, 3))
    assert np.abs(blocks - small.image).mean() < 4


def centers(scene, size_px=64):
    for thing in scene.meta["objects"]:
        rows, columns = np.nonzero(scene.mask == thing["label"])
        if len(rows) > 40:
            yield thing, (columns.mean() + 0.5) / size_px, (rows.mean() + 0.5) / size_px, len(rows)


def test_captions_say_where_things_are_and_how_large():
    places = {"on the left": (0, -1), "on the right": (0, 1), "at the top": (1, -1),
              "at the bottom": (1, 1)}  # fmt: skip
    sizes = {"small": [], "large": []}
    told = dict.fromkeys(places, 0)
    for k in range(250):
        scene = CaptionScenes(seed=8, things=(1, 1))[k]
        for thing, x, y, area in centers(scene):
            for words, (axis, way) in places.items():
                if f"{thing['kind']} {words}" in scene.text:
                    told[words] += 1
                    assert way * ((x, y)[axis] - 0.5) > 0, scene.text
            for word, areas in sizes.items():
                if f"{word} {thing['color']}" in scene.text:
                    areas.append(area)
    assert min(told.values()) > 5
    assert np.percentile(sizes["small"], 90) < np.percentile(sizes["large"], 10)


def test_a_background_has_a_color_of_its_own():
    for k in range(120):
        meta = CaptionScenes(seed=3, size_px=16)[k].meta
        assert meta["background"]["color"] not in {o["color"] for o in meta["objects"]}


def test_things_hide_little_of_each_other():
    few = 0
    for k in range(150):
        scene = CaptionScenes(seed=12, size_px=32, things=(3, 3))[k]
        areas = [int((scene.mask == o["label"]).sum()) for o in scene.meta["objects"]]
        few += min(areas) < 12
    assert few <= 2


def test_a_ball_is_round_and_a_circle_flat():
    seen = {"ball": [], "circle": []}
    for k in range(250):
        scene = CaptionScenes(seed=1, things=(1, 1))[k]
        kind = scene.meta["objects"][0]["kind"]
        if kind not in seen:
            continue
        rows, columns = np.nonzero(scene.mask == 1)
        y, x = int(rows.mean()), int(columns.mean())
        inside = scene.depth[scene.mask == 1]
        seen[kind].append(scene.depth[y, x] - np.percentile(inside, 10))
    assert min(map(len, seen.values())) > 4
    assert min(seen["ball"]) > 0.03
    assert max(seen["circle"]) < 0.03


def test_outlines_lie_on_pixel_centers():
    # A square in the middle of the picture covers as much on the left as on the right.
    painting = _Painting(16, np.random.default_rng(0))
    painting.add(_Placed("square", "red", (0.5, 0.5), 0.25, ""))
    label = painting.label > 0
    rows, columns = np.nonzero(label)
    assert columns.mean() == pytest.approx((64 - 1) / 2, abs=0.01)
    assert rows.mean() == pytest.approx((64 - 1) / 2, abs=0.01)


def test_scenes_of_other_seeds_are_others():
    # seed and number are no sum: the next seed is not the same series one scene on
    assert CaptionScenes(seed=5)[7].text != CaptionScenes(seed=6)[6].text
    assert not np.array_equal(CaptionScenes(seed=5)[7].image, CaptionScenes(seed=6)[6].image)


def test_the_horizon_is_a_line_too():
    found = 0
    for k in range(60):
        scene = CaptionScenes(seed=4, hint="edges")[k]
        if scene.meta["background"]["pattern"] != "sky":
            continue
        found += 1
        free = (scene.mask == 0).all(axis=0)  # columns without a thing
        drawn = scene.hint[35:55, free, 0].max(axis=0)
        assert (drawn > 100).all()
    assert found > 5


def test_every_caption_has_its_article():
    for k in range(200):
        words = CaptionScenes(seed=2, size_px=16)[k].text.split()
        for article, word in pairwise(words):
            if article in ("a", "an"):
                assert (article == "an") == word.startswith("orange")


def test_lines_lie_on_the_borders_of_things():
    for k in range(20):
        scene = CaptionScenes(seed=4, hint="lines")[k]
        drawn = scene.hint[..., 0] < 128
        mask = scene.mask
        border = (mask[1:-1, 1:-1] != mask[1:-1, 2:]) | (mask[1:-1, 1:-1] != mask[2:, 1:-1])
        near = np.zeros_like(drawn)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                near |= np.roll(drawn, (dy, dx), axis=(0, 1))
        assert near[1:-1, 1:-1][border].mean() > 0.99
    edges = CaptionScenes(seed=4, hint="edges")[k].hint
    assert np.abs(255.0 - edges - scene.hint).max() <= 1  # rounded each for itself


@pytest.mark.parametrize("hint", ["depth", "mask"])
def test_other_hints_are_the_truth_as_a_picture(hint):
    scene = CaptionScenes(seed=4, hint=hint)[1]
    truth = scene.depth if hint == "depth" else scene.mask / 3
    np.testing.assert_allclose(scene.hint[..., 0] / 255, truth, atol=0.003)


def test_every_kind_color_and_pattern_turns_up():
    seen = [CaptionScenes(seed=9, size_px=16)[k].meta for k in range(400)]
    assert {o["kind"] for m in seen for o in m["objects"]} == set(THINGS)
    assert {o["color"] for m in seen for o in m["objects"]} == set(COLORS)
    assert len({m["background"]["pattern"] for m in seen}) == 5
    assert {len(m["objects"]) for m in seen} == {1, 2, 3}


def test_there_are_as_many_things_as_asked_for_at_least():
    # three large things do not always find room at once: scene 5 of this seed takes two goes
    seen = [len(CaptionScenes(things=(3, 3), size_px=16)[k].meta["objects"]) for k in range(20)]
    assert set(seen) == {3}


def test_settings_are_written_down_and_wrong_ones_refused():
    scenes = CaptionScenes(size_px=32, seed=3, count=10, things=(1, 2), hint="depth")
    assert from_yaml(to_yaml(scenes)) == scenes
    assert len(scenes) == 10
    with pytest.raises(IndexError):
        scenes[10]
    with pytest.raises(RangeError, match="no range"):
        CaptionScenes(things=(3, 1))
