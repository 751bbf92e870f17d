"""Soft edges: a distance, a smooth step, and no surprise at the edge of the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from sfumato.errors import DtypeError, RangeError
from sfumato.raster.mask_feather import border_distance, feather

MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))
WIDTHS = st.floats(0.01, 20)
SIDES = st.sampled_from(["both", "inside", "outside"])


@given(MASKS)
def test_the_distance_is_that_of_scipy(mask):
    found = border_distance(mask)
    if mask.any() and not mask.all():
        inside = ndimage.distance_transform_edt(mask)
        outside = ndimage.distance_transform_edt(~mask)
        wanted = np.where(mask, inside - 0.5, 0.5 - outside)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    else:
        assert (np.abs(found) == 1e9).all()


@given(MASKS, WIDTHS, SIDES)
def test_it_never_falls_on_the_way_in(mask, width, side):
    soft = feather(mask, feather_px=width, side=side)
    assert soft.dtype == np.float32
    assert soft.min() >= 0
    assert soft.max() <= 1
    order = np.argsort(border_distance(mask).ravel())
    assert (np.diff(soft.ravel()[order]) >= -1e-6).all()


@given(MASKS, WIDTHS)
def test_each_side_leaves_the_other_alone(mask, width):
    inside = feather(mask, feather_px=width, side="inside")
    outside = feather(mask, feather_px=width, side="outside")
    assert (inside[~mask] == 0).all()
    assert (inside[mask] > 0).all()
    assert (outside[mask] == 1).all()
    assert (outside[~mask] < 1).all()
    mirrored = 1 - feather(~mask, feather_px=width, side="inside")
    np.testing.assert_allclose(outside, mirrored, atol=1e-6)


@pytest.mark.parametrize(("side", "middle"), [("both", 30), ("inside", 35), ("outside", 25)])
def test_the_fall_has_the_stated_width_and_place(side, middle):
    mask = np.zeros((3, 60), bool)
    mask[:, 30:] = True  # the border lies at x = 29.5
    row = feather(mask, feather_px=10, side=side)[1]
    t = np.clip((np.arange(60) + 0.5 - middle) / 10 + 0.5, 0, 1)
    np.testing.assert_allclose(row, 3 * t**2 - 2 * t**3, atol=1e-6)


def test_no_width_gives_the_mask():
    mask = np.array([[True, False]])
    np.testing.assert_array_equal(feather(mask, feather_px=0), [[1.0, 0.0]])


def test_a_full_and_an_empty_mask_have_no_border():
    assert (feather(np.ones((3, 4), bool), feather_px=50, side="inside") == 1).all()
    assert (feather(np.zeros((3, 4), bool), feather_px=50, side="outside") == 0).all()


def test_soft_masks_and_wrong_widths_are_refused():
    with pytest.raises(DtypeError, match="mask >= 0.5"):
        feather(np.float32([[0.5]]), feather_px=3)
    for width in (-1, np.nan, np.inf):
        with pytest.raises(RangeError, match="feather_px"):
            feather(np.ones((2, 2), bool), feather_px=width)
    with pytest.raises(RangeError, match="'left'"):
        feather(np.ones((2, 2), bool), feather_px=1, side="left")
