"""Clean lines in numbers: each constant of the method seen in a page that was made for it."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.features import CleanLines


def page(paper: float = 240, size: tuple[int, int] = (100, 120)) -> np.ndarray:
    return np.full((*size, 1), paper, np.uint8)


def test_inverted_lines_are_the_negative():
    sheet = page()
    sheet[40:43] = 30
    np.testing.assert_array_equal(CleanLines(inverted=True)(sheet), 255 - CleanLines()(sheet))


def test_paper_in_strong_shadow_is_white_too():
    light = np.linspace(80, 250, 240)
    sheet = np.broadcast_to(light[None, :, None], (200, 240, 1)).astype(np.uint8).copy()
    sheet[99:102, 20:-20] //= 4
    clean = CleanLines()(sheet)[..., 0]
    assert (clean[100, 30:-30] < 60).all()
    assert (clean[:90] == 255).all()
    assert (clean[110:] == 255).all()


def test_shades_follow_the_darkest_ink():
    # One line in eight is black, the others have 0.4 of its darkness: 4 (0.4 - 0.35) + 0.5 = 0.7.
    sheet = page(200, (180, 120))
    for k in range(8):
        sheet[10 + 20 * k : 13 + 20 * k] = 0 if k == 3 else 200 * 0.6
    ink = CleanLines().ink(sheet)
    np.testing.assert_allclose(ink[71], 1.0)
    np.testing.assert_allclose(ink[[11, 31, 51, 91]], 0.7, atol=0.02)
    steep = CleanLines(steepness=2.0, threshold=0.5).ink(sheet)
    np.testing.assert_allclose(steep[11], 2 * (0.4 - 0.5) + 0.5, atol=0.02)


def test_the_grain_of_good_paper_is_no_ink():
    grain = np.random.default_rng(0).integers(199, 201, (60, 60, 1)).astype(np.uint8)
    assert CleanLines(smallest_px=0).ink(grain).max() < 0.2


@pytest.mark.parametrize("gap", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("way", ["flat", "upright", "down", "up"])
def test_gaps_of_every_direction_are_bridged(gap, way):
    sheet = page(size=(90, 90))
    sheet[44:47] = 20
    if way in ("down", "up"):
        sheet = page(size=(90, 90))
        for k in range(-1, 2):
            rows = np.arange(1, 89)
            sheet[rows, np.clip(rows + k, 0, 89)] = 20
    middle = np.zeros((90, 90), bool)
    middle[:, 45 : 45 + gap] = True
    sheet[middle] = 240
    turned = {"flat": sheet, "upright": sheet.transpose(1, 0, 2), "up": sheet[::-1]}
    sheet, middle = turned.get(way, sheet), {"upright": middle.T}.get(way, middle)
    sheet = np.ascontiguousarray(sheet)
    pieces = []
    for bridge in (gap, 0):
        ink = CleanLines(bridge_px=bridge, smallest_px=0).ink(sheet)
        count, *_ = cv2.connectedComponents((ink > 0.5).astype(np.uint8))
        pieces.append(count - 1)
    assert pieces == [1, 2]


def test_specks_are_measured_in_pixels():
    sheet = page()
    sheet[20:23, 20:24] = 20  # 12 pixels
    sheet[60, 60:71] = 20  # 11 pixels
    sheet[80:83, 10:110] = 20
    ink = CleanLines(smallest_px=12, bridge_px=0).ink(sheet)
    assert (ink[20:23, 20:24] == 1).all()
    assert not ink[60].any()
    assert CleanLines(smallest_px=0, bridge_px=0).ink(sheet)[60, 60:71].all()


def test_faint_lines_reach_the_border_of_the_page():
    sheet = page()
    sheet[50:53] = 150
    sheet[:, 30:33] = 150
    ink = CleanLines().ink(sheet)
    assert (ink[51] == 1).all()
    assert (ink[:, 31] == 1).all()
    assert not ink[[0, -1], :25].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3)])
def test_the_smallest_pages_are_paper(size):
    assert (CleanLines()(page(size=size)) == 255).all()
