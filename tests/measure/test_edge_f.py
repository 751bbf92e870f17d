from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.measure import EdgeF
from sfumato.measure.nearby import disc_offsets, match_one_to_one


def most_pairs(a, b, radius):
    """The largest matching, by scipy."""
    first, second = np.argwhere(a), np.argwhere(b)
    if not len(first) or not len(second):
        return 0
    gap = ((first[:, None] - second[None]) ** 2).sum(axis=-1)
    graph = csr_matrix((gap <= radius**2 + 1e-6).astype(np.int8))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 1.5, 3.0, 4.3]), st.floats(0.02, 0.5))
def test_pairs_are_as_many_as_can_be(seed, radius, density):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 22, 2))
    a, b = (rng.random(size) < density for _ in range(2))
    steps, _ = disc_offsets((radius,))
    assert match_one_to_one(a, b, steps) == most_pairs(a, b, radius)


@pytest.mark.parametrize("one_to_one", [True, False])
def test_it_is_precision_and_recall_within_the_tolerance(rng, one_to_one):
    share = (rng.random((50, 70)) < 0.05) * rng.integers(1, 6, (50, 70)) / 5
    drawn = np.rint(255 * share).astype(np.uint8)
    edges = rng.random((50, 70)) < 0.06
    radius = 0.03 * np.hypot(50, 70)
    metric = EdgeF(tolerance_fraction=0.03, one_to_one=one_to_one)
    metric.update(edges, drawn)
    found = metric.agreement()
    near_edge = distance_transform_edt(~edges) <= radius
    near_drawn = distance_transform_edt(drawn == 0) <= radius
    right = most_pairs(edges, drawn > 0, radius) if one_to_one else (edges & near_drawn).sum()
    assert found.precision == pytest.approx(right / edges.sum())
    assert found.recall == pytest.approx(drawn[near_edge].sum() / drawn.sum(), abs=1e-6)
    harmonic = 2 / (1 / found.precision + 1 / found.recall)
    assert metric.compute() == pytest.approx(harmonic) == pytest.approx(found.f)


def test_thick_edges_do_not_pay():
    drawn = np.zeros((80, 80), np.uint8)
    drawn[40] = 255
    thin, thick = drawn > 0, np.zeros((80, 80), bool)
    thick[39:42] = True
    metric = EdgeF(tolerance_fraction=0.03)
    assert metric(thin, drawn) == 1.0
    metric.update(thick, drawn)
    assert metric.agreement() == pytest.approx((1 / 3, 1.0, 0.5))
    assert EdgeF(tolerance_fraction=0.03, one_to_one=False)(thick, drawn) == 1.0


def test_counts_are_summed_over_the_set():
    drawn = np.zeros((40, 40), np.uint8)
    drawn[10], drawn[30] = 255, 255
    upper = np.zeros((40, 40), bool)
    upper[10] = True
    metric = EdgeF()
    metric.update(upper, drawn)
    metric.update(upper, np.where(upper, drawn, 0).astype(np.uint8))
    assert metric.agreement() == pytest.approx((1.0, 2 / 3, 0.8))


def test_the_threshold_is_a_share_of_white():
    drawn = np.zeros((30, 30), np.uint8)
    drawn[10] = 255
    strength = np.zeros((30, 30), np.float32)
    strength[10], strength[25] = 0.9, 0.4
    assert EdgeF(threshold=0.5)(strength, drawn) == 1.0
    assert EdgeF(threshold=0.3)(strength, drawn) == pytest.approx(2 / 3)
    wide = np.rint(strength * 65535).astype(np.uint16)
    assert EdgeF(threshold=0.3)(wide, drawn) == pytest.approx(2 / 3)


def test_nothing_drawn_and_nothing_found_is_right():
    none, some = np.zeros((20, 20), bool), np.eye(20, dtype=bool)
    assert EdgeF()(none, none) == 1.0
    assert EdgeF()(some, none) == 0.0
    assert EdgeF()(none, some) == 0.0


def test_real_drawings_score_full_against_themselves(shared_data):
    from sfumato.core.opencv import cv2

    path = sorted(shared_data("natural/boundaries/test").glob("*.png"))[0]
    drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert EdgeF()(drawn, drawn) == 1.0
    # The lines on which most agree: precise, and not all there is.
    metric = EdgeF(threshold=0.5)
    metric.update(drawn, drawn)
    assert metric.agreement().precision == 1.0
    assert 0.2 < metric.agreement().recall < 1.0


def test_what_are_no_edges_is_refused():
    edges = np.zeros((20, 20), bool)
    with pytest.raises(ShapeError, match="the target"):
        EdgeF()(edges, edges[1:])
    with pytest.raises(ShapeError, match=r"\(h, w\)"):
        EdgeF()(np.zeros((20, 20, 3), np.uint8), edges)
    with pytest.raises(DtypeError, match="int64"):
        EdgeF()(edges.astype(np.int64), edges)
    with pytest.raises(RangeError, match="shares"):
        EdgeF()(edges, np.full((20, 20), 5, np.float32))
    with pytest.raises(RangeError, match="NaN"):
        EdgeF()(np.full((20, 20), np.nan, np.float32), edges)
