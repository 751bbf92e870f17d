"""Run lengths: round trips, and text that the COCO tools wrote."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfumato.errors import DtypeError, RangeError, ShapeError, SpecError
from sfumato.raster.mask_rle import decode_rle, encode_rle

MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20)))


def disc():
    y, x = np.mgrid[:70, :90]
    return (x - 40) ** 2 + (y - 30) ** 2 < 400


def nearly_full():
    mask = np.ones((2000, 3000), np.uint8)
    mask[1900, 2500] = 0
    return mask


def pattern():
    y, x = np.mgrid[:5, :7]
    return (3 * x + y * y) % 5 == 0


# Written by pycocotools 2.0.
KNOWN = [
    (
        disc,
        "f^1=g14L4M2M4M2N2O0O2N2O0O2O0O2O000000000000000000000001N101N101N2N101N2N3L3N3L4LnP2",
    ),
    (nearly_full, r"0\edh41WQjUL"),
    (pattern, "01;1GO00304"),
]


@pytest.mark.parametrize(("make", "text"), KNOWN)
def test_the_short_form_is_that_of_the_coco_tools(make, text):
    mask = make()
    rle = encode_rle(mask, short=True)
    assert rle == {"size": list(mask.shape), "counts": text}
    np.testing.assert_array_equal(decode_rle(rle), mask != 0)
    np.testing.assert_array_equal(decode_rle({**rle, "counts": text.encode()}), mask != 0)


@given(MASKS, st.booleans())
def test_a_mask_comes_back_exactly(mask, short):
    rle = encode_rle(mask, short=short)
    back = decode_rle(rle)
    assert back.dtype == np.bool_
    np.testing.assert_array_equal(back, mask)


@given(MASKS)
def test_the_counts_are_the_runs_down_the_columns(mask):
    counts = encode_rle(mask)["counts"]
    assert sum(counts) == mask.size
    assert sum(counts[1::2]) == mask.sum()
    assert all(counts[1:])
    values = [k % 2 == 1 for k, count in enumerate(counts) for _ in range(count)]
    assert values == [bool(mask[i, j]) for j in range(mask.shape[1]) for i in range(mask.shape[0])]


@given(st.text(st.characters(codec="latin-1"), max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(SpecError, RangeError, ShapeError):
        assert decode_rle({"size": [3, 4], "counts": text}).shape == (3, 4)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="add up to 5, a picture of 3 x 2 px has 6"):
        decode_rle({"size": [2, 3], "counts": [2, 3]})
    with pytest.raises(RangeError, match="outside"):
        decode_rle({"size": [2, 3], "counts": [7, -1]})
    with pytest.raises(RangeError, match="no picture has the size"):
        decode_rle({"size": [10**6, 10**6], "counts": [10**12]})
    with pytest.raises(DtypeError, match="whole numbers"):
        decode_rle({"size": [2, 3], "counts": [2.5, 3.5]})
    with pytest.raises(DtypeError, match="whole numbers"):
        decode_rle({"size": [2, 3], "counts": [[2, 4], [1]]})
    with pytest.raises(SpecError, match="fill_polygons"):
        decode_rle({"counts": []})
    with pytest.raises(SpecError, match="short form"):
        decode_rle({"size": [2, 3], "counts": "oooo"})
    with pytest.raises(SpecError, match="too large"):
        decode_rle({"size": [2, 3], "counts": "o" * 40 + "0"})
    with pytest.raises(DtypeError, match="soft mask"):
        encode_rle(np.float32([[0.5]]))
