"""Brackets with exact truth: a scene over nine stops, a moving disc, a camera."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.raster.pyramid import collapse, gaussian_pyramid, laplacian_pyramid, max_levels

Array = NDArray[Any]


@pytest.fixture(scope="session")
def brackets() -> ModuleType:
    """The functions of this file; test files cannot import one another."""
    return sys.modules[__name__]


def radiance(size: tuple[int, int], seed: int = 0) -> Array:
    height, width = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    texture = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=size), (0, 0), 2)
    stops = -5 + 9 * x / width + 0.8 * np.sin(y / 17) + 0.25 * texture / texture.std()
    stops -= 0.7 * ((y // 40 + x // 56) % 2 < 1)
    tint = np.stack([1 + 0.2 * np.sin(x / 40), np.ones_like(x), 1 + 0.2 * np.cos(y / 30)], -1)
    return 2.0 ** stops[..., None] * tint


def with_disc(scene: Array, centre: tuple[int, int], radius: int = 30) -> tuple[Array, Array]:
    """Put a textured disc in, well exposed at 0 EV; give the scene and where the disc is."""
    height, width = scene.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
    waves = np.sin((x - centre[0]) / 3.0) * np.cos((y - centre[1]) / 4.0)
    paint = 0.2 * 2.0 ** (0.7 * waves[..., None]) * np.array([1.3, 0.8, 0.6])
    return np.where(inside[..., None], paint[..., : scene.shape[2]], scene), inside


def expose(scene: Array, ev: float, dtype: Any, rng: np.random.Generator, noise: float) -> Array:
    """Take a frame: Poisson-Gaussian noise, clipping, a response with shoulder, rounding."""
    light = scene * 2.0**ev
    light = light + rng.normal(size=light.shape) * np.sqrt(noise * 4e-4 * light + noise * 1e-6)
    light = np.clip(light, 0.0, 1.0)
    gamma = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    value = 0.7 * gamma + 0.3 * gamma * gamma * (3 - 2 * gamma)
    if dtype is np.float32:
        return value.astype(np.float32)
    return np.rint(value * np.iinfo(dtype).max).astype(dtype)


def unit(frames: Array) -> Array:
    return frames / {"u1": 255.0, "u2": 65535.0, "f4": 1.0}[frames.dtype.str[1:]]


def fuse(frames: Array) -> Array:
    """Mertens, Kautz, Van Reeth 2007 in float64, clipped."""
    weights = np.stack([_weight(frame) for frame in unit(frames)]) + 1e-12
    weights /= weights.sum(axis=0)
    levels = max_levels(frames.shape[1:3])
    total = None
    for frame, weight in zip(unit(frames), weights, strict=True):
        bands = laplacian_pyramid(frame.astype(np.float64), levels)
        shares = gaussian_pyramid(weight, levels)
        part = [band * share[..., None] for band, share in zip(bands, shares, strict=True)]
        total = part if total is None else [a + b for a, b in zip(total, part, strict=True)]
    assert total is not None
    return np.clip(collapse(total), 0.0, 1.0)


def _weight(frame: Array) -> Array:
    grey = frame.mean(axis=2)
    pad = np.pad(grey, 1, mode="edge")
    contrast = np.abs(pad[:-2, 1:-1] + pad[2:, 1:-1] + pad[1:-1, :-2] + pad[1:-1, 2:] - 4 * grey)
    saturation = frame.std(axis=2) if frame.shape[2] == 3 else 1.0
    return contrast * saturation * np.exp(-((frame - 0.5) ** 2) / 0.08).prod(axis=2)
