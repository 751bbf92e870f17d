"""Classical raw denoising: unbiased, driven by the profile, worth its place."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.capture._even_denoise import TURN, denoise_nlm, denoise_wavelet
from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.denoise_raw import DenoiseRaw, packed, site_noise, unpacked
from sfumato.capture.noise_model import NoiseModel
from sfumato.color.transfer import srgb_to_linear
from sfumato.core.opencv import cv2
from sfumato.errors import FieldError, MissingExtraError, RangeError
from sfumato.io.mosaic import mosaic_from_array

pytest.importorskip("pywt")
METHODS = ("nlm", "wavelet")


def model_of(a, b):
    return NoiseModel(gain=(a,), read_noise=(b**0.5,), white=(1.0,))


def natural(folder):
    """Mosaics of every third Kodak picture, in linear light; the benchmark takes all."""
    for path in sorted(folder.glob("*.png"))[::3]:
        light = srgb_to_linear(cv2.imread(str(path))[..., ::-1].copy())
        plane = light[..., 1].copy()
        plane[0::2, 0::2], plane[1::2, 1::2] = light[0::2, 0::2, 0], light[1::2, 1::2, 2]
        yield plane


def psnr(a, b):
    return float(-10 * np.log10(np.mean((a - np.clip(b, 0, 1)) ** 2)))


@given(st.integers(2, 19), st.integers(2, 19))
def test_packing_is_undone_exactly(height, width):
    plane = np.random.default_rng(height * 20 + width).random((height, width), np.float32)
    planes = packed(plane)
    assert planes.shape == (-(-height // 2), -(-width // 2), 4)
    np.testing.assert_array_equal(planes[0, 0], plane[:2, :2].ravel())
    np.testing.assert_array_equal(unpacked(planes, plane.shape), plane)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.003, 0.05, 0.5, 0.9])
def test_flat_light_keeps_its_mean_and_loses_its_noise(method, level):
    model = model_of(4e-3, 1e-4)
    noisy = model.apply(np.full((192, 192), level, np.float32), 3, clip=False)
    out = DenoiseRaw(noise=model, method=method)(mosaic_from_array(noisy, white=1.0)).image
    sigma = float(np.sqrt(model.variance(level)))
    # The mean of 36864 readings is known to sigma / 192; denoising may add a little.
    # In the dark, where what is left of the noise ends at no light, a little is added.
    added = 0.01 if level >= 0.05 else 0.04
    assert abs(float(out.mean()) - level) < 4 * sigma / 192 + added * sigma
    assert out.std() < 0.35 * sigma


def test_the_turn_keeps_white_noise_white():
    np.testing.assert_allclose(TURN @ TURN.T, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("denoise", [denoise_nlm, denoise_wavelet])
def test_a_strong_edge_survives(denoise):
    planes = np.zeros((40, 50, 4), np.float32)
    planes[:, 25:] = 60.0
    noisy = planes + np.random.default_rng(0).standard_normal(planes.shape, np.float32)
    out = denoise(noisy, 1.0)
    assert np.abs(out - planes).max() < 4.0
    assert np.std(out - planes) < 0.6


@pytest.mark.parametrize(("a", "b"), [(1e-3, 1e-6), (4e-3, 1e-5), (1.6e-2, 1e-4)])
def test_stabilising_first_beats_the_same_denoiser_alone(a, b, shared_data):
    """By half a decibel on Kodak, though the other is given its best strength."""
    model, strengths = model_of(a, b), (0.85, 1.0, 1.2)
    before, ours, alone = [], [], []
    for clean in natural(shared_data("restore/kodak24")):
        noisy = model.apply(clean, 5, clip=False)
        out = DenoiseRaw(noise=model)(mosaic_from_array(noisy, white=1.0)).image[..., 0]
        sigma = np.float32(np.sqrt(np.mean(model.variance(clean))))
        even = packed(noisy) / sigma
        before.append(psnr(clean, noisy))
        ours.append(psnr(clean, out))
        alone.append(
            [psnr(clean, unpacked(denoise_nlm(even, s) * sigma, clean.shape)) for s in strengths]
        )
    assert np.mean(ours) > np.max(np.mean(alone, axis=0)) + 0.5
    assert np.mean(ours) > np.mean(before) + 1.0


def test_where_the_noise_comes_from():
    plane = np.full((160, 160), 0.3, np.float32)
    noisy = model_of(5e-3, 4e-5).apply(plane, 0, clip=False)
    profile = (5e-3, 4e-5)
    known = mosaic_from_array(noisy, white=1.0, noise_profile=profile, meta={"iso": 400})
    assert DenoiseRaw().model(known).gain == pytest.approx((5e-3,) * 4)
    assert DenoiseRaw().model(known).read_noise == pytest.approx((4e-5**0.5,) * 4)
    other = model_of(1e-2, 1e-4)
    assert DenoiseRaw(noise=other).model(known).gain == pytest.approx((1e-2,) * 4)
    camera = CameraNoise(isos=(100, 400), models=(other, model_of(3e-3, 1e-6)))
    assert DenoiseRaw(noise=camera).model(known).gain == pytest.approx((3e-3,) * 4)
    silent = known.but(meta={"mosaic": known.meta["mosaic"]})
    assert DenoiseRaw(noise=camera, iso=100).model(silent).gain == pytest.approx((1e-2,) * 4)
    with pytest.raises(FieldError, match="ISO of the frame is not known"):
        DenoiseRaw(noise=camera)(silent)
    with pytest.raises(RangeError, match="measured from ISO 100 to 400"):
        DenoiseRaw(noise=camera, iso=800)(silent)


def test_a_camera_in_dn_and_in_three_colors_is_laid_out_on_the_sites():
    sample = mosaic_from_array(np.zeros((8, 8), np.float32), pattern="BGGR", white=1.0)
    model = NoiseModel(gain=(3.0, 1.0, 2.0), read_noise=(6.0, 2.0, 4.0), black=(512.0,),
                       white=(10512.0,), row_noise=3.0, step=1.0)  # fmt: skip
    sites = site_noise(model, sample.image[..., 0], sample.meta["mosaic"], None)
    assert sites.gain == pytest.approx((2e-4, 1e-4, 1e-4, 3e-4))
    floor = np.array([16.0, 4.0, 4.0, 36.0]) + 9 + 1 / 12
    np.testing.assert_allclose(sites.floor, floor / 1e8, rtol=1e-9)


def test_the_noise_is_estimated_where_nobody_states_it():
    y, x = np.mgrid[0:400, 0:400] / 400
    clean = (0.1 + 0.7 * x * y).astype(np.float32)
    model = model_of(4e-3, 1e-4)
    sample = mosaic_from_array(model.apply(clean, 2, clip=False), white=1.0)
    found = DenoiseRaw().model(sample)
    assert found.gain == pytest.approx((4e-3,) * 4, rel=0.2)
    out = DenoiseRaw()(sample).image[..., 0]
    assert np.std(out - clean) < 0.35 * np.std(sample.image[..., 0] - clean)
    with pytest.raises(RangeError, match="cannot be read from the picture"):
        DenoiseRaw()(mosaic_from_array(np.zeros((40, 40), np.float32)))


def test_each_frame_of_a_stack_has_the_noise_of_its_iso():
    low, high = model_of(1e-4, 1e-8), model_of(1e-2, 1e-4)
    camera = CameraNoise(isos=(100, 1600), models=(low, high))
    plane = np.full((96, 96), 0.4, np.float32)
    frames = [m.apply(plane, k, clip=False)[..., None] for k, m in enumerate((low, high))]
    first = mosaic_from_array(frames[0][..., 0], white=1.0, meta={"iso": 100})
    metas = (first.meta, {**first.meta, "iso": 1600})
    sample = first.but(stack=np.stack(frames), meta={**first.meta, "frames": metas})
    out = DenoiseRaw(noise=camera)(sample)
    for k, model in enumerate((low, high)):
        assert out.stack[k].std() < 0.35 * float(np.sqrt(model.variance(0.4)))
    np.testing.assert_array_equal(out.image, out.stack[0])


def test_a_profile_is_taken_off_with_the_noise():
    sample = mosaic_from_array(np.zeros((16, 16), np.float32), noise_profile=(1e-3, 1e-6))
    assert DenoiseRaw()(sample).meta["mosaic"].noise_profile == ()


def test_a_sensor_without_photon_noise_is_refused():
    sample = mosaic_from_array(np.zeros((16, 16), np.float32))
    with pytest.raises(RangeError, match="photon noise|above 0"):
        DenoiseRaw(noise=NoiseModel(gain=(0.0,)))(sample)


def test_without_pywavelets_the_hint_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pywt":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="PyWavelets"):
        denoise_wavelet(np.zeros((8, 8, 4), np.float32), 1.0)
