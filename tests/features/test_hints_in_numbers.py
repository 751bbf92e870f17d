"""Scribbles, depth, normals and areas in numbers: pictures made for one constant each."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.features import Scribble, ShowDepth, ShowNormals, line_regions


def disc(x: float, y: float, radius: float, size: tuple[int, int]) -> np.ndarray:
    down, across = np.mgrid[: size[0], : size[1]]
    return (np.hypot(across - x, down - y) < radius).astype(np.float32)[..., None]


# Scribbles.


def test_a_scribble_lies_where_the_thing_is():
    drawn = Scribble(wobble_px=0.0)(disc(90, 35, 20, (80, 130)), 0)[..., 0]
    rows, columns = np.nonzero(drawn > 0.5)
    assert columns.mean() == pytest.approx(90, abs=0.5)
    assert rows.mean() == pytest.approx(35, abs=0.5)


@pytest.mark.parametrize("pen_px", [1, 3, 7])
def test_the_pen_is_as_wide_as_asked(pen_px):
    drawn = Scribble(wobble_px=0.0, pen_px=pen_px)(disc(64, 64, 40, (128, 128)), 0)[..., 0]
    width = drawn.sum() / (2 * np.pi * 40)
    assert width == pytest.approx(pen_px, abs=1.0)  # soft edges count


def test_closed_outlines_stay_closed_however_they_wobble():
    closed = 0
    for seed in range(6):
        drawn = Scribble(wobble_px=3.0)(disc(64, 64, 40, (128, 128)), seed)[..., 0]
        free = (drawn < 0.25).astype(np.uint8)
        _, labels = cv2.connectedComponents(free, connectivity=4)
        closed += int(labels[0, 0] != labels[64, 64])
    assert closed == 6


def test_details_below_sigma_are_left_out():
    picture = 0.8 * disc(64, 64, 50, (128, 128))
    picture[:, ::6] += 0.1
    picture[:, 1::6] += 0.1
    inside = (slice(50, 78), slice(50, 78))
    fine, coarse = (Scribble(sigma=s, wobble_px=0.0)(picture, 0)[inside] for s in (0.8, 5.0))
    assert fine.max() == 1
    assert not coarse.any()


# Depth.


def seen(depth: np.ndarray) -> Sample:
    return Sample(np.zeros((*depth.shape, 3), np.float32), depth=depth.astype(np.float32))


def test_nearness_is_stretched_from_black_to_white():
    depth = 1 / np.array([[0.25, 0.5, 1.0]])
    shown = ShowDepth(percentiles=(0, 100))(seen(depth)).hint[0, :, 0]
    np.testing.assert_allclose(shown, [0, 1 / 3, 1], atol=1e-6)


def test_what_lies_beyond_the_percentiles_is_black_or_white():
    near = np.linspace(1, 2, 101)[None]
    shown = ShowDepth(percentiles=(20, 70))(seen(1 / near)).hint[0, :, 0]
    np.testing.assert_allclose(shown, np.clip((near[0] - 1.2) / 0.5, 0, 1), atol=1e-4)


@pytest.mark.parametrize("size", [(20, 31), (21, 30)])
def test_normals_of_a_plane_are_exact_up_to_the_border(size):
    """Points of a plane differ by vectors within it, so no digit is lost to its perspective."""
    normal = np.array([0.5, -0.3, 1.0]) / np.linalg.norm([0.5, -0.3, 1.0])
    height, width = size
    focal = 0.5 * width / np.tan(np.radians(60) / 2)
    down, across = np.mgrid[:height, :width]
    rays = np.stack(
        [
            (across - (width - 1) / 2) / focal,
            -(down - (height - 1) / 2) / focal,
            -np.ones(size),
        ],
        axis=-1,
    )
    shown = ShowNormals(field_of_view_deg=60.0)(seen(-3.0 / (rays @ normal))).hint
    np.testing.assert_allclose(2 * shown - 1, np.broadcast_to(normal, rays.shape), atol=3e-4)


def test_the_sky_has_a_direction_too():
    depth = np.full((9, 9), 2.0)
    depth[:4] = np.inf
    shown = ShowNormals()(seen(depth)).hint
    assert np.isfinite(shown).all()
    np.testing.assert_allclose(shown[6:, 4], np.broadcast_to([0.5, 0.5, 1.0], (3, 3)), atol=1e-6)
    np.testing.assert_allclose(shown[:2, 4], np.broadcast_to([0.5, 0.5, 1.0], (2, 3)), atol=1e-6)


def test_smoothing_takes_grain_from_normals():
    depth = 2.0 + np.random.default_rng(0).normal(0, 0.01, (40, 40))
    rough, smooth = (
        np.abs(ShowNormals(sigma=s)(seen(depth)).hint[..., :2] - 0.5).mean() for s in (0.0, 2.0)
    )
    assert smooth < 0.2 * rough


# Areas.


def cell(width: int) -> np.ndarray:
    """A page of lines with one room, one pixel high."""
    ink = np.ones((9, width + 4), bool)
    ink[4, 2 : 2 + width] = False
    return ink


@pytest.mark.parametrize(("width", "found"), [(29, 0), (30, 1)])
def test_the_smallest_area_is_kept(width, found):
    _, regions = line_regions(cell(width), gap_px=0, smallest_px=30)
    assert len(regions) == found


@pytest.mark.parametrize(("gap", "areas"), [(3, 2), (5, 1)])
def test_a_ball_of_three_pixels_rolls_through_a_gap_of_five(gap, areas):
    ink = np.zeros((60, 60), bool)
    ink[30] = True
    ink[30, 28 : 28 + gap] = False
    assert len(line_regions(ink, gap_px=3)[1]) == areas


def test_the_border_of_the_page_is_no_line():
    # A strip of three pixels between a line and the border: the ball stands half outside.
    ink = np.zeros((40, 60), bool)
    ink[3] = True
    _, regions = line_regions(ink, gap_px=4)
    assert len(regions) == 2
    assert regions[1].box == (0, 0, 59, 3)


@pytest.mark.parametrize("left", [31, 40])
def test_the_pixel_inside_lies_in_the_middle_of_the_paper(left):
    # The area takes the ink around it, but a color is dropped onto paper.
    ink = np.ones((50, 70), bool)
    ink[11:20, left : left + 9] = False
    labels, (region,) = line_regions(ink, gap_px=0)
    assert region.inside == (left + 4, 15)
    assert region.area_px == labels.size


@pytest.mark.parametrize("center", [(0, 40), (79, 40), (40, 0), (40, 79)])
def test_an_area_at_any_one_side_touches_the_border(center):
    ink = np.zeros((80, 80), np.uint8)
    cv2.circle(ink, center, 20, 1, 2)
    cv2.circle(ink, (40, 40), 10, 1, 2)
    labels, regions = line_regions(ink > 0, gap_px=0)
    touching = {r.label: r.touches_border for r in regions}
    assert len(regions) == 3
    assert touching[labels[center[1], center[0]]]
    assert not touching[labels[40, 40]]


@pytest.mark.parametrize(("shade", "areas"), [(0.5, 1), (0.51, 2)])
def test_faint_ink_is_no_line(shade, areas):
    ink = np.zeros((50, 50), np.float32)
    cv2.circle(ink, (25, 25), 15, shade, 2)
    assert len(line_regions(ink)[1]) == areas
