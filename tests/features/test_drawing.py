"""Drawings show each place where it is, on copies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.errors import ShapeError
from sfumato.features.drawing import (
    GAP_PX,
    INLIER,
    MOST_LINES,
    OUTLIER,
    OUTLINE,
    draw_match,
    draw_outline,
    join_places,
)
from sfumato.features.template import TemplateMatch


def a_match(count=2, size=(40, 50), corners=((10, 10), (10, 60), (90, 60), (90, 10))):
    """Give a match whose places lie on a row, the last of them an outlier."""
    x = np.linspace(5, 45, count)
    points = np.stack([x, np.full(count, 20.0)], axis=1).astype(np.float32)
    inliers = np.arange(count) < count - 1
    corners = np.array(corners, float)
    return TemplateMatch(
        size, np.eye(3), corners, np.zeros(4), points, points + np.array([30, 10]), inliers, 0.0
    )


def grey(height, width, value=100):
    return np.full((height, width, 1), value, np.uint8)


def near(picture, color, tolerance=40):
    return (np.abs(picture.astype(int) - color) <= tolerance).all(axis=2)


def test_template_and_scene_stand_side_by_side():
    drawn = draw_match(grey(40, 50, 60), grey(80, 100, 120), a_match())
    assert drawn.shape == (80, 50 + GAP_PX + 100, 3)
    assert drawn.dtype == np.uint8
    assert (drawn[2, 2] == 60).all()
    assert (drawn[2, 50 + GAP_PX + 2] == 120).all()
    assert (drawn[70, 10] == drawn[2, 50 + GAP_PX // 2]).all()


def test_inliers_and_outliers_have_their_colours_at_both_ends():
    match, shift = a_match(), 50 + GAP_PX
    drawn = draw_match(grey(40, 50), grey(80, 100), match)
    for k, color in ((0, INLIER), (1, OUTLIER)):
        for x, y in (match.points_template[k], match.points_scene[k] + np.array([shift, 0])):
            around = drawn[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5]
            assert near(around, color).sum() >= 8
    without = draw_match(grey(40, 50), grey(80, 100), match, outliers=False)
    assert near(without, INLIER).any()
    assert not near(without, OUTLIER).any()


def test_the_outline_runs_through_the_corners():
    corners = np.array([(10, 10), (10, 60), (90, 60), (90, 10)])
    drawn = draw_outline(grey(80, 100), corners)
    rows, columns = np.nonzero(near(drawn, OUTLINE))
    assert 8 <= rows.min() <= 10 < 60 <= rows.max() <= 62
    assert 8 <= columns.min() <= 10 < 90 <= columns.max() <= 92
    assert not near(drawn, OUTLINE)[15:55, 15:85].any()
    for x, y in corners:
        assert near(drawn, OUTLINE)[y, x]


def test_a_line_is_centred_on_fractions_of_pixels():
    for offset in (0.0, 0.25, 0.5):
        ends = np.array([[-20.0, 10 + offset]]), np.array([[70.0, 10 + offset]])
        drawn = join_places(np.zeros((20, 40, 3), np.uint8), *ends, [(240, 240, 240)])
        column = drawn[:, 20, 0].astype(float)
        assert column @ np.arange(20) / column.sum() == pytest.approx(10 + offset, abs=0.12)


def test_corners_far_outside_do_no_harm():
    far = np.array([(-1e9, -1e9), (-1e9, 1e9), (1e9, 1e9), (1e9, -1e9)])
    assert draw_outline(grey(30, 40), far).shape == (30, 40, 3)


def test_of_very_many_matches_a_share_is_drawn():
    # So many outliers that all of their lines would hide the picture under one another.
    few, many = (draw_match(grey(40, 50), grey(80, 100), a_match(n)) for n in (5, 50_000))
    assert near(many, INLIER).sum() > near(few, INLIER).sum()
    assert MOST_LINES < 50_000


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    channels=st.sampled_from([1, 3, 4]),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    count=st.integers(1, 30),
)
def test_any_picture_gives_eight_bit_colour_and_stays_as_it_is(seed, channels, dtype, count):
    rng = np.random.default_rng(seed)
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    template, scene = (
        (rng.random((*size, channels)) * white).astype(dtype) for size in ((40, 50), (70, 90))
    )
    before = template.copy(), scene.copy()
    match = a_match(count)
    drawn, again = (draw_match(template, scene, match) for _ in range(2))
    assert drawn.dtype == np.uint8
    assert drawn.shape == (70, 50 + GAP_PX + 90, 3)
    np.testing.assert_array_equal(drawn, again)
    np.testing.assert_array_equal(template, before[0])
    np.testing.assert_array_equal(scene, before[1])


def test_refusals_say_what_came():
    with pytest.raises(ShapeError, match=r"\(30, 50\), the one that was found \(40, 50\)"):
        draw_match(grey(30, 50), grey(80, 100), a_match())
    with pytest.raises(ShapeError, match="got 2"):
        draw_outline(np.zeros((8, 8, 2), np.uint8), np.zeros((4, 2)))
    with pytest.raises(ShapeError, match=r"corners \(k, 2\), got \(4, 3\)"):
        draw_outline(grey(8, 8), np.zeros((4, 3)))
