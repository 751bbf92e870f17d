"""Homographies are found among wrong pairs, refined to the least squares, refused when absurd."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares

from sfumato.core.opencv import cv2
from sfumato.errors import AlignmentError, RangeError, ShapeError
from sfumato.features.homography import (
    check_homography,
    estimate_homography,
    map_points,
    refine_homography,
    transfer_error,
)
from sfumato.features.match import match_keypoints
from sfumato.features.sift import detect_sift

BOX_CORNERS = [(118.7, 161.0), (89.8, 272.0), (267.5, 297.9), (284.4, 175.0)]


def some_map(rng, strength=1.0):
    matrix = np.eye(3) + strength * rng.normal(0, 0.05, (3, 3))
    matrix[:2, 2] = rng.normal(0, 30, 2)
    matrix[2, :2] = strength * rng.normal(0, 1e-4, 2)
    matrix[2, 2] = 1.0
    return matrix


def test_points_are_mapped_as_homogeneous_coordinates_are(rng):
    matrix, points = some_map(rng), rng.uniform(0, 500, (20, 2))
    wanted = cv2.perspectiveTransform(points[None], matrix)[0]
    np.testing.assert_allclose(map_points(matrix, points), wanted, rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), method=st.sampled_from(["magsac", "ransac"]))
def test_exact_pairs_give_the_exact_map_among_a_third_of_wrong_ones(seed, method):
    rng = np.random.default_rng(seed)
    matrix, src = some_map(rng), rng.uniform(0, 500, (90, 2))
    dst = map_points(matrix, src)
    wrong = rng.permutation(90)[:30]
    dst[wrong] += rng.uniform(40, 90, (30, 2)) * rng.choice([-1, 1], (30, 2))
    fit = estimate_homography(src, dst, threshold_px=1.0, method=method)
    np.testing.assert_allclose(map_points(fit.matrix, src), map_points(matrix, src), atol=1e-6)
    assert not fit.inliers[wrong].any()
    assert fit.inliers.sum() == 60
    assert fit.residual_px < 1e-6


@pytest.mark.parametrize(
    ("model", "free"), [("translation", 2), ("similarity", 4), ("affine", 6), ("homography", 8)]
)
def test_refinement_reaches_the_minimum_that_scipy_finds(rng, model, free):
    src = rng.uniform(0, 800, (40, 2))
    dst = map_points(some_map(rng, 0.5), src) + rng.normal(0, 0.7, (40, 2))
    weights = rng.uniform(0.2, 3.0, 40)

    def build(p):
        if model == "translation":
            return np.array([[1, 0, p[0]], [0, 1, p[1]], [0, 0, 1]])
        if model == "similarity":
            return np.array([[p[0], -p[1], p[2]], [p[1], p[0], p[3]], [0, 0, 1]])
        return np.append(np.append(p, [0.0, 0.0] if model == "affine" else []), 1.0).reshape(3, 3)

    def residual(p):
        there = map_points(build(p), src) - dst
        back = map_points(np.linalg.inv(build(p)), dst) - src
        return (np.concatenate([there, back]) * np.sqrt(np.tile(weights, 2))[:, None]).ravel()

    start = {2: [0, 0], 4: [1, 0, 0, 0]}.get(free, np.eye(3).ravel()[:free])
    scales = {2: [1, 1], 4: [1e-3, 1e-3, 1, 1]}.get(
        free, [1e-3, 1e-3, 1, 1e-3, 1e-3, 1, 1e-6, 1e-6][:free]
    )
    best = least_squares(residual, start, x_scale=scales, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    ours = refine_homography(src, dst, weights=weights, model=model)
    error = transfer_error(ours, src, dst)
    assert (weights * 2 * error**2).sum() <= 2 * best.cost * (1 + 1e-9)
    np.testing.assert_allclose(map_points(ours, src), map_points(build(best.x), src), atol=1e-3)


def test_refinement_does_not_depend_on_the_direction(rng):
    src = rng.uniform(0, 800, (30, 2))
    dst = map_points(some_map(rng), src) + rng.normal(0, 0.5, (30, 2))
    there, back = refine_homography(src, dst), refine_homography(dst, src)
    np.testing.assert_allclose(map_points(back @ there, src), src, atol=1e-4)


@pytest.mark.parametrize("method", ["magsac", "ransac"])
def test_the_box_is_found_in_its_scene(shared_data, method):
    box, scene = (
        cv2.imread(str(shared_data(f"keypoints/{name}.png")), cv2.IMREAD_GRAYSCALE)
        for name in ("box", "box_in_scene")
    )
    a, b = detect_sift(box), detect_sift(scene)
    pairs = match_keypoints(a, b, ratio=0.7)
    fit = estimate_homography(
        a.points[pairs[:, 0]], b.points[pairs[:, 1]], method=method, size=box.shape
    )
    height, width = box.shape
    corners = np.array([(0, 0), (0, height - 1), (width - 1, height - 1), (width - 1, 0)])
    assert fit.inliers.sum() >= 60
    assert np.hypot(*(map_points(fit.matrix, corners) - BOX_CORNERS).T).max() < 2.0


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        (np.diag([-1.0, 1.0, 1.0]), "mirrors"),
        (np.array([[1, 0, 0], [0, 1, 0], [-0.02, 0, 1.0]]), "infinity"),
        (np.diag([50.0, 50.0, 1.0]), "scales the picture by 50"),
        (np.diag([np.nan, 1.0, 1.0]), "infinity"),
    ],
)
def test_absurd_maps_are_refused_with_the_reason(matrix, why):
    with pytest.raises(AlignmentError, match=why):
        check_homography(matrix, (100, 100))


def test_plausible_maps_pass(rng):
    for _ in range(20):
        check_homography(some_map(rng), (300, 400))


def test_a_scene_without_the_object_gives_no_map(rng):
    with pytest.raises(AlignmentError, match="of 60 pairs agree"):
        estimate_homography(rng.uniform(0, 500, (60, 2)), rng.uniform(0, 500, (60, 2)))


def test_refusals_say_what_came():
    pairs = np.zeros((3, 2))
    with pytest.raises(AlignmentError, match="3 pairs"):
        estimate_homography(pairs, pairs)
    with pytest.raises(AlignmentError, match="affine needs 3"):
        refine_homography(pairs[:2], pairs[:2], model="affine")
    with pytest.raises(ShapeError, match=r"\(3, 2\) and \(2, 2\)"):
        estimate_homography(pairs, pairs[:2])
    with pytest.raises(RangeError, match="positive threshold"):
        estimate_homography(pairs, pairs, threshold_px=0.0)
    with pytest.raises(RangeError, match="NaN"):
        estimate_homography(pairs, pairs * np.nan)
