"""The adapters that come with sfumato: taught to follow lines and depth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sfumato.adapt import ColorizeLines, Steer
from sfumato.core.network import load
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.data import CaptionScenes

COUNT = 8
STEPS = 10
WAYS: dict[str, tuple[dict[str, float], bool, float | None]] = {
    # adapters and strengths; with the caption or without; the guidance of guess mode
    "no hint": ({}, True, None),
    "lines": ({"lines": 1.0}, True, None),
    "depth": ({"depth": 1.0}, True, None),
    "both": ({"lines": 1.0, "depth": 1.0}, True, None),
    "no hint, no words": ({}, False, None),
    "guessed faintly": ({"lines": 1.0}, False, 1.01),
    "guessed": ({"lines": 1.0}, False, 4.0),
}


@pytest.fixture(scope="module")
def scenes():
    found = CaptionScenes(seed=4_242_424, things=(1, 1), hint="edges")
    single = ("circle", "square", "triangle", "star", "heart")
    kept = (
        scene
        for scene in (found[k] for k in range(400))
        if scene.meta["objects"][0]["kind"] in single
        and scene.meta["background"]["pattern"] == "plain"
    )
    return [scene for scene, _ in zip(kept, range(COUNT), strict=False)]


@pytest.fixture(scope="module")
def painted(scenes):
    """What the embedded generator makes of the scenes' captions and hints, each in its way."""
    base = load("scenes")
    adapters = {kind: load(f"scenes-{kind}").adapter for kind in ("lines", "depth")}
    lines = np.stack([s.hint[..., 0] / np.float32(255) for s in scenes])
    depth = np.stack([s.depth for s in scenes]).astype(np.float32)
    hints = {"lines": torch.from_numpy(lines)[:, None], "depth": torch.from_numpy(depth)[:, None]}
    found = {}
    for way, (strengths, words, guess) in WAYS.items():
        steers = [
            (Steer(adapters[kind], hints[kind], guess_mode=guess is not None), strength)
            for kind, strength in strengths.items()
        ]
        options = {} if guess is None else {"guidance": guess}
        captions = [str(scene.text) if words else "" for scene in scenes]
        with torch.no_grad():
            made = base.generate(
                captions, size=(64, 64), seed=1, steps=STEPS, adapters=steers, **options
            )
        found[way] = made.image.permute(0, 2, 3, 1).numpy()
    return found


def of_the_asked_color(picture: np.ndarray, scene: Sample) -> np.ndarray:
    """Give where a picture is nearer to the color of the scene's thing than to its background."""
    real = scene.image / 255.0
    colors = [np.median(real[area], axis=0) for area in (scene.mask > 0, scene.mask == 0)]
    far = [np.linalg.norm(picture - color, axis=-1) for color in colors]
    return far[0] < far[1]


def silhouette(picture: np.ndarray, _scene: Sample) -> np.ndarray:
    """Give where a picture differs from its own background (the rim), whatever the colors."""
    lab = cv2.cvtColor(np.ascontiguousarray(picture, np.float32), cv2.COLOR_RGB2LAB)
    rim = np.concatenate([lab[:2], lab[-2:], lab[:, :2].swapaxes(0, 1), lab[:, -2:].swapaxes(0, 1)])
    far = np.linalg.norm(lab - np.median(rim.reshape(-1, 3), axis=0), axis=-1)
    levels = np.clip(2 * far, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    return levels > threshold


def iou(pictures, scenes, seen_in) -> float:
    """Compare what is seen in pictures with where the things of the scenes are."""
    scores = []
    for picture, scene in zip(pictures, scenes, strict=True):
        truth, seen = scene.mask > 0, seen_in(picture, scene)
        scores.append((seen & truth).sum() / (seen | truth).sum())
    return float(np.mean(scores))


@pytest.mark.parametrize("kind", ["lines", "depth"])
def test_held_out_hints_are_followed_and_without_them_chance_decides(painted, scenes, kind):
    assert iou(painted[kind], scenes, of_the_asked_color) > 0.8
    assert iou(painted["no hint"], scenes, of_the_asked_color) < 0.5


def test_silhouettes_tell_real_scenes_from_others_without_knowing_a_color(scenes):
    real = [scene.image / np.float32(255) for scene in scenes]
    assert iou(real, scenes, silhouette) > 0.95
    assert iou(real[1:] + real[:1], scenes, silhouette) < 0.3


def test_guess_mode_without_words_lies_between_no_hint_and_full_control(painted, scenes):
    found = {way: iou(painted[way], scenes, silhouette) for way in WAYS}
    assert found["no hint, no words"] < 0.3
    assert found["no hint"] < 0.5
    # Its features are weaker towards the outside; guidance makes the hint count for more.
    assert found["no hint"] + 0.1 < found["guessed faintly"] < found["lines"] - 0.05
    assert found["guessed"] > found["guessed faintly"] + 0.05
    assert found["guessed"] > 0.7
    # It follows the hint and not the words: the colors are its own.
    guessed = iou(painted["guessed"], scenes, of_the_asked_color)
    assert guessed < iou(painted["lines"], scenes, of_the_asked_color) - 0.2


def test_both_adapters_together_do_not_fall_behind_either(painted, scenes):
    found = {way: iou(painted[way], scenes, silhouette) for way in ("lines", "depth", "both")}
    assert found["both"] > max(found["lines"], found["depth"]) - 0.02
    assert found["both"] > 0.8


def test_a_drawing_gets_the_colors_of_its_prompt():
    page = np.full((128, 128, 1), 245, np.uint8)
    cv2.circle(page, (64, 64), 36, 15, 3)
    operator = ColorizeLines(
        weights="scenes-lines", prompt="a red circle on a blue background", shading=0.0, steps=12
    )
    image = operator(Sample(page), 0).image.astype(int)
    red, blue = image[64, 64], image[5, 5]
    assert red[0] > red[2] + 80
    assert blue[2] > blue[0] + 80
