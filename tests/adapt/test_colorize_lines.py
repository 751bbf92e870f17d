"""Coloring line drawings: areas, lines, palettes, and a generator that was never taught."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from skimage import color as skimage_color

from sfumato.adapt import ColorizeLines, ControlNet
from sfumato.adapt.line_painter import LinePainter, _small_hint
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import SpecError

RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.2, 0.9)


@pytest.fixture
def drawing() -> np.ndarray:
    page = np.full((120, 160, 1), 245, np.uint8)
    cv2.circle(page, (80, 60), 40, 10, 3)
    return page


@pytest.fixture(scope="module")
def adapter(tmp_path_factory) -> str:
    torch.manual_seed(0)
    method = ControlNet(base=ControlNet.example_base(), hint_widths=(8,))
    for parameter in method.adapter.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    folder = tmp_path_factory.mktemp("adapter") / "lines"
    method.save(folder)
    return str(folder)


def test_without_weights_the_palette_fills_the_areas_and_lines_stay(drawing):
    out = ColorizeLines(palette=(BLUE, RED))(Sample(drawing))
    np.testing.assert_allclose(out.image[5, 5] / 255, BLUE, atol=0.01)
    np.testing.assert_allclose(out.image[60, 80] / 255, RED, atol=0.01)
    assert out.image[60, 120].max() < 10, "the line is black"
    assert out.image.shape == (120, 160, 3)
    assert [r["touches_border"] for r in out.meta["regions"]] == [True, False]
    assert out.mask[60, 80] == out.meta["regions"][1]["label"]


def test_a_generator_gives_every_area_one_color_without_shading(drawing, adapter):
    operator = ColorizeLines(
        weights=adapter, prompt="a red circle", shading=0.0, steps=3, side_px=32
    )
    out = operator(Sample(drawing), 0)
    np.testing.assert_array_equal(out.image[5, 5], out.image[110, 150])
    listed = out.meta["regions"]
    np.testing.assert_allclose(out.image[60, 80] / 255, listed[1]["color"], atol=0.01)
    again = operator(Sample(drawing), 0)
    np.testing.assert_array_equal(out.image, again.image)
    assert (operator(Sample(drawing), 1).image != out.image).any()


def test_shading_keeps_what_was_painted(drawing, adapter):
    out = ColorizeLines(weights=adapter, shading=1.0, steps=3, side_px=32)(Sample(drawing), 0)
    assert np.ptp(out.image[:15, :40].astype(int)) > 2


def test_a_palette_bounds_the_colors_of_the_generator(drawing, adapter):
    operator = ColorizeLines(weights=adapter, palette=(RED, BLUE), shading=0.0, steps=3, side_px=32)
    listed = operator(Sample(drawing), 0).meta["regions"]
    for region in listed:
        assert min(np.abs(np.subtract(region["color"], c)).max() for c in (RED, BLUE)) < 1e-3


def test_the_prompt_is_followed_as_strongly_as_asked(drawing, adapter):
    def colors(**more):
        operator = ColorizeLines(weights=adapter, prompt="red", steps=3, side_px=32, **more)
        return [r["color"] for r in operator(Sample(drawing), 0).meta["regions"]]

    assert colors(guidance=1.0) != colors(guidance=20.0)


@pytest.fixture
def painted(monkeypatch) -> np.ndarray:
    """A generator that paints each half of the page in its own color, with grain."""
    rng = np.random.default_rng(0)
    picture = np.empty((60, 80, 3), np.float32)
    picture[:, :40], picture[:, 40:] = (0.7, 0.4, 0.5), (0.3, 0.5, 0.4)
    picture += rng.normal(0, 0.02, picture.shape).astype(np.float32)
    monkeypatch.setattr(ColorizeLines, "_painted", lambda self, ink, rng: picture)
    return picture


@pytest.fixture
def halves() -> np.ndarray:
    page = np.full((60, 80, 1), 245, np.uint8)
    page[:, 39:42] = 10
    return (page / np.float32(255)).astype(np.float32)


def test_shading_is_in_proportion_and_follows_what_was_painted(painted, halves):
    flat, half, full = (ColorizeLines(shading=s)(Sample(halves)).image for s in (0.0, 0.5, 1.0))
    inside = (slice(5, 55), slice(5, 30))
    np.testing.assert_allclose((full - flat)[inside], 2 * (half - flat)[inside], atol=1e-5)
    light = painted.mean(axis=2)[inside]
    shade = (full - flat)[inside][..., 0]
    assert np.corrcoef(shade.ravel(), light.ravel())[0, 1] > 0.9


def test_the_color_of_an_area_is_that_of_its_core(painted, halves):
    painted[:, 34:45] = (1.0, 1.0, 0.0)  # bled over the line, as generators do
    painted[:8], painted[-8:] = (1.0, 1.0, 0.0), (1.0, 1.0, 0.0)
    listed = ColorizeLines(shading=0.0)(Sample(halves)).meta["regions"]
    left = next(r for r in listed if r["box"][0] == 0)
    np.testing.assert_allclose(left["color"], (0.7, 0.4, 0.5), atol=0.03)


def test_the_nearest_color_is_the_nearest_to_the_eye(painted, halves):
    # In numbers the first color is nearer to the left half, in Lab the second is.
    first, second = (0.7, 0.6, 0.4), (0.9, 0.5, 0.7)
    eye = skimage_color.rgb2lab(np.array([[(0.7, 0.4, 0.5), first, second]]))[0]
    assert np.linalg.norm(eye[1] - eye[0]) > np.linalg.norm(eye[2] - eye[0])
    assert np.linalg.norm(np.subtract(first, (0.7, 0.4, 0.5))) < np.linalg.norm(
        np.subtract(second, (0.7, 0.4, 0.5))
    )
    operator = ColorizeLines(palette=(first, second), shading=0.0)
    left = next(r for r in operator(Sample(halves)).meta["regions"] if r["box"][0] == 0)
    assert left["color"] == second


def test_thin_lines_stay_in_a_small_hint():
    ink = np.zeros((256, 512), np.float32)
    ink[101] = ink[:, 333] = 1.0
    small = _small_hint(ink, 64, 8)
    assert small.shape == (32, 64)
    # As thick as one small pixel, and half of it at least in the same row everywhere.
    assert small.max(axis=0).min() >= 0.5
    assert small.max(axis=1).min() >= 0.5
    assert small.sum() == pytest.approx(32 + 64, rel=0.05)


def test_a_small_drawing_is_painted_as_large_as_the_generator_was_taught():
    assert _small_hint(np.zeros((21, 30), np.float32), 64, 8).shape == (48, 64)
    assert _small_hint(np.zeros((3, 30), np.float32), 64, 8).shape == (8, 64)


def test_a_page_without_lines_is_one_area(adapter):
    out = ColorizeLines(palette=(RED,))(Sample(np.full((40, 50, 3), 250, np.uint8)))
    assert len(out.meta["regions"]) == 1


def test_weights_that_are_no_adapter_are_refused(drawing, tmp_path):
    ControlNet.example_base().save(tmp_path / "base")
    with pytest.raises(SpecError, match="no adapter"):
        ColorizeLines(weights=str(tmp_path / "base"))(Sample(drawing), 0)


@pytest.fixture
def painting(drawing, monkeypatch):
    """A generator whose picture of the drawing is known: what the test gives."""

    def show(picture, **settings):
        monkeypatch.setattr(ColorizeLines, "_painted", lambda self, ink, rng: np.float32(picture))
        return ColorizeLines(weights="known", **settings)(Sample(drawing))

    return show


def test_a_shape_that_was_painted_too_small_still_gets_its_color(painting):
    picture = np.full((120, 160, 3), BLUE)
    cv2.circle(picture, (80, 60), 14, RED, -1)  # in the middle half of the circle: 49 % of it
    listed = painting(picture, shading=0.0).meta["regions"]
    np.testing.assert_allclose(listed[0]["color"], BLUE, atol=1e-3)
    np.testing.assert_allclose(listed[1]["color"], RED, atol=1e-3)


def test_no_color_is_mixed_of_two_that_were_painted(painting):
    picture = np.full((120, 160, 3), BLUE)
    picture[:, 70:] = (0.9, 0.8, 0.1)
    picture[:, 95:] = RED
    color = painting(picture, shading=0.0).meta["regions"][1]["color"]
    assert min(np.abs(np.subtract(color, c)).max() for c in (BLUE, RED, (0.9, 0.8, 0.1))) < 1e-3


def test_a_horizon_that_is_not_in_the_drawing_leaves_no_shade(painting):
    sky = np.float32(BLUE) + np.linspace(0.0, 0.1, 120, dtype=np.float32)[:, None, None]
    picture = np.broadcast_to(sky, (120, 160, 3)).copy()
    plain = painting(picture, shading=1.0).image
    picture[80:, :, :] = (0.2, 0.6, 0.2)
    shown = painting(picture, shading=1.0).image
    slope = plain[:, 5].astype(int)
    assert np.ptp(slope[:, 0]) > 15, "the slope of the sky is kept"
    assert np.abs(shown[:, 5].astype(int) - slope).max() <= 6, "and goes on below the horizon"


def test_an_adapter_may_be_named_beside_its_base(drawing):
    painter = LinePainter(weights="lines", base="scenes")
    named = ColorizeLines(weights=painter, prompt="a red circle", steps=2)
    plain = ColorizeLines(weights="scenes-lines", prompt="a red circle", steps=2)
    np.testing.assert_array_equal(named(Sample(drawing), 3).image, plain(Sample(drawing), 3).image)


def test_it_goes_to_another_process_without_its_networks(drawing, adapter):
    operator = ColorizeLines(weights=adapter, steps=1, side_px=16)
    first = operator(Sample(drawing), 0).image
    text = pickle.dumps(operator)
    assert len(text) < 2000
    again = pickle.loads(text)
    assert again == operator
    np.testing.assert_array_equal(again(Sample(drawing), 0).image, first)


def test_gaps_do_not_leak_where_they_are_small_for_the_drawing():
    page = np.full((600, 800, 1), 245, np.uint8)
    cv2.ellipse(page, (400, 300), (200, 200), 0, 0, 356, 10, 5)  # open by 9 px
    assert len(ColorizeLines()(Sample(page)).meta["regions"]) == 2
    assert len(ColorizeLines(gap_px=3)(Sample(page)).meta["regions"]) == 1
