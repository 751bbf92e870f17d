"""The embedded generator keeps the scores that it came with, on scenes that it never saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sfumato.core.batch import Batch
from sfumato.core.network import embedded_weights, load
from sfumato.core.opencv import cv2
from sfumato.data.caption_scenes import COLORS, CaptionScenes

ASKED = (
    ("red", "circle", "white"), ("blue", "square", "yellow"), ("green", "star", "black"),
    ("purple", "heart", "orange"), ("pink", "fish", "teal"), ("black", "ring", "gray"),
)  # fmt: skip


@pytest.fixture(scope="module")
def painter():
    return load("scenes")


def nearest_colors(picture):
    """Number the named color that is nearest to each pixel, in CIELAB."""
    palette = cv2.cvtColor(np.array(list(COLORS.values()), np.uint8)[None], cv2.COLOR_RGB2LAB)[0]
    pixels = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    gap = pixels[:, :, None].astype(float) - palette.astype(float)
    return np.linalg.norm(gap, axis=-1).argmin(axis=-1)


def test_scenes_come_back_from_their_codes():
    coder = load("scenes-autoencoder")
    scenes = [CaptionScenes(seed=123_457)[k].image for k in range(24)]
    pictures = torch.from_numpy(np.stack(scenes)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        read = (coder.predict(Batch(pictures)).image * 255).round() / 255
    psnr = -10 * torch.log10((read - pictures).square().mean(dim=(1, 2, 3)))
    assert psnr.mean() >= 33  # 35.5 dB where it was made


def test_things_and_backgrounds_have_the_colors_that_were_asked_for(painter):
    article = {True: "an", False: "a"}
    captions = [
        f"{article[c == 'orange']} {c} {kind} on {article[b == 'orange']} {b} background"
        for c, kind, b in ASKED
    ]
    made = painter.generate(captions, size=(64, 64), seed=0, steps=15).image
    names = list(COLORS)
    right = 0
    for image, (color, _, background) in zip(made, ASKED, strict=True):
        picture = (image * 255).round().byte().permute(1, 2, 0).numpy().copy()
        counts = np.bincount(nearest_colors(picture).ravel(), minlength=len(names))
        right += names[counts.argmax()] == background
        counts[names.index(background)] = 0
        right += names[counts.argmax()] == color and counts.max() > 0.02 * 64 * 64
    assert right >= 11  # of 12; by chance 2 or so


def test_a_seed_means_one_picture(painter):
    first = painter.generate("a red ball", size=(64, 64), seed=4, steps=3).image
    third = painter.generate("a red ball", size=(64, 64), seed=2, count=3, steps=3).image[2:]
    torch.testing.assert_close(first, third, atol=1e-4, rtol=0)


def test_the_weights_are_small():
    for name in ("scenes", "scenes-autoencoder"):
        folder = embedded_weights()[name]
        assert sum(file.stat().st_size for file in folder.iterdir()) < 8 * 2**20
