"""Raw bursts merged where nothing moved, and denoised where something did."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.capture._burst_tiles import aligned_planes
from sfumato.capture.denoise_burst import DenoiseBurst
from sfumato.capture.denoise_raw import DenoiseRaw
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.opencv import cv2
from sfumato.errors import FieldError, RangeError
from sfumato.io.mosaic import mosaic_from_array

MODEL = NoiseModel(gain=(8e-3,), read_noise=(8e-3,), white=(1.0,))
SIZE = (192, 224)
INNER = np.s_[32:-32, 32:-32]


@pytest.fixture(scope="module")
def scene():
    """Texture with detail at several scales, larger than a frame."""
    rng = np.random.default_rng(4)
    field = np.zeros((256, 288), np.float32)
    for sigma in (2.0, 6.0, 20.0):
        part = cv2.GaussianBlur(rng.standard_normal(field.shape, np.float32), (0, 0), sigma)
        field += part / part.std()
    return np.clip(0.3 + 0.08 * field, 0.02, 0.9)


def frames_of(scene, shifts, *, subject=None):
    frames = []
    for k, (dy, dx) in enumerate(shifts):
        light = scene[32 + dy : 32 + dy + SIZE[0], 32 + dx : 32 + dx + SIZE[1]].copy()
        if subject is not None:
            light[80:112, 60 + subject[k] : 92 + subject[k]] = 0.8
        frames.append(light)
    return frames


def burst_of(lights, isos=None, seed=0):
    noisy = [MODEL.apply(x, seed + k, clip=False)[..., None] for k, x in enumerate(lights)]
    meta = {} if isos is None else {"iso": isos[0]}
    sample = mosaic_from_array(noisy[0][..., 0], white=1.0, meta=meta)
    frames = tuple({**sample.meta, **({"iso": iso} if iso else {})} for iso in isos or [None] * len(
        noisy
    ))  # fmt: skip
    return sample.but(stack=np.stack(noisy), meta={**sample.meta, "frames": frames})


def rms(a, b):
    return float(np.sqrt(np.mean((a[INNER] - b[INNER]) ** 2)))


def test_the_mean_of_eight_still_frames_has_a_third_of_the_noise(scene):
    lights = frames_of(scene, [(0, 0)] * 8)
    burst = burst_of(lights)
    out = DenoiseBurst(noise=MODEL, method="none")(burst)
    noisy = rms(burst.stack[0, ..., 0], lights[0])
    assert rms(out.image[..., 0], lights[0]) < 1.1 * noisy / np.sqrt(8)
    assert out.meta["merged_frames"] > 7.8
    assert out.stack is None
    single = DenoiseRaw(noise=MODEL)(burst.but(stack=None)).image[..., 0]
    for method in ("nlm", "wavelet"):
        if method == "wavelet":
            pytest.importorskip("pywt")
        clean = DenoiseBurst(noise=MODEL, method=method)(burst).image[..., 0]
        assert rms(clean, lights[0]) < 0.75 * rms(single, lights[0])


def test_the_mean_is_unbiased(scene):
    burst = burst_of([np.full(SIZE, 0.01, np.float32)] * 8)
    out = DenoiseBurst(noise=MODEL, method="none")(burst).image
    sigma = float(np.sqrt(MODEL.variance(0.01)))
    assert abs(out.mean() - 0.01) < 0.05 * sigma


def test_a_camera_that_moves_by_whole_cells_costs_nothing(scene):
    shifts = [(0, 0), (2, 4), (-6, 2), (8, -10), (4, 4), (-2, 0), (12, 6), (0, -8)]
    lights = frames_of(scene, shifts)
    out = DenoiseBurst(noise=MODEL, method="none")(burst_of(lights))
    still = DenoiseBurst(noise=MODEL, method="none")(burst_of([lights[0]] * 8))
    assert rms(out.image[..., 0], lights[0]) < 1.1 * rms(still.image[..., 0], lights[0])


def test_what_moves_stays_where_the_reference_has_it(scene):
    lights = frames_of(scene, [(0, 0)] * 6, subject=[0, 20, 40, 60, 80, 100])
    burst = burst_of(lights)
    for reference in (0, 3):
        out = DenoiseBurst(noise=MODEL, reference=reference)(burst).image[..., 0]
        gap = np.abs(cv2.blur(out - lights[reference], (9, 9)))
        assert gap[76:116, 50:200].max() < 0.1
        assert rms(out, lights[reference]) < 0.6 * rms(burst.stack[reference, ..., 0],
                                                       lights[reference])  # fmt: skip


def test_inputs_are_left_alone_by_the_alignment():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 64, 64, 4), np.float32)
    before = first.copy(), second.copy()
    aligned_planes(first, second, 8)
    np.testing.assert_array_equal(first, before[0])
    np.testing.assert_array_equal(second, before[1])


def test_wrong_bursts_are_refused(scene):
    lights = frames_of(scene, [(0, 0)] * 2)
    burst = burst_of(lights, isos=(100, 800))
    with pytest.raises(RangeError, match="ISO 100 to 800"):
        DenoiseBurst(noise=MODEL)(burst)
    with pytest.raises(RangeError, match="reference 2 is not in a stack of 2"):
        DenoiseBurst(noise=MODEL, reference=2)(burst_of(lights))
    with pytest.raises(FieldError, match="'stack'"):
        DenoiseBurst(noise=MODEL)(burst_of(lights).but(stack=None))
    with pytest.raises(FieldError, match="mosaic"):
        DenoiseBurst(noise=MODEL)(np.zeros((2, 8, 8, 1), np.float32))
    broken = burst_of(lights)
    broken.stack[1, 3, 3] = np.inf
    with pytest.raises(RangeError, match="NaN or infinite"):
        DenoiseBurst(noise=MODEL)(broken)
