"""Noise from one picture: within the bars on smooth, textured and clipped scenes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sfumato.capture.blind_noise import _cut_normal, estimate_blind_noise
from sfumato.core.opencv import cv2
from sfumato.data.chart import StepChart
from sfumato.data.dusk_room import DuskRoom
from sfumato.errors import DtypeError, RangeError, ShapeError


def field(rng, sigma, size=512):
    plane = cv2.GaussianBlur(rng.standard_normal((size, size)), (0, 0), sigma)
    return plane / plane.std()


def scene(kind, seed):
    rng = np.random.default_rng(seed)
    clean = 0.45 + 0.2 * field(rng, 60) + 0.08 * field(rng, 20)
    if kind == "textured":
        clean += 0.04 * field(rng, 1.0) * (field(rng, 30) > 0)
    if kind == "dark":
        clean = 0.5 * clean - 0.12  # a part of it lies at black
    if kind == "blown":
        clean = 1.25 * clean + 0.1
    return np.maximum(clean, 0.0)


def noisy(clean, a, b, seed, *, clip=True):
    rng = np.random.default_rng(seed)
    seen = a * rng.poisson(clean / a) + np.sqrt(b) * rng.standard_normal(clean.shape)
    return np.clip(seen, 0, 1).astype(np.float32) if clip else seen.astype(np.float32)


@pytest.mark.parametrize("kind", ["smooth", "textured", "dark", "blown"])
@pytest.mark.parametrize(("a", "b"), [(0.01, 4e-4), (0.004, 2e-4), (0.002, 1e-4)])
def test_a_and_b_are_recovered(kind, a, b):
    found = [estimate_blind_noise(noisy(scene(kind, k), a, b, 50 + k)) for k in range(3)]
    assert np.median([f.a for f in found]) == pytest.approx(a, rel=0.1)
    assert np.median([f.b for f in found]) == pytest.approx(b, abs=2e-4)


@pytest.mark.parametrize("maker", [DuskRoom, StepChart])
def test_rendered_scenes_are_read_too(maker):
    truth = maker(size=(480, 640)).render() if maker is DuskRoom else maker().render()
    clean = np.asarray(truth.radiance, np.float64).mean(axis=2)
    clean *= 0.8 / np.quantile(clean, 0.98)
    found = estimate_blind_noise(noisy(clean, 0.004, 2e-4, 3))
    assert found.a == pytest.approx(0.004, rel=0.1)
    assert found.b == pytest.approx(2e-4, abs=2e-4)


def test_the_clipping_model_matters():
    """A part of the picture lies at black, and most of the noise does not come from light."""
    pictures = [noisy(scene("dark", k), 0.004, 0.001, k) for k in range(3)]
    missed = [
        [abs(estimate_blind_noise(p, clipped=clipped).b - 0.001) for p in pictures]
        for clipped in (True, False)
    ]
    assert max(missed[0]) < 2e-4
    assert np.mean(missed[0]) < 0.5 * np.mean(missed[1])


def test_signed_values_need_no_clipping_model():
    found = estimate_blind_noise(noisy(scene("dark", 2), 0.004, 2e-4, 6, clip=False), clipped=False)
    assert found.a == pytest.approx(0.004, rel=0.1)
    assert found.b == pytest.approx(2e-4, abs=1e-4)


def test_the_cut_normal_agrees_with_scipy():
    for light, sigma in ((0.02, 0.05), (0.5, 0.1), (0.98, 0.04), (-0.05, 0.03)):
        draws = stats.norm(light, sigma).expect(lambda x: np.clip(x, 0, 1), lb=-1, ub=2)
        square = stats.norm(light, sigma).expect(lambda x: np.clip(x, 0, 1) ** 2, lb=-1, ub=2)
        mean, spread = _cut_normal(np.array([light]), np.array([sigma]))
        assert mean[0] == pytest.approx(draws, abs=2e-5)
        assert spread[0] == pytest.approx(np.sqrt(square - draws**2), rel=5e-3)


@settings(max_examples=8, deadline=None)
@given(black=st.integers(0, 2000), span=st.integers(4000, 60000))
def test_black_and_white_only_set_the_unit(black, span):
    picture = noisy(scene("smooth", 1), 0.004, 2e-4, 8)
    codes = black + span * picture
    kept = codes.copy()
    one = estimate_blind_noise(picture)
    other = estimate_blind_noise(codes, black=black, white=black + span)
    assert other.a == pytest.approx(one.a, rel=0.02)
    np.testing.assert_array_equal(codes, kept)


def test_bad_pictures_are_refused(rng):
    with pytest.raises(ShapeError, match="64 x 64"):
        estimate_blind_noise(np.zeros((40, 400)))
    with pytest.raises(ShapeError, match="plane"):
        estimate_blind_noise(np.zeros((100, 100, 3)))
    with pytest.raises(DtypeError):
        estimate_blind_noise(np.zeros((100, 100), bool))
    with pytest.raises(RangeError, match="NaN"):
        estimate_blind_noise(np.full((100, 100), np.nan))
    with pytest.raises(RangeError, match="white"):
        estimate_blind_noise(np.zeros((100, 100)), black=5, white=5)
    with pytest.raises(RangeError, match="smooth|noise"):
        estimate_blind_noise(np.zeros((100, 100)))
    with pytest.raises(RangeError, match="smooth"):
        estimate_blind_noise(rng.uniform(0.499, 0.501, (128, 128)))
