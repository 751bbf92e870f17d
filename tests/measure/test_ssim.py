from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate1d
from skimage.metrics import structural_similarity

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError, ShapeError
from sfumato.measure import SSIM

WHITE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}


def as_dtype(x, dtype):
    scaled = np.clip(x, 0, 1) * WHITE[dtype]
    return (scaled if dtype == "float32" else np.rint(scaled)).astype(dtype)


def practice_pair(rng, dtype="uint8", size=(75, 93), channels=3, noise=0.06):
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    planes = [0.5 + 0.4 * np.sin(x / (4 + 3 * c)) * np.cos(y / 7) for c in range(channels)]
    clean = np.stack(planes, axis=-1)
    return as_dtype(clean + rng.normal(0, noise, clean.shape), dtype), as_dtype(clean, dtype)


def theirs(a, b, **options):
    white = WHITE[str(a.dtype)]
    # In float64: their float32 path rounds to single precision throughout.
    return structural_similarity(
        a.astype(np.float64),
        b.astype(np.float64),
        data_range=white,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        **options,
    )


def padded_by_the_formula(a, b, white):
    """Five filters in float64 over the reflected picture: torchmetrics' form."""
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps /= taps.sum()

    def blur(plane):
        return correlate1d(correlate1d(plane, taps, 0, mode="mirror"), taps, 1, mode="mirror")

    scores = []
    for x, y in zip(np.moveaxis(a / white, -1, 0), np.moveaxis(b / white, -1, 0), strict=True):
        mx, my = blur(x), blur(y)
        vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
        light = (2 * mx * my + 1e-4) / (mx * mx + my * my + 1e-4)
        scores.append(light * (2 * cov + 9e-4) / (vx + vy + 9e-4))
    return np.stack(scores, axis=-1)


@pytest.mark.parametrize("dtype", WHITE)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_it_is_the_gaussian_form_of_scikit_image(rng, dtype, channels):
    a, b = practice_pair(rng, dtype, channels=channels)
    assert SSIM()(a, b) == pytest.approx(theirs(a, b), abs=1e-6)


@pytest.mark.parametrize("size", [(11, 11), (12, 300), (64, 11), (139, 1500)])
def test_it_agrees_at_sizes_around_its_bands_and_tiles(rng, size):
    a, b = practice_pair(rng, size=size)
    assert SSIM()(a, b) == pytest.approx(theirs(a, b), abs=1e-6)


def test_it_agrees_on_photographs(shared_data):
    for name in ("11.png", "12.png"):
        folder = shared_data("restore/kodak24")
        path = sorted(folder.iterdir())[int(name[:2]) - 11]
        photo = cv2.imread(str(path))
        coded = cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1)
        assert SSIM()(coded, photo) == pytest.approx(theirs(coded, photo), abs=1e-6)


def test_dark_and_bright_pictures_keep_their_digits(rng):
    for level in (0.002, 0.998):
        clean = np.full((60, 60, 1), level) + rng.normal(0, 4e-4, (60, 60, 1))
        a, b = (
            as_dtype(clean + rng.normal(0, 4e-4, clean.shape), "uint16"),
            as_dtype(clean, "uint16"),
        )
        assert SSIM()(a, b) == pytest.approx(theirs(a, b), abs=1e-6)


@pytest.mark.parametrize("dtype", WHITE)
def test_the_padded_form_and_the_map_follow_the_formula_with_reflected_borders(rng, dtype):
    a, b = practice_pair(rng, dtype)
    expected = padded_by_the_formula(a, b, WHITE[dtype])
    found = SSIM().map(a, b)
    assert found.shape == a.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert SSIM(border="padded")(a, b) == pytest.approx(expected.mean(), abs=1e-6)
    assert SSIM()(a, b) == pytest.approx(expected[5:-5, 5:-5].mean(), abs=1e-6)


def test_flat_pictures_are_scored_by_their_light():
    a, b = np.full((20, 20, 1), 0.2, np.float32), np.full((20, 20, 1), 0.6, np.float32)
    assert SSIM()(a, a) == 1.0
    light = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert SSIM()(a, b) == pytest.approx(light, abs=1e-5)
    black = np.zeros((20, 20, 1), np.uint8)
    assert SSIM()(black, black) == 1.0


def test_a_negative_scores_below_zero(rng):
    a = (0.5 + 0.4 * rng.standard_normal((50, 50)).clip(-1, 1)).astype(np.float32)
    assert SSIM()(1 - a, a) < -0.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["valid", "padded"]))
def test_it_is_symmetric_bounded_and_blind_to_mirrors(seed, border):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(11, 40, 2))
    a, b = (rng.integers(0, 256, (*size, 2), dtype=np.uint8) for _ in range(2))
    metric = SSIM(border=border)
    score = metric(a, b)
    assert -1.0 <= score <= 1.0
    assert metric(b, a) == pytest.approx(score, abs=1e-6)
    assert metric(a[::-1, ::-1], b[::-1, ::-1]) == pytest.approx(score, abs=1e-6)
    assert metric(a, a) == 1.0


def test_the_range_may_be_stated(rng):
    a, b = practice_pair(rng, "float32")
    stated = SSIM(data_range=8.0)(8 * a, 8 * b)
    assert stated == pytest.approx(SSIM()(a, b), abs=1e-6)


def test_what_the_window_does_not_fit_is_refused():
    small = np.zeros((40, 10, 3), np.uint8)
    with pytest.raises(ShapeError, match="at least 11 px, got 10 x 40"):
        SSIM()(small, small)
    broken = np.zeros((20, 20, 3), np.float32)
    broken[0, 0, 0] = np.nan
    with pytest.raises(RangeError, match="NaN"):
        SSIM().map(broken, broken)
