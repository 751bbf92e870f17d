from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from sfumato.core.opencv import cv2
from sfumato.errors import ShapeError
from sfumato.measure import MSSSIM

POWERS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def transcription(x, y):
    """MS-SSIM of two planes in 0..1, in float64, from the paper."""
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps /= taps.sum()

    def blur(plane):
        full = correlate1d(correlate1d(plane, taps, 0), taps, 1)
        return full[5:-5, 5:-5]

    product = 1.0
    for level, power in enumerate(POWERS):
        mx, my = blur(x), blur(y)
        vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
        part = (2 * cov + 9e-4) / (vx + vy + 9e-4)
        if level == 4:
            part = part * (2 * mx * my + 1e-4) / (mx * mx + my * my + 1e-4)
        product *= max(part.mean(), 0.0) ** power
        x, y = halved(x), halved(y)
    return product


def halved(plane):
    plane = np.pad(plane, [(0, n % 2) for n in plane.shape], mode="edge")
    height, width = plane.shape
    return plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))


def practice_pair(rng, size, channels):
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    planes = [0.5 + 0.3 * np.sin(x / (9 + 5 * c)) * np.cos(y / 13) for c in range(channels)]
    clean = np.clip(np.stack(planes, axis=-1) + rng.normal(0, 0.1, (*size, channels)), 0, 1)
    noisy = np.clip(0.9 * clean + rng.normal(0, 0.08, clean.shape), 0, 1)
    return np.rint(255 * noisy).astype(np.uint8), np.rint(255 * clean).astype(np.uint8)


@pytest.mark.parametrize("size", [(161, 161), (176, 209), (163, 350)])
def test_it_is_the_published_formula_at_even_and_odd_sizes(rng, size):
    a, b = practice_pair(rng, size, 3)
    planes = [transcription(a[..., c] / 255, b[..., c] / 255) for c in range(3)]
    assert MSSSIM()(a, b) == pytest.approx(np.mean(planes), abs=2e-6)


def test_all_dtypes_score_alike(rng):
    a, b = practice_pair(rng, (170, 180), 2)
    score = MSSSIM()(a, b)
    sixteen = [image.astype(np.uint16) * np.uint16(257) for image in (a, b)]
    floats = [(image / 255).astype(np.float32) for image in (a, b)]
    assert MSSSIM()(*sixteen) == pytest.approx(score, abs=1e-5)
    assert MSSSIM()(*floats) == pytest.approx(score, abs=1e-5)


def test_blur_costs_less_than_noise_of_the_same_error(rng, shared_data):
    path = sorted(shared_data("restore/kodak24").iterdir())[0]
    photo = cv2.imread(str(path))
    soft = cv2.GaussianBlur(photo, (0, 0), 1.0)
    error = np.sqrt(((soft.astype(float) - photo) ** 2).mean())
    noisy = np.clip(photo + rng.normal(0, 3 * error, photo.shape), 0, 255).astype(np.uint8)
    assert 0.0 < MSSSIM()(noisy, photo) < MSSSIM()(soft, photo) < 1.0


def test_a_negative_is_clamped_to_nothing(rng):
    a = rng.integers(0, 256, (170, 170), dtype=np.uint8)
    assert MSSSIM()(255 - a, a) == 0.0


def test_flat_pictures_are_scored_by_their_light():
    a, b = (np.full((165, 165), v, np.float32) for v in (0.2, 0.6))
    light = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert MSSSIM()(a, a) == 1.0
    assert MSSSIM()(a, b) == pytest.approx(light**0.1333, abs=1e-5)


def test_pictures_that_do_not_hold_five_scales_are_refused():
    small = np.zeros((160, 400), np.uint8)
    with pytest.raises(ShapeError, match="161 px, got 400 x 160 px"):
        MSSSIM()(small, small)
