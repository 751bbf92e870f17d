"""Key points lie where they should, in every dtype."""

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.features.match import match_keypoints
from sfumato.features.sift import KeyPoints, detect_sift


@pytest.fixture(scope="module")
def textured():
    rng = np.random.default_rng(7)
    noise = sum(cv2.GaussianBlur(rng.standard_normal((180, 240)), (0, 0), s) * s for s in (1, 2, 5))
    return np.rint(255 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)


def test_a_gaussian_dot_is_found_at_its_centre():
    y, x = np.mgrid[0:64, 0:64]
    dot = np.exp(-((x - 30.3) ** 2 + (y - 21.6) ** 2) / 50).astype(np.float32)
    np.testing.assert_allclose(detect_sift(dot).points[0], [30.3, 21.6], atol=0.05)


def test_turning_the_picture_by_180_degrees_shows_no_bias(textured):
    height, width = textured.shape
    here, there = detect_sift(textured), detect_sift(textured[::-1, ::-1].copy())
    pairs = match_keypoints(here, there, ratio=0.6, method="brute")
    turned_back = np.array([width - 1, height - 1]) - there.points[pairs[:, 1]]
    difference = here.points[pairs[:, 0]] - turned_back
    assert len(pairs) > 100
    np.testing.assert_allclose(np.median(difference, axis=0), 0.0, atol=0.005)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_all_dtypes_and_grey_as_colour_give_the_same_points(textured, dtype):
    scale = {np.uint8: 1, np.uint16: 257, np.float32: np.float32(1 / 255)}[dtype]
    picture = (textured * np.asarray(scale)).astype(dtype)
    wanted = detect_sift(textured)
    for form in (picture, picture[..., None], np.repeat(picture[..., None], 3, axis=2)):
        found = detect_sift(form)
        np.testing.assert_array_equal(found.points, wanted.points)
        np.testing.assert_array_equal(found.descriptors, wanted.descriptors)


def test_the_mask_confines_the_points(textured):
    mask = np.zeros(textured.shape, np.uint8)
    mask[:, :100] = 1
    found = detect_sift(textured, mask=mask)
    assert 0 < len(found) < len(detect_sift(textured))
    assert found.points[:, 0].max() < 100


def test_root_descriptors_have_one_length_and_the_same_direction_squared(textured):
    plain, root = detect_sift(textured), detect_sift(textured, root=True)
    np.testing.assert_allclose(np.linalg.norm(root.descriptors, axis=1), 512, rtol=1e-5)
    share = plain.descriptors / plain.descriptors.sum(axis=1, keepdims=True)
    np.testing.assert_allclose((root.descriptors / 512) ** 2, share, atol=1e-6)


def test_fewer_points_can_be_asked_for(textured):
    strongest = np.sort(detect_sift(textured).response)[-20]
    assert detect_sift(textured, max_points=20).response.min() >= strongest - 1e-6


def test_points_scale_with_the_areas_of_the_pixels():
    one = np.ones(1, np.float32)
    points = KeyPoints(np.zeros((1, 2), np.float32), one, one, one, np.ones((1, 128), np.float32))
    np.testing.assert_allclose(points.scaled((2.0, 4.0)).points, [[0.5, 1.5]])


def test_a_blank_picture_has_no_points():
    found = detect_sift(np.full((40, 40), 90, np.uint8))
    assert len(found) == 0
    assert found.descriptors.shape == (0, 128)


def test_refusals_say_what_came():
    with pytest.raises(ShapeError, match="got 4"):
        detect_sift(np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(DtypeError, match="float64"):
        detect_sift(np.zeros((8, 8)))
    with pytest.raises(RangeError, match="NaN"):
        detect_sift(np.full((8, 8), np.nan, np.float32))
    with pytest.raises(ShapeError, match="mask"):
        detect_sift(np.zeros((8, 8), np.uint8), mask=np.ones((4, 4)))
    with pytest.raises(ShapeError, match="do not belong"):
        KeyPoints(*(np.zeros((2, 2), np.float32),) * 5)
