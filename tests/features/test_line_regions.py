"""Areas between lines: drawings whose areas are known."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError, ShapeError
from sfumato.features import line_regions


def ring(gap: float = 0.0) -> np.ndarray:
    ink = np.zeros((100, 120), np.uint8)
    cv2.ellipse(ink, (60, 50), (30, 30), 0, gap / 2, 360 - gap / 2, 255, 2)
    return ink > 0


def test_a_ring_has_an_inside_and_an_outside():
    labels, (outside, inside) = line_regions(ring())
    assert labels[50, 60] == inside.label == 2
    assert labels[2, 2] == outside.label == 1
    assert outside.touches_border
    assert not inside.touches_border
    assert abs(inside.area_px - np.pi * 30**2) < 0.06 * np.pi * 30**2
    assert outside.area_px + inside.area_px == labels.size


def test_every_pixel_gets_a_label_and_lines_belong_to_a_neighbour():
    labels, regions = line_regions(ring())
    assert set(np.unique(labels)) == {r.label for r in regions}


def test_a_small_gap_does_not_leak_and_a_large_one_does():
    # 5 degrees of a radius of 30 are 2.6 pixels, 40 degrees are 21.
    assert len(line_regions(ring(5.0), gap_px=6)[1]) == 2
    assert len(line_regions(ring(40.0), gap_px=6)[1]) == 1


def test_an_unclosed_line_makes_no_areas():
    ink = np.zeros((50, 50), bool)
    ink[25, 10:40] = True
    labels, regions = line_regions(ink)
    assert len(regions) == 1
    assert (labels == 1).all()


def test_the_inside_point_lies_inside_a_crescent():
    ink = np.zeros((100, 100), np.uint8)
    cv2.circle(ink, (50, 50), 40, 255, 2)
    cv2.circle(ink, (62, 50), 30, 255, 2)
    labels, regions = line_regions(ink > 0, gap_px=2)
    assert len(regions) >= 3
    for region in regions:
        x, y = region.inside
        assert labels[y, x] == region.label
        x0, y0, x1, y1 = region.box
        assert x0 <= x <= x1
        assert y0 <= y <= y1


def test_regions_come_largest_first():
    areas = [r.area_px for r in line_regions(ring())[1]]
    assert areas == sorted(areas, reverse=True)


def test_a_page_full_of_ink_has_no_area():
    labels, regions = line_regions(np.ones((10, 10), bool))
    assert regions == ()
    assert not labels.any()


def test_the_input_is_left_alone_and_bad_input_refused():
    ink = ring()
    before = ink.copy()
    line_regions(ink)
    np.testing.assert_array_equal(ink, before)
    with pytest.raises(ShapeError, match=r"\(h, w\)"):
        line_regions(np.zeros((4, 4, 3)))
    with pytest.raises(RangeError, match="from 0 on"):
        line_regions(ink, gap_px=-1)


def test_areas_that_the_ball_is_too_large_for_are_found_by_smaller_ones():
    ink = np.zeros((200, 300), np.uint8)
    cv2.circle(ink, (150, 100), 80, 1, 3)
    cv2.circle(ink, (110, 80), 9, 1, 3)  # an eye that a ball of 24 px does not fit into
    ink[97:103, 225:235] = 0  # and a gap that it does not go through
    assert len(line_regions(ink, gap_px=3)[1]) == 2, "the gap leaks: the eye and all the rest"
    labels, regions = line_regions(ink, gap_px=24)
    assert len(regions) == 3
    assert labels[80, 110] == 3
    assert labels[100, 150] == 2
