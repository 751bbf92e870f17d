"""Demosaicing: exact where it must be, and better than its peers where it may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.capture.demosaic import Demosaic
from sfumato.core.opencv import cv2
from sfumato.errors import FieldError, RangeError, ShapeError
from sfumato.io.mosaic import mosaic_from_array
from sfumato.io.mosaic_facts import PATTERNS

METHODS = ("directional", "malvar", "bilinear")


def mosaic(picture, pattern="RGGB"):
    """Take from each pixel the color that its site sees."""
    plane = np.empty(picture.shape[:2], np.float32)
    for k, letter in enumerate(pattern):
        site = np.s_[k // 2 :: 2, k % 2 :: 2]
        plane[site] = picture[(*site, "RGB".index(letter))]
    return plane


def demosaic(plane, method, pattern="RGGB"):
    return Demosaic(method=method)(mosaic_from_array(plane, pattern=pattern, white=1.0)).image


def kodak(folder):
    for path in sorted(folder.glob("*.png"))[::4]:
        yield cv2.imread(str(path))[..., ::-1].astype(np.float32) / 255


def cpsnr(a, b):
    inner = np.s_[10:-10, 10:-10]
    return -10 * np.log10(np.mean((a[inner] - np.clip(b[inner], 0, 1)) ** 2))


@given(
    method=st.sampled_from(METHODS), pattern=st.sampled_from(PATTERNS),
    height=st.integers(4, 31), width=st.integers(4, 31), seed=st.integers(0, 999),
)  # fmt: skip
def test_the_color_that_was_seen_is_kept(method, pattern, height, width, seed):
    plane = np.random.default_rng(seed).random((height, width), np.float32)
    out = demosaic(plane, method, pattern)
    assert out.shape == (height, width, 3)
    np.testing.assert_array_equal(mosaic(out, pattern), plane)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_flat_colors_and_grey_ramps_come_back(method, pattern):
    flat = np.broadcast_to(np.array([0.7, 0.2, 0.4], np.float32), (20, 26, 3))
    np.testing.assert_allclose(demosaic(mosaic(flat, pattern), method, pattern), flat, atol=1e-6)
    y, x = np.mgrid[0:20, 0:26].astype(np.float32)
    ramp = np.repeat((0.1 + 0.02 * x + 0.01 * y)[..., None], 3, axis=2)
    out = demosaic(mosaic(ramp, pattern), method, pattern)
    np.testing.assert_allclose(out[4:-4, 4:-4], ramp[4:-4, 4:-4], atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_shifted_mosaic_gives_the_shifted_picture(method):
    plane = np.random.default_rng(0).random((60, 64), np.float32)
    whole = demosaic(plane, method, "RGGB")
    for dy, dx, pattern in ((0, 1, "GRBG"), (1, 0, "GBRG"), (1, 1, "BGGR")):
        part = demosaic(np.ascontiguousarray(plane[dy:, dx:]), method, pattern)
        inner = np.s_[14:-14, 14:-14]
        np.testing.assert_allclose(part[inner], whole[dy:, dx:][inner], atol=2e-5)


def test_bands_leave_no_seam():
    plane = np.random.default_rng(1).random((1100, 40), np.float32)
    for method in METHODS:
        whole = demosaic(plane, method)
        part = demosaic(np.ascontiguousarray(plane[400:700]), method)
        np.testing.assert_allclose(whole[420:680], part[20:-20], atol=2e-5)


def test_bilinear_agrees_with_opencv():
    codes = np.random.default_rng(2).integers(0, 65535, (40, 52), np.uint16)
    wanted = cv2.cvtColor(codes, cv2.COLOR_BayerRGGB2RGB).astype(np.float32)
    out = demosaic(codes.astype(np.float32) / 65535, "bilinear") * 65535
    assert np.abs(out - wanted)[2:-2, 2:-2].max() <= 1.0  # OpenCV rounds


def test_malvar_has_the_published_coefficients():
    """An impulse at each kind of site shows the 5 x 5 filters, in eighths."""
    green_at_red = np.zeros((5, 5))
    green_at_red[2] = [-1, 2, 4, 2, -1]
    green_at_red += np.array([-1, 2, 0, 2, -1])[:, None] * (np.arange(5) == 2)
    red_at_green = np.array(
        [[0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0],
         [0, 0, 0.5, 0, 0]])  # fmt: skip
    blue_at_red = np.array(
        [[0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0],
         [0, 0, -1.5, 0, 0]])  # fmt: skip
    for (y, x), color, wanted in (
        ((10, 10), 1, green_at_red), ((10, 11), 0, red_at_green), ((10, 11), 2, red_at_green.T),
        ((10, 10), 2, blue_at_red), ((11, 11), 0, blue_at_red),
    ):  # fmt: skip
        seen = np.zeros((5, 5))
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                plane = np.zeros((22, 22), np.float32)
                plane[y + dy, x + dx] = 8.0
                seen[dy + 2, dx + 2] = demosaic(plane, "malvar")[y, x, color]
        np.testing.assert_allclose(seen, wanted, atol=1e-5)


def test_directional_is_best_on_kodak(shared_data):
    scores = {method: [] for method in METHODS}
    for picture in kodak(shared_data("restore/kodak24")):
        for method in METHODS:
            scores[method].append(cpsnr(picture, demosaic(mosaic(picture), method)))
    means = {method: np.mean(values) for method, values in scores.items()}
    # Measured 40.1, 35.1 and 29.5 dB over all sixteen.
    assert means["directional"] > means["malvar"] + 3.0
    assert means["malvar"] > means["bilinear"] + 4.0
    assert means["directional"] > 38.5


def test_signed_values_and_light_above_white_pass():
    plane = np.random.default_rng(3).normal(0.0, 2.0, (24, 24)).astype(np.float32)
    out = demosaic(plane, "directional")
    assert out.min() < -1
    assert out.max() > 1
    assert np.isfinite(out).all()


def test_what_is_no_mosaic_is_refused():
    with pytest.raises(FieldError, match="read_mosaic"):
        Demosaic()(np.zeros((8, 8, 1), np.float32))
    with pytest.raises(ShapeError, match="4 x 4"):
        demosaic(np.zeros((3, 9), np.float32), "malvar")
    sample = mosaic_from_array(np.zeros((8, 8), np.float32))
    sample.image[2, 2] = np.nan
    with pytest.raises(RangeError, match="NaN"):
        Demosaic()(sample)


def test_the_result_is_linear_and_no_mosaic_any_more():
    out = Demosaic()(mosaic_from_array(np.zeros((8, 8), np.float32), meta={"iso": 100}))
    assert (out.space, out.meta) == ("linear", {"iso": 100})
