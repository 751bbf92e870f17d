"""Pairs of key points are the right ones, by exhaustive search and by real disparity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError, ShapeError
from sfumato.features.match import match_keypoints
from sfumato.features.sift import KeyPoints, detect_sift


def points_with(descriptors):
    count = len(descriptors)
    plain = np.ones(count, np.float32)
    table = np.asarray(descriptors, np.float32)
    return KeyPoints(np.zeros((count, 2), np.float32), plain, plain, plain, table)


def pairs_in_float64(a, b, ratio, mutual):
    distance = np.linalg.norm(a[:, None].astype(float) - b[None].astype(float), axis=2)
    first_two = np.sort(distance, axis=1)[:, :2]
    nearest = distance.argmin(axis=1)
    keep = first_two[:, 0] < ratio * first_two[:, 1]
    if mutual:
        keep &= distance.argmin(axis=0)[nearest] == np.arange(len(a))
    return np.stack([np.flatnonzero(keep), nearest[keep]], axis=1)


@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    mutual=st.booleans(),
    ratio=st.sampled_from([0.6, 0.8, 0.95]),
)
def test_brute_force_agrees_with_all_distances_in_float64(seed, counts, mutual, ratio):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 180, (n, 128)).astype(np.float32) for n in counts)
    b[: counts[0] // 2] = a[: len(b[: counts[0] // 2])] + rng.integers(0, 9)
    found = match_keypoints(
        points_with(a), points_with(b), ratio=ratio, mutual=mutual, method="brute"
    )
    np.testing.assert_array_equal(found, pairs_in_float64(a, b, ratio, mutual))


def test_flann_finds_nearly_all_pairs_and_the_same_ones_every_time():
    rng = np.random.default_rng(3)
    a = rng.integers(0, 120, (1500, 128)).astype(np.float32)
    b = np.concatenate([a[::-1] + rng.normal(0, 4, a.shape), rng.integers(0, 120, (500, 128))])
    first = match_keypoints(points_with(a), points_with(b))
    again = match_keypoints(points_with(a), points_with(b))
    np.testing.assert_array_equal(first, again)
    assert len(first) > 1450
    np.testing.assert_array_equal(first[:, 1], 1499 - first[:, 0])


def test_nothing_is_matched_with_nothing():
    none, some = points_with(np.zeros((0, 128))), points_with(np.eye(3, 128))
    assert match_keypoints(none, some).shape == (0, 2)
    assert match_keypoints(some, none).shape == (0, 2)


def test_real_stereo_matches_lie_on_the_true_disparity(shared_data):
    folder = shared_data("keypoints/stereo")
    left, right = (
        detect_sift(cv2.imread(str(folder / f"motorcycle_{side}.png"))[..., ::-1].copy())
        for side in ("left", "right")
    )
    disparity = np.load(folder / "motorcycle_disp.npz")["arr_0"]
    pairs = match_keypoints(left, right, ratio=0.7)
    src, dst = left.points[pairs[:, 0]], right.points[pairs[:, 1]]
    at = np.rint(src).astype(int)
    true = disparity[at[:, 1], at[:, 0]]
    known = np.isfinite(true)
    error = np.hypot((src - dst)[known, 0] - true[known], (src - dst)[known, 1])
    assert known.sum() > 500
    assert (error < 1.5).mean() > 0.9
    assert np.median(error) < 0.4


def test_refusals_say_what_came():
    some = points_with(np.eye(3, 128))
    with pytest.raises(RangeError, match=r"ratio.*1\.5"):
        match_keypoints(some, some, ratio=1.5)
    with pytest.raises(RangeError, match="'kd'"):
        match_keypoints(some, some, method="kd")
    with pytest.raises(ShapeError, match="128 and 64"):
        match_keypoints(some, points_with(np.eye(3, 64)))
