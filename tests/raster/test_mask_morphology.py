"""Growing and shrinking against SciPy, and the laws between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from sfumato.errors import DtypeError, RangeError
from sfumato.raster.mask_morphology import (
    closing,
    dilate,
    erode,
    fill_holes,
    opening,
    outline,
    remove_small,
)

ELEMENTS = ["disc", "square", "cross"]
HARD = hnp.arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))
SOFT = hnp.arrays(np.float32, (9, 11), elements=st.floats(0, 1, width=32))
RADII = st.sampled_from([0, 0.7, 1, 1.5, 2, 2.24, 3, 4.2])


def footprint(radius, element):
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return {
        "disc": x * x + y * y <= radius * radius + 1e-9,
        "square": np.ones_like(x, bool),
        "cross": (x == 0) | (y == 0),
    }[element]


@given(HARD, RADII, st.sampled_from(ELEMENTS))
def test_hard_masks_grow_and_shrink_as_in_scipy(mask, radius, element):
    shape = footprint(radius, element)
    grown = ndimage.binary_dilation(mask, shape)
    np.testing.assert_array_equal(dilate(mask, radius_px=radius, element=element), grown)
    shrunk = ndimage.binary_erosion(mask, shape, border_value=1)
    np.testing.assert_array_equal(erode(mask, radius_px=radius, element=element), shrunk)


@given(SOFT, RADII, st.sampled_from(ELEMENTS))
def test_soft_masks_take_the_extremes_under_the_element(mask, radius, element):
    shape = footprint(radius, element)
    padded = {"footprint": shape, "mode": "constant"}
    wanted = ndimage.maximum_filter(mask, cval=-1, **padded)
    np.testing.assert_array_equal(dilate(mask, radius_px=radius, element=element), wanted)
    wanted = ndimage.minimum_filter(mask, cval=2, **padded)
    np.testing.assert_array_equal(erode(mask, radius_px=radius, element=element), wanted)


@pytest.mark.parametrize("radius", [30, 63.5, 400])
def test_large_discs_are_exact(rng, radius):
    mask = rng.random((300, 320)) < 3e-5
    mask[17, 40] = True
    away = ndimage.distance_transform_edt(~mask)
    np.testing.assert_array_equal(dilate(mask, radius_px=radius), away <= radius)


@given(HARD, RADII, st.sampled_from(ELEMENTS))
def test_opening_and_closing_bound_the_mask_and_are_done_at_once(mask, radius, element):
    options = {"radius_px": radius, "element": element}
    less, more = opening(mask, **options), closing(mask, **options)
    assert not (less & ~mask).any()
    assert not (mask & ~more).any()
    np.testing.assert_array_equal(opening(less, **options), less)
    np.testing.assert_array_equal(closing(more, **options), more)
    np.testing.assert_array_equal(more, ~opening(~mask, **options))


@given(HARD)
def test_holes_are_filled_as_in_scipy(mask):
    np.testing.assert_array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))
    filled = ndimage.binary_fill_holes(mask, np.ones((3, 3)))
    np.testing.assert_array_equal(fill_holes(mask, connectivity=4), filled)


@given(HARD, st.integers(0, 12), st.sampled_from([4, 8]))
def test_small_parts_go_and_large_ones_stay(mask, least, connectivity):
    labels, count = ndimage.label(mask, np.ones((3, 3)) if connectivity == 8 else None)
    wanted = np.zeros_like(mask)
    for label in range(1, count + 1):
        part = labels == label
        wanted |= part & (part.sum() >= least)
    found = remove_small(mask, least_area_px=least, connectivity=connectivity)
    np.testing.assert_array_equal(found, wanted)


@given(HARD)
def test_an_outline_is_the_rim_on_either_side(mask):
    four = ndimage.generate_binary_structure(2, 1)
    inside = mask & ~ndimage.binary_erosion(mask, four, border_value=1)
    outside = ndimage.binary_dilation(mask, four) & ~mask
    np.testing.assert_array_equal(outline(mask), inside)
    np.testing.assert_array_equal(outline(mask, side="outside"), outside)
    np.testing.assert_array_equal(outline(mask, side="both"), inside | outside)


def test_the_edge_of_the_picture_is_no_border():
    everything = np.ones((5, 7), bool)
    assert erode(everything, radius_px=3).all()
    assert not outline(everything).any()


@settings(max_examples=20)
@given(SOFT)
def test_inputs_stay_as_they_were(mask):
    before = mask.copy()
    for work in (dilate, erode, opening, closing):
        assert not np.shares_memory(work(mask, radius_px=0), mask)
        work(mask, radius_px=2)
    np.testing.assert_array_equal(mask, before)


def test_what_makes_no_sense_is_refused():
    mask = np.ones((4, 4), bool)
    for radius in (-1, np.nan, np.inf):
        with pytest.raises(RangeError, match="radius_px"):
            dilate(mask, radius_px=radius)
    with pytest.raises(RangeError, match="a hard mask"):
        dilate(np.ones((4, 4), np.float32), radius_px=500)
    with pytest.raises(RangeError, match="'star'"):
        erode(mask, radius_px=1, element="star")
    with pytest.raises(RangeError, match="connectivity 6"):
        fill_holes(mask, connectivity=6)
    with pytest.raises(RangeError, match="negative"):
        remove_small(mask, least_area_px=-1)
    with pytest.raises(RangeError, match="'left'"):
        outline(mask, side="left")
    for work in (fill_holes, lambda m: remove_small(m, least_area_px=1)):
        with pytest.raises(DtypeError, match="soft mask"):
            work(np.ones((4, 4), np.float32))
