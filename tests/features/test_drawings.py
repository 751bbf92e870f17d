"""Line drawings, soft edges and scribbles: known pictures, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import RangeError, ShapeError
from sfumato.features import CleanLines, LineDrawing, Scribble, SoftEdges


def disc(size: int = 96, radius: float = 30.0, inside: float = 0.8) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return (inside * (np.hypot(x, y) < radius)).astype(np.float32)[..., None]


def test_a_line_drawing_of_white_paper_is_white():
    assert (LineDrawing()(np.full((20, 20, 3), 255, np.uint8)) == 255).all()


def test_a_line_drawing_follows_the_published_formula():
    rng = np.random.default_rng(0)
    grey = rng.random((24, 30, 1), np.float32)
    border = cv2.BORDER_REFLECT_101
    inner, outer = (
        cv2.GaussianBlur(grey.astype(np.float64), (0, 0), s, borderType=border) for s in (2.0, 3.2)
    )
    sharp = 8.0 * inner - 7.0 * outer
    wanted = np.where(sharp >= 0.5, 1.0, 1.0 + np.tanh(4.0 * (sharp - 0.5)))
    drawn = LineDrawing(sigma=2.0, sharpening=7.0, threshold=0.5, softness=4.0, shade=1.0)(grey)
    np.testing.assert_allclose(drawn[..., 0], wanted, atol=2e-5)


def test_a_dark_area_stays_paper_unless_shade_is_asked_for():
    dark = np.full((30, 30, 1), 20, np.uint8)
    assert (LineDrawing()(dark) == 255).all()
    assert (LineDrawing(shade=1.0)(dark) < 10).all()


def test_an_inverted_drawing_is_the_negative():
    picture = disc()
    drawn = LineDrawing()(picture)
    np.testing.assert_allclose(LineDrawing(inverted=True)(picture), 1.0 - drawn, atol=1e-6)


def test_soft_edges_are_where_the_disc_ends():
    soft = SoftEdges()(disc())[..., 0]
    y, x = np.mgrid[:96, :96] - 47.5
    off = np.abs(np.hypot(x, y) - 30.0)
    assert soft[off < 1].min() > 0.8
    assert soft[off > 20].max() < 0.02


def test_soft_edges_count_a_step_alike_at_every_scale():
    step = np.zeros((8, 200, 1), np.float32)
    step[:, 100:] = 0.6
    for sigma in (1.5, 3.0, 6.0):
        peak = SoftEdges(sigmas=(sigma,), gamma=1.0, white_percentile=100.0, faintest=1.0)(step)
        # The peak of sigma times a Gaussian's slope is contrast / sqrt(2 pi).
        np.testing.assert_allclose(peak.max(), 0.6 / np.sqrt(2 * np.pi), rtol=0.05)


def test_a_flat_picture_has_no_edges_and_no_scribble():
    flat = np.full((40, 40, 3), 90, np.uint8)
    assert not SoftEdges()(flat).any()
    assert not Scribble()(flat, 0).any()


def test_a_scribble_without_wobble_lies_on_the_outline():
    drawn = Scribble(wobble_px=0.0, pen_px=1, sigma=1.0)(disc(), 0)[..., 0]
    y, x = np.nonzero(drawn > 0.5)
    off = np.hypot(x - 47.5, y - 47.5) - 30.0
    assert len(x) > 150
    assert np.abs(off).max() < 1.5


def test_a_scribble_wobbles_by_what_is_asked():
    y, x = np.mgrid[:400, :400] - 199.5
    large = (np.hypot(x, y) < 150).astype(np.float32)[..., None]
    drawn = Scribble(wobble_px=4.0, pen_px=1)(large, 1)[..., 0]
    rows, columns = np.nonzero(drawn > 0.5)
    off = np.hypot(columns - 199.5, rows - 199.5) - 150.0
    assert 2.0 < off.std() < 6.0


def test_short_contours_are_left_out_of_a_scribble():
    picture = disc(radius=3.0)
    assert not Scribble(shortest_px=60.0, sigma=1.0)(picture, 0).any()
    assert Scribble(shortest_px=5.0, sigma=1.0)(picture, 0).any()


def page(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A drawing on unevenly lit paper with grain and dirt, and where its ink is."""
    ink = np.zeros((160, 200), np.uint8)
    cv2.circle(ink, (100, 80), 50, 255, 3)
    cv2.line(ink, (10, 20), (60, 140), 255, 3)
    light = np.linspace(0.55, 0.95, 200)[None] * np.linspace(1.0, 0.85, 160)[:, None]
    shown = light * (1.0 - 0.75 * ink / 255) + rng.normal(0, 0.008, ink.shape)
    shown[150, 150] = shown[30:32, 180] = 0.2
    return (np.clip(shown, 0, 1) * 255).astype(np.uint8)[..., None], ink > 127


def test_uneven_paper_gets_white_and_its_lines_stay():
    picture, ink = page(np.random.default_rng(0))
    found = CleanLines().ink(picture) > 0.5
    assert (found & ink).sum() > 0.97 * ink.sum()
    assert (found & ~ink).sum() < 0.03 * ink.sum()
    far = cv2.dilate(ink.astype(np.uint8), np.ones((7, 7))) == 0
    assert (CleanLines()(picture)[far] == 255).all(), "dirt or grain is left on the paper"


def test_a_gap_of_two_pixels_is_bridged_and_one_of_ten_is_not():
    for gap, closed in ((2, True), (10, False)):
        sheet = np.full((40, 120, 1), 240, np.uint8)
        sheet[19:22, 5:60] = 20
        sheet[19:22, 60 + gap : 115] = 20
        ink = CleanLines(bridge_px=2).ink(sheet)
        assert (ink[20, 60 : 60 + gap].min() > 0.5) == closed


def test_clean_paper_without_lines_stays_clean():
    assert (CleanLines()(np.full((50, 50, 3), 200, np.uint8)) == 255).all()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 99), channels=st.sampled_from([1, 3]))
def test_dtypes_agree_and_a_hint_leaves_the_image(seed, channels):
    codes = np.random.default_rng(seed).integers(0, 256, (23, 31, channels), np.uint8)
    unit = (codes / np.float32(255)).astype(np.float32)
    for operator in (LineDrawing(into="hint"), SoftEdges(into="hint"), CleanLines(into="hint")):
        of_codes, of_unit = operator(Sample(codes)), operator(Sample(unit))
        assert type(operator)(into="image")(codes).shape == codes.shape
        np.testing.assert_array_equal(of_codes.image, codes)
        assert of_codes.hint.shape == (23, 31, 1)
        np.testing.assert_allclose(of_codes.hint / 255.0, of_unit.hint, atol=0.6 / 255)


def test_alpha_and_nan_are_refused():
    for operator in (LineDrawing(), SoftEdges(), CleanLines(), Scribble()):
        with pytest.raises(ShapeError, match="1 or 3 channels"):
            operator(np.zeros((8, 8, 4), np.uint8))
        with pytest.raises(RangeError, match="NaN"):
            operator(np.full((8, 8, 1), np.nan, np.float32))
