"""The algebra of masks: sets where they are hard, shares where they are soft."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.raster.mask import (
    as_mask,
    exclude,
    hard_mask,
    intersect,
    invert,
    keep_inside,
    shield,
    subtract,
    union,
)

HARD = hnp.arrays(np.bool_, (4, 5))
SOFT = hnp.arrays(np.float32, (4, 5), elements=st.sampled_from([0, 0.125, 0.25, 0.5, 0.75, 1]))
ANY = st.one_of(HARD, SOFT)


@given(ANY, ANY, ANY)
def test_the_laws_of_sets_hold(a, b, c):
    same = np.testing.assert_array_equal
    same(union(a, b), union(b, a))
    same(intersect(a, union(b, c)), union(intersect(a, b), intersect(a, c)))
    same(invert(union(a, b)), intersect(invert(a), invert(b)))
    same(invert(invert(a)), a)
    same(subtract(a, b, c), intersect(a, invert(union(b, c))))
    same(exclude(a, b), union(subtract(a, b), subtract(b, a)))
    same(union(a, a), intersect(a, a))


@given(HARD, HARD)
def test_hard_masks_give_what_numpy_gives(a, b):
    for made, wanted in (
        (union(a, b), a | b),
        (intersect(a, b), a & b),
        (subtract(a, b), a & ~b),
        (exclude(a, b), a ^ b),
        (invert(a), ~a),
    ):
        assert made.dtype == np.bool_
        np.testing.assert_array_equal(made, wanted)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_of_integers_whatever_is_not_zero_is_in(dtype):
    labels = np.array([[0, 1, 2], [0, 127, 100]], dtype)
    np.testing.assert_array_equal(as_mask(labels), labels > 0)


def test_a_soft_mask_makes_the_result_soft():
    hard, soft = np.array([[True, False]]), np.array([[0.5, 0.25]])
    assert union(hard, soft).dtype == np.float32
    np.testing.assert_array_equal(union(hard, soft), [[1.0, 0.25]])


def test_results_share_no_memory(rng):
    a = rng.random((5, 6)) < 0.5
    for made in (union(a), intersect(a), subtract(a), invert(a)):
        assert not np.shares_memory(made, a)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_extraction_and_shielding_split_the_picture(picture, rng, dtype):
    image = picture.astype(dtype)
    mask = rng.random((61, 83)) < 0.5
    kept, covered = keep_inside(image, mask), shield(image, mask)
    np.testing.assert_array_equal(kept + covered, image)
    np.testing.assert_array_equal(kept[~mask], 0)
    np.testing.assert_array_equal(kept[mask], image[mask])


def test_soft_edges_blend_into_the_paint():
    image = np.full((1, 3, 1), 200, np.uint8)
    out = keep_inside(image, np.float32([[0, 0.5, 1]]), fill=1.0)
    assert out.ravel().tolist() == [255, 228, 200]


def test_nan_outside_the_region_does_not_come_through():
    image = np.array([[[np.nan], [0.5]]], np.float32)
    for mask in (np.array([[False, True]]), np.float32([[0, 1]])):
        assert keep_inside(image, mask).ravel().tolist() == [0.0, 0.5]


def test_what_is_no_mask_is_refused():
    with pytest.raises(RangeError, match="from 0 to 1"):
        as_mask(np.float32([[0.0, 255.0]]))
    with pytest.raises(RangeError, match="from 0 to 1"):
        as_mask(np.float32([[0.0, np.nan]]))
    with pytest.raises(ShapeError, match="drop the channel axis"):
        as_mask(np.zeros((3, 4, 1), bool))
    with pytest.raises(DtypeError, match="list"):
        as_mask([[0, 1]])
    with pytest.raises(DtypeError, match="complex"):
        as_mask(np.zeros((2, 2), complex))
    with pytest.raises(ShapeError, match="5 x 4 px, expected 4 x 5 px"):
        union(np.zeros((5, 4), bool), np.zeros((4, 5), bool))
    with pytest.raises(ShapeError, match="no masks"):
        union()
    with pytest.raises(DtypeError, match="mask >= 0.5"):
        hard_mask(np.float32([[0.5]]), "here")
    with pytest.raises(RangeError, match="fill"):
        keep_inside(np.zeros((1, 1, 1), np.uint8), np.ones((1, 1), bool), fill=2)
