"""Pictures as hints: channels, depths and sizes that an adapter did not ask for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sfumato.adapt import FeaturePyramid, hint_tensor
from sfumato.errors import ShapeError

SIZE = (6, 8)


def read(picture: np.ndarray, channels: int, *, size=SIZE, resize=False) -> np.ndarray:
    adapter = FeaturePyramid(widths=(8,), hint_channels=channels, unshuffle=1)
    found = hint_tensor(picture, adapter, size, resize=resize, who="--control edges=a.png")
    assert found.shape == (1, channels, *size)
    assert found.is_contiguous()
    return found[0].permute(1, 2, 0).numpy()


@pytest.fixture
def codes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 4)).astype(np.uint8)


def test_every_depth_is_the_same_hint(codes):
    rgb = codes[..., :3]
    unit = (rgb / np.float32(255)).astype(np.float32)
    for picture in (rgb, rgb.astype(np.uint16) * 257, unit, unit[::-1][::-1]):
        np.testing.assert_allclose(read(picture, 3), unit, atol=1e-6)


def test_what_is_transparent_says_nothing(codes):
    wanted = codes[..., :3] / 255 * (codes[..., 3:] / 255)
    np.testing.assert_allclose(read(codes, 3), wanted, atol=1e-6)
    np.testing.assert_allclose(read(codes, 1)[..., 0], wanted.mean(axis=2), atol=1e-6)


def test_one_channel_serves_three_and_three_are_averaged_for_one(codes):
    gray = codes[..., :1]
    np.testing.assert_allclose(read(gray, 3), np.repeat(gray, 3, axis=2) / 255, atol=1e-6)
    np.testing.assert_allclose(
        read(codes[..., :3], 1), codes[..., :3].mean(2)[..., None] / 255, atol=1e-6
    )
    with pytest.raises(ShapeError, match="edges=a.png: the hint has 2 channels, the adapter reads"):
        read(codes[..., :2], 3)


def test_another_size_is_brought_to_that_of_the_picture_only_where_asked(codes):
    gray = codes[..., :1]
    with pytest.raises(ShapeError, match="the hint is 8 x 6 px, the picture 4 x 3"):
        read(gray, 1, size=(3, 4))
    half = read(gray, 1, size=(3, 4), resize=True)
    means = gray.reshape(3, 2, 4, 2).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(half[..., 0], means, atol=1e-6)


def test_the_picture_is_left_alone():
    picture = np.random.default_rng(0).random((*SIZE, 1), np.float32)
    before = picture.copy()
    adapter = FeaturePyramid(widths=(8,), hint_channels=1, unshuffle=1)
    hint_tensor(picture, adapter, SIZE, resize=False, who="a").fill_(9.0)
    np.testing.assert_array_equal(picture, before)
    picture.setflags(write=False)
    assert torch.equal(
        hint_tensor(picture, adapter, SIZE, resize=False, who="a")[0, 0],
        torch.from_numpy(before[..., 0]),
    )
