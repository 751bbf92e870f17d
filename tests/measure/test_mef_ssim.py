from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.core.opencv import cv2
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.measure import MEFSSIM
from sfumato.raster.pyramid import collapse, gaussian_pyramid, laplacian_pyramid, max_levels

GREY = np.array([0.29893602, 0.58704307, 0.11402090])


@pytest.fixture(scope="module")
def house(shared_data):
    folder = shared_data("brackets/house")
    return np.stack([cv2.imread(str(folder / f"{k}.jpg"))[..., ::-1] for k in "ABCD"])


def exact_fusion(stack):
    """Exposure fusion of 2007 in float64."""
    bands = weights = None
    frames = [frame / 255.0 for frame in stack]
    weights = []
    for frame in frames:
        grey = frame @ GREY
        edged = np.pad(grey, 1, mode="edge")
        sides = edged[:-2, 1:-1] + edged[2:, 1:-1] + edged[1:-1, :-2] + edged[1:-1, 2:]
        well = np.exp(-((frame - 0.5) ** 2).sum(axis=2) / (2 * 0.2**2))
        weights.append(np.abs(sides - 4 * grey) * frame.std(axis=2) * well + 1e-12)
    total, levels = np.sum(weights, axis=0), max_levels(frames[0].shape[:2])
    for frame, weight in zip(frames, weights, strict=True):
        pyramid = zip(
            laplacian_pyramid(frame, levels), gaussian_pyramid(weight / total, levels), strict=True
        )
        part = [band * w[..., None] for band, w in pyramid]
        bands = part if bands is None else [a + b for a, b in zip(bands, part, strict=True)]
    return to_bytes(collapse(bands))


def to_bytes(image):
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def scores(fused, stack):
    """One and three scales at half resolution: every second pixel of the colors."""
    half, halves = fused[::2, ::2], stack[:, ::2, ::2]
    return MEFSSIM(scales=1)(half, halves), MEFSSIM()(half, halves)


def test_it_reproduces_the_published_figures_of_the_house(house):
    fused = {
        "exact fusion, clipped": (exact_fusion(house), 0.963, 0.952),
        "mean of the inputs": (np.rint(house.mean(axis=0)).astype(np.uint8), 0.758, 0.759),
        "best single input": (house[2], 0.831, 0.865),
    }
    mertens = cv2.createMergeMertens(1, 1, 1).process([f[..., ::-1].copy() for f in house])
    fused["OpenCV"] = (to_bytes(mertens[..., ::-1]), 0.962, 0.956)
    for name, (image, single, triple) in fused.items():
        assert scores(image, house) == pytest.approx((single, triple), abs=0.0015), name


@pytest.mark.skipif(shutil.which("enfuse") is None, reason="enfuse is not installed")
def test_it_reproduces_the_published_figures_of_enfuse(house, shared_data, tmp_path):
    folder, out = shared_data("brackets/house"), tmp_path / "fused.tif"
    frames = [str(folder / f"{k}.jpg") for k in "ABCD"]
    subprocess.run(["enfuse", "-o", str(out), *frames], check=True, capture_output=True)
    fused = np.ascontiguousarray(cv2.imread(str(out))[..., ::-1])
    assert scores(fused, house) == pytest.approx((0.940, 0.921), abs=0.002)


def by_the_patch(fused, stack):
    """The definition of 2015, one patch after the other, on vectors of its 64 values."""
    out = np.zeros((fused.shape[0] - 7, fused.shape[1] - 7))
    for i, j in np.ndindex(out.shape):
        y = fused[i : i + 8, j : j + 8].ravel()
        x = stack[:, i : i + 8, j : j + 8].reshape(len(stack), -1)
        x = x - x.mean(axis=1, keepdims=True)
        strength = np.linalg.norm(x, axis=1) + 1e-3
        agree = min(np.linalg.norm(x.sum(axis=0)) / strength.sum(), 1 - 1e-16)
        power = min(np.tan(np.pi * agree / 2), 10)
        # The factor 8 cancels in exact arithmetic and keeps the powers finite.
        weight = (strength / 8) ** power + np.finfo(float).eps
        structure = (weight / weight.sum() / strength) @ x
        length = np.linalg.norm(structure)
        wished = structure / length * strength.max() if length else structure
        y = y - y.mean()
        c = (0.03 * 255) ** 2
        out[i, j] = (2 * (wished * y).mean() + c) / ((wished**2).mean() + (y * y).mean() + c)
    return out


def small_series(rng, frames=3, size=(31, 34)):
    scene = rng.random(size) * np.linspace(0.1, 1, size[1])
    gains = 2.0 ** np.linspace(-1.5, 1.5, frames)
    return np.stack([np.rint(255 * np.clip(scene * g, 0, 1)) for g in gains]).astype(np.uint8)


def test_the_map_is_the_definition_patch_by_patch(rng):
    series = small_series(rng)
    fused = np.rint(series.mean(axis=0)).astype(np.uint8)
    found = MEFSSIM(scales=1).map(fused, series)
    expected = by_the_patch(fused.astype(float), series.astype(float))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert MEFSSIM(scales=1)(fused, series) == pytest.approx(expected.mean(), abs=1e-6)


def test_bands_leave_no_seam(rng):
    series = small_series(rng, size=(300, 24))
    whole = MEFSSIM(scales=1).map(series[1], series)
    part = MEFSSIM(scales=1).map(series[1, 100:200], series[:, 100:200])
    np.testing.assert_allclose(whole[100:193], part, atol=1e-6)


def test_brightness_does_not_count_and_contrast_does(rng):
    series = small_series(rng) // 2
    assert MEFSSIM()(series[0] + np.uint8(90), series) == pytest.approx(
        MEFSSIM()(series[0], series), abs=1e-12
    )
    assert MEFSSIM()(series[0] // 4, series) < MEFSSIM()(series[0], series)


def test_equal_exposures_are_fused_by_any_of_them(rng):
    one = small_series(rng)[1]
    assert MEFSSIM()(one, np.stack([one] * 3)) == pytest.approx(1.0, abs=1e-4)
    assert MEFSSIM()(one, one[None]) == pytest.approx(1.0, abs=1e-4)


def test_flat_exposures_are_defined():
    flat = np.full((3, 32, 32, 1), [[[[10]]], [[[100]]], [[[200]]]], np.uint8)
    assert MEFSSIM()(flat[1], flat) == pytest.approx(1.0, abs=1e-6)
    stripes = np.tile(np.array([100, 140], np.uint8), (32, 16))[..., None]
    c = (0.03 * 255) ** 2
    assert MEFSSIM(scales=1)(stripes, flat) == pytest.approx(c / (c + 400), abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_order_of_exposures_does_not_matter(seed, frames):
    rng = np.random.default_rng(seed)
    series = small_series(rng, frames, (29, 33))
    fused = rng.integers(0, 256, (29, 33), dtype=np.uint8)
    score = MEFSSIM()(fused, series)
    assert 0.0 <= score <= 1.0
    assert MEFSSIM()(fused, series[::-1].copy()) == pytest.approx(score, abs=1e-9)
    wide = series.astype(np.uint16) * np.uint16(257)
    assert MEFSSIM()(fused.astype(np.uint16) * np.uint16(257), wide) == pytest.approx(
        score, abs=1e-6
    )


def test_what_does_not_fit_is_refused():
    image, stack = np.zeros((40, 40, 3), np.uint8), np.zeros((2, 40, 40, 3), np.uint8)
    with pytest.raises(ShapeError, match="the exposures"):
        MEFSSIM()(image[:39], stack)
    with pytest.raises(DtypeError, match="uint16"):
        MEFSSIM()(image, stack.astype(np.uint16))
    with pytest.raises(ShapeError, match=r"MEFSSIM\(scales=1\)"):
        MEFSSIM()(image[:28], stack[:, :28])
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        MEFSSIM()(image[..., :2], stack[..., :2])
    with pytest.raises(RangeError, match="NaN"):
        MEFSSIM()(image.astype(np.float32), np.full(stack.shape, np.nan, np.float32))


@pytest.mark.parametrize("scales", [1, 3])
def test_several_pictures_score_as_each_of_them_alone(rng, scales):
    series, metric = small_series(rng), MEFSSIM(scales=scales)
    found = metric.score_each(series, series)
    assert found == pytest.approx([metric(frame, series) for frame in series], abs=1e-12)
    with pytest.raises(RangeError, match="nothing to compute from"):
        metric.score_each([], series)
    with pytest.raises(ShapeError, match="the exposures"):
        metric.score_each([series[0], series[0, 1:]], series)
