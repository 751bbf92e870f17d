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

COUNT = 6


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


def iou(made: torch.Tensor, scenes) -> float:
    """Compare where the picture has more of the thing's color with where the thing is."""
    scores = []
    for picture, scene in zip(made, scenes, strict=True):
        truth = scene.mask > 0
        pixels, real = picture.permute(1, 2, 0).numpy(), scene.image / 255.0
        colors = [np.median(real[area], axis=0) for area in (truth, ~truth)]
        far = [np.linalg.norm(pixels - color, axis=-1) for color in colors]
        seen = far[0] < far[1]
        scores.append((seen & truth).sum() / (seen | truth).sum())
    return float(np.mean(scores))


@pytest.mark.parametrize("kind", ["lines", "depth"])
def test_held_out_hints_are_followed_and_without_them_chance_decides(scenes, kind):
    base, adapter = load("scenes"), load(f"scenes-{kind}").adapter
    planes = [s.hint[..., 0] / np.float32(255) if kind == "lines" else s.depth for s in scenes]
    hint = torch.from_numpy(np.stack(planes).astype(np.float32))[:, None]
    options = {"size": (64, 64), "seed": 1, "steps": 12}
    captions = [str(scene.text) for scene in scenes]
    with torch.no_grad():
        steered = base.generate(captions, adapters=[(Steer(adapter, hint), 1.0)], **options)
        alone = base.generate(captions, **options)
    assert iou(steered.image, scenes) > 0.8
    assert iou(alone.image, scenes) < 0.5


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
