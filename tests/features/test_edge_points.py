"""Points on edges as data: contours, selection, drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.errors import RangeError, ShapeError
from sfumato.features import EdgePoints
from sfumato.features._edge_chain import chain_points, contour_curvature


def ring(count=40, radius=10.0, center=(15.0, 16.0), size=(32, 32)):
    angle = np.arange(count) * 2 * np.pi / count
    x, y = center[0] + radius * np.cos(angle), center[1] + radius * np.sin(angle)
    rest = np.ones((4, count))
    return EdgePoints(
        x, y, -np.cos(angle), -np.sin(angle), *rest, np.array([0, count]), np.array([True]), size
    )


def test_the_arrays_are_its_own_and_cannot_be_written_to():
    x = np.zeros(3)
    edges = EdgePoints(x, *np.zeros((7, 3)), np.array([0, 3]), np.array([False]), (4, 4))
    x[0] = 9
    assert edges.x[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        edges.x[0] = 1


def test_contours_divide_the_points():
    edges = EdgePoints(
        np.arange(5.0), *np.zeros((7, 5)), np.array([0, 2, 5]), np.array([False, True]), (8, 8)
    )
    first, second = edges.contours()
    assert first.x.tolist() == [0, 1]
    assert second.x.tolist() == [2, 3, 4]
    assert second.closed.tolist() == [True]
    assert edges.contour.tolist() == [0, 0, 1, 1, 1]


@settings(deadline=None)
@given(drop=st.sets(st.integers(0, 39), max_size=39))
def test_selection_divides_a_contour_where_points_are_lost(drop):
    edges = ring()
    keep = np.ones(40, bool)
    keep[list(drop)] = False
    kept = edges.select(keep)
    np.testing.assert_array_equal(kept.x, edges.x[keep])
    runs = np.count_nonzero(np.diff(np.concatenate([[False], keep]).astype(int)) == 1)
    assert len(kept.closed) == runs
    assert kept.closed.any() == (not drop)


def test_a_gap_can_be_bridged_and_short_pieces_dropped():
    edges = ring()  # points 1.57 px apart
    keep = np.ones(40, bool)
    keep[[5, 20, 21]] = False
    assert len(edges.select(keep).closed) == 3
    bridged = edges.select(keep, bridge_px=3.2)
    assert np.diff(bridged.starts).tolist() == [19, 18]
    assert np.diff(edges.select(keep, min_points=6).starts).tolist() == [14, 18]
    keep[[20, 21]] = True
    assert edges.select(keep, bridge_px=3.2).closed.tolist() == [True]
    keep[0] = False
    assert edges.select(keep, bridge_px=3.2).closed.tolist() == [True]
    assert len(edges.select(np.zeros(40, bool))) == 0


def test_arrays_that_do_not_belong_together_are_refused():
    with pytest.raises(ShapeError, match="'blur'"):
        EdgePoints(*np.zeros((6, 3)), np.zeros(2), np.zeros(3), [0, 3], [False], (4, 4))
    for starts in ([0, 2], [1, 3], [0, 0, 3], [0, 3, 3]):
        with pytest.raises(ShapeError, match="contours"):
            EdgePoints(*np.zeros((8, 3)), starts, [False] * (len(starts) - 1), (4, 4))
    with pytest.raises(ShapeError, match=r"\(40,\) bool"):
        ring().select(np.ones(40))


def test_the_drawing_is_white_near_the_points_and_black_elsewhere():
    drawn = ring().draw()[..., 0]
    y, x = np.mgrid[0:32, 0:32]
    away = np.abs(np.hypot(x - 15, y - 16) - 10)
    assert drawn.shape == (32, 32)
    assert (drawn[away < 0.3] > 100).all()
    assert (drawn[away > 2] == 0).all()
    for thick in (3, 5, 8):
        wide = ring().draw(thickness_px=thick)
        assert wide.sum() / 255 / (20 * np.pi) == pytest.approx(thick, abs=1.0)
    with pytest.raises(RangeError, match="thick"):
        ring().draw(thickness_px=0)


def test_none_draws_nothing():
    assert EdgePoints.none((5, 6)).draw().tolist() == np.zeros((5, 6, 1)).tolist()


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_shuffled_points_are_chained_in_their_old_order(seed):
    edges = ring(count=60)
    shuffle = np.random.default_rng(seed).permutation(60)
    columns = [getattr(edges, name)[shuffle] for name in ("x", "y", "nx", "ny", "strength")]
    order, starts, closed = chain_points(*columns, 32, 32, 0.5, 5)
    walk = shuffle[order]
    assert starts.tolist() == [0, 60]
    assert closed.tolist() == [True]
    assert set(np.diff(walk) % 60) in ({1}, {59})


def test_weak_and_short_contours_are_dropped_whole():
    x = np.concatenate([np.arange(20), np.arange(20), np.arange(3)]).astype(float)
    y = np.repeat([5.0, 15.0, 25.0], [20, 20, 3])
    strength = np.where((y == 15) & (x == 7), 0.9, 0.3)
    strength[y == 25] = 0.9
    order, starts, closed = chain_points(x, y, 0 * x, 1 + 0 * x, strength, 32, 32, 0.5, 5)
    assert set(y[order]) == {15.0}
    assert starts.tolist() == [0, 20]
    assert closed.tolist() == [False]


@pytest.mark.parametrize("radius", [3.0, 10.0, 50.0])
def test_the_curvature_of_a_circle_is_one_over_its_radius(radius):
    edges = ring(count=int(6 * radius), radius=radius)
    args = (edges.x, edges.y, edges.nx, edges.ny, edges.starts, edges.closed)
    turning = contour_curvature(*args)
    # The normal points inwards and the points run against the walk: chords shorten arcs a little.
    np.testing.assert_allclose(np.abs(turning), 1 / radius, rtol=0.01)
