"""Polygons and back: exact along pixel sides, exact areas, and stated tolerance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.raster.mask_polygon import Polygon, fill_polygons, polygons_of

MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))
CONNECTIVITY = st.sampled_from([4, 8])


def area(ring):
    x, y = ring.T
    return float(x @ np.roll(y, -1) - np.roll(x, -1) @ y) / 2


def distance_to_ring(ring, points):
    """Give the distance of each point to the nearest side."""
    ends, starts = np.roll(ring, -1, axis=0), ring
    along = ends - starts
    away = points[:, None] - starts
    t = np.clip((away * along).sum(-1) / (along**2).sum(-1), 0, 1)
    return np.linalg.norm(away - t[..., None] * along, axis=-1).min(axis=1)


@settings(deadline=None)
@given(MASKS, CONNECTIVITY)
def test_a_mask_comes_back_from_its_polygons(mask, connectivity):
    polygons = polygons_of(mask, connectivity=connectivity)
    np.testing.assert_array_equal(fill_polygons(polygons, mask.shape), mask)
    shares = fill_polygons(polygons, mask.shape, soft=True)
    np.testing.assert_array_equal(shares, mask)


@settings(deadline=None)
@given(MASKS, CONNECTIVITY)
def test_there_is_one_polygon_a_part_and_one_hole_a_gap(mask, connectivity):
    square = np.ones((3, 3))
    labels, count = ndimage.label(mask, square if connectivity == 8 else None)
    gaps = ndimage.label(
        np.pad(~mask, 1, constant_values=True), None if connectivity == 8 else square
    )
    polygons = polygons_of(mask, connectivity=connectivity)
    assert len(polygons) == count
    assert sum(len(p.holes) for p in polygons) == gaps[1] - 1
    sizes = sorted(area(p.outline) + sum(area(hole) for hole in p.holes) for p in polygons)
    assert sizes == sorted(np.bincount(labels.ravel())[1:].tolist())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 4))
def test_simplified_outlines_change_only_what_is_that_close(seed, tolerance):
    noise = np.random.default_rng(seed).standard_normal((40, 50))
    mask = ndimage.gaussian_filter(noise, 2.5) > 0
    exact, simple = polygons_of(mask), polygons_of(mask, simplify_px=tolerance)
    assert sum(len(p.outline) for p in simple) <= sum(len(p.outline) for p in exact)
    changed = np.argwhere(fill_polygons(simple, mask.shape) != mask)[:, ::-1]
    rings = [ring for p in exact for ring in (p.outline, *p.holes)]
    if len(changed):
        away = np.min([distance_to_ring(ring, changed) for ring in rings], axis=0)
        assert away.max() <= tolerance + 1e-6


def test_a_smooth_shape_needs_few_points():
    y, x = np.mgrid[:200, :200]
    mask = (x - 100) ** 2 + (y - 90) ** 2 < 70**2
    [polygon] = polygons_of(mask, simplify_px=1.0)
    assert len(polygon.outline) < 40
    assert (fill_polygons([polygon], mask.shape) != mask).mean() < 0.02


def exact_share(triangle, row, column, steps=400):
    """Count points of a fine grid in one pixel."""
    t = (np.arange(steps) + 0.5) / steps - 0.5
    x, y = np.meshgrid(column + t, row + t)
    signs = []
    for a, b in zip(triangle, np.roll(triangle, -1, axis=0), strict=True):
        signs.append((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0)
    return (np.all(signs, axis=0) | ~np.any(signs, axis=0)).mean()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-3, 9), min_size=6, max_size=6), st.integers(0, 5), st.integers(0, 6))
def test_soft_shares_are_the_covered_areas(numbers, row, column):
    triangle = np.reshape(numbers, (3, 2))
    assume(abs(area(triangle)) > 1e-3)
    shares = fill_polygons([triangle], (6, 7), soft=True)
    np.testing.assert_allclose(shares[row, column], exact_share(triangle, row, column), atol=5e-3)
    np.testing.assert_array_equal(fill_polygons([triangle[::-1]], (6, 7), soft=True), shares)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 20)), min_size=3, max_size=3))
def test_the_shares_add_up_to_the_area(corners):
    triangle = np.array(corners)
    shares = fill_polygons([triangle], (21, 31), soft=True)
    np.testing.assert_allclose(shares.sum(dtype=np.float64), abs(area(triangle)), atol=2e-4)


def test_a_center_on_a_side_belongs_to_one_neighbor_only():
    left, right = (
        np.array([[0, 0], [2, 0], [2, 3], [0, 3.0]]),
        np.array([[2, 0], [4, 0], [4, 3], [2, 3.0]]),
    )
    a, b = (fill_polygons([ring], (5, 6)) for ring in (left, right))
    assert not (a & b).any()
    np.testing.assert_array_equal(a | b, fill_polygons([left, right], (5, 6)))
    assert (a | b).sum() == 12
    assert a[0, 0]
    assert not b[:, 4].any()


def test_far_and_huge_polygons_are_cut_to_the_picture():
    everything = np.array([[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]])
    for soft in (False, True):
        assert (fill_polygons([everything], (4, 5), soft=soft) == 1).all()
        assert not fill_polygons([everything + 4e9], (4, 5), soft=soft).any()
        assert not fill_polygons([], (4, 5), soft=soft).any()


def test_holes_are_taken_out_and_crossing_rings_have_no_gaps():
    outer = np.array([[-0.5, -0.5], [6.5, -0.5], [6.5, 6.5], [-0.5, 6.5]])
    inner = np.array([[1.5, 1.5], [4.5, 1.5], [4.5, 4.5], [1.5, 4.5]])
    mask = fill_polygons([Polygon(outer, (inner,))], (7, 7))
    assert mask.sum() == 49 - 9
    turn = np.arange(5) * 2 * 2 * np.pi / 5
    star = 20 + 15 * np.column_stack([np.sin(turn), -np.cos(turn)])
    for soft in (False, True):
        assert fill_polygons([star], (41, 41), soft=soft)[20, 20] == 1


def test_what_is_no_polygon_is_refused():
    with pytest.raises(ShapeError, match=r"np.reshape\(flat"):
        fill_polygons([np.array([0, 0, 1, 1, 2, 0])], (4, 4))
    with pytest.raises(ShapeError, match="k >= 3"):
        fill_polygons([np.array([[0, 0], [1, 1]])], (4, 4))
    with pytest.raises(RangeError, match="not finite"):
        fill_polygons([np.array([[0, 0], [1, 1], [np.nan, 3]])], (4, 4))
    with pytest.raises(DtypeError, match="two numbers"):
        fill_polygons([[["a", "b"]] * 3], (4, 4))
    with pytest.raises(RangeError, match="size"):
        fill_polygons([], (0, 4))
    with pytest.raises(DtypeError, match="height, width"):
        fill_polygons([], (1.5, 4))
    with pytest.raises(DtypeError, match="soft mask"):
        polygons_of(np.float32([[0.5]]))
    with pytest.raises(RangeError, match="simplify_px"):
        polygons_of(np.ones((2, 2), bool), simplify_px=-1)
    with pytest.raises(RangeError, match="connectivity"):
        polygons_of(np.ones((2, 2), bool), connectivity=6)
