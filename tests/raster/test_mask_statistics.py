"""Numbers inside a mask against NumPy's own, weighted ones too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfumato.errors import RangeError, ShapeError
from sfumato.raster.mask_statistics import region_statistics

DTYPES = st.sampled_from([np.uint8, np.uint16, np.float32])
ASKED = (0.0, 7.5, 50.0, 90.0, 100.0)
HARD = hnp.arrays(np.bool_, (6, 7))
SOFT = hnp.arrays(np.float32, (6, 7), elements=st.sampled_from([0, 0.25, 0.5, 1]))


def scene(seed, dtype):
    rng = np.random.default_rng(seed)
    if dtype == np.float32:
        return rng.normal(0.5, 1, (6, 7, 2)).astype(np.float32)
    return rng.integers(0, np.iinfo(dtype).max, (6, 7, 2), dtype, endpoint=True)


@given(st.integers(0, 99), DTYPES, st.one_of(HARD, SOFT))
def test_every_number_is_that_of_numpy(seed, dtype, mask):
    assume(mask.any())
    image = scene(seed, dtype)
    found = region_statistics(image, mask, percentiles=ASKED)
    values, weights = image[mask > 0].astype(np.float64), mask[mask > 0].astype(np.float64)
    mean = np.average(values, axis=0, weights=weights)
    std = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(found.mean, mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.std, std, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(found.minimum, values.min(axis=0))
    np.testing.assert_array_equal(found.maximum, values.max(axis=0))
    assert found.area_px == weights.sum()
    assert found.fraction == weights.sum() / 42
    rows, columns = np.nonzero(mask)
    box = (columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5)
    assert found.box == box
    place = np.average(np.column_stack([columns, rows]), axis=0, weights=weights)
    np.testing.assert_allclose(found.centroid, place, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("soft", [False, True])
def test_percentiles_are_those_of_the_inverted_distribution(rng, dtype, soft):
    image = scene(5, dtype)
    mask = rng.choice([0, 0.25, 0.5, 1], (6, 7)).astype(np.float32)
    mask = mask if soft else mask > 0
    found = region_statistics(image, mask, percentiles=ASKED)
    for k in range(2):
        wanted = np.percentile(
            image[..., k][mask > 0],
            ASKED,
            method="inverted_cdf",
            weights=mask[mask > 0].astype(float),
        )
        np.testing.assert_array_equal(found.percentiles[:, k], wanted)


def test_what_is_left_out_has_no_say():
    image = np.array([[[0.25], [np.nan], [np.inf]]], np.float32)
    found = region_statistics(image, np.array([[True, False, False]]))
    assert found.mean.item() == 0.25
    assert found.std.item() == 0.0
    with pytest.raises(RangeError, match="inside the mask"):
        region_statistics(image, np.array([[True, True, False]]))


def test_no_percentiles_may_be_asked_for(picture):
    found = region_statistics(picture, np.ones((61, 83), bool), percentiles=())
    assert found.percentiles.shape == (0, 3)


def test_empty_masks_and_odd_percentiles_are_refused(picture):
    with pytest.raises(RangeError, match="empty"):
        region_statistics(picture, np.zeros((61, 83), bool))
    with pytest.raises(RangeError, match="percentiles"):
        region_statistics(picture, np.ones((61, 83), bool), percentiles=(101,))
    with pytest.raises(ShapeError, match="expected 83 x 61 px"):
        region_statistics(picture, np.ones((5, 5), bool))
