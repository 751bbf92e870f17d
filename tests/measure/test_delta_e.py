from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.color import deltaE_ciede2000, rgb2lab

from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.measure import DeltaE2000, delta_e_2000, srgb_to_lab

# Sharma, Wu, Dalal 2005, table 1: L1 a1 b1, L2 a2 b2, difference.
SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
PAIRS = np.array([[float(x) for x in line.split()] for line in SHARMA.strip().splitlines()])
lab = hnp.arrays(np.float64, (2, 3), elements=st.floats(-100, 100))


def test_the_thirty_four_pairs_of_the_standard_test():
    assert len(PAIRS) == 34
    for first, second in ((PAIRS[:, :3], PAIRS[:, 3:6]), (PAIRS[:, 3:6], PAIRS[:, :3])):
        np.testing.assert_allclose(delta_e_2000(first, second), PAIRS[:, 6], atol=5.1e-5)


def test_random_colors_are_those_of_scikit_image(rng):
    first, second = rng.uniform([0, -90, -90], [100, 90, 90], (2, 5000, 3))
    expected = deltaE_ciede2000(first, second)
    np.testing.assert_allclose(delta_e_2000(first, second), expected, atol=1e-9)


@given(lab)
def test_it_is_symmetric_finite_and_nothing_for_equal_colors(pair):
    first, second = pair
    assert delta_e_2000(first, second) == pytest.approx(delta_e_2000(second, first), abs=1e-9)
    assert np.isfinite(delta_e_2000(first, second))
    assert delta_e_2000(first, first) == 0.0


def test_srgb_becomes_lab_as_in_scikit_image(rng):
    image = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    np.testing.assert_allclose(srgb_to_lab(image), rgb2lab(image), atol=5e-3)
    grey = srgb_to_lab(np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2))
    np.testing.assert_allclose(grey[..., 1:], 0.0, atol=1e-9)
    assert grey[0, 0, 0] == pytest.approx(0.0, abs=1e-9)
    assert grey[-1, -1, 0] == pytest.approx(100.0, abs=1e-9)


def test_a_picture_is_scored_as_in_scikit_image(rng):
    a, b = (rng.integers(0, 256, (150, 20, 3), dtype=np.uint8) for _ in range(2))
    expected = deltaE_ciede2000(rgb2lab(b), rgb2lab(a))
    assert DeltaE2000()(a, b) == pytest.approx(expected.mean(), abs=2e-3)
    np.testing.assert_allclose(DeltaE2000().map(a, b), expected, atol=2e-2)


def test_grey_pictures_are_neutral_colors(rng):
    a, b = (rng.integers(0, 256, (9, 9, 1), dtype=np.uint8) for _ in range(2))
    assert DeltaE2000()(a, b) == pytest.approx(DeltaE2000()(a.repeat(3, 2), b.repeat(3, 2)))


def test_dtypes_agree(rng):
    a, b = (rng.integers(0, 256, (9, 9, 3), dtype=np.uint8) for _ in range(2))
    wide = [image.astype(np.uint16) * np.uint16(257) for image in (a, b)]
    assert DeltaE2000()(*wide) == pytest.approx(DeltaE2000()(a, b), abs=1e-4)


def test_what_is_no_color_is_refused():
    image = np.zeros((4, 4, 4), np.uint8)
    with pytest.raises(ShapeError, match="alpha"):
        DeltaE2000()(image, image)
    with pytest.raises(ShapeError):
        srgb_to_lab(image)
    with pytest.raises(ShapeError):
        delta_e_2000(np.zeros(2), np.zeros(3))
    with pytest.raises(DtypeError):
        srgb_to_lab(np.zeros((2, 2, 3)))
    with pytest.raises(RangeError, match="NaN"):
        DeltaE2000()(np.full((2, 2, 3), np.nan, np.float32), np.zeros((2, 2, 3), np.float32))
