"""Templates are found where they are, to a fraction of a pixel, and not where they are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.core.opencv import cv2
from sfumato.core.pipeline import Pipeline
from sfumato.core.sample import Sample
from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import AlignmentError, DtypeError, FieldError, FileError, RangeError, ShapeError
from sfumato.features.homography import HomographyFit, map_points
from sfumato.features.template import FindTemplate, TemplateMatch, _corner_error
from sfumato.io.picture import read, write

BOX_CORNERS = [(118.7, 161.0), (89.8, 272.0), (267.5, 297.9), (284.4, 175.0)]
SIZE = (150, 200)
SCENE = (300, 360)


def texture(seed, size):
    """Give a picture with detail at many scales, 0..1."""
    rng = np.random.default_rng(seed)
    field = np.zeros(size, np.float32)
    for sigma in (1.2, 3.0, 8.0):
        noise = cv2.GaussianBlur(rng.standard_normal(size, np.float32), (0, 0), sigma)
        field += noise / noise.std()
    return np.clip(0.5 + 0.12 * field, 0.0, 1.0)


def some_map(seed, degrees, scale):
    """Turn and scale about the centre, tilt a little, and put it inside the scene."""
    rng = np.random.default_rng([seed, 5])
    a = np.radians(degrees)
    turn = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    centre = np.array([SIZE[1] - 1, SIZE[0] - 1]) / 2
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = np.array(SCENE[::-1]) / 2 + rng.uniform(-30, 30, 2)
    matrix[2, :2] = rng.uniform(-8e-4, 8e-4, 2)
    return matrix @ np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1]])


def put(template, matrix, seed, size=SCENE):
    """Photograph the template on another texture: dimmer, with noise."""
    background = texture(seed + 1000, size)
    drawn = cv2.warpPerspective(template, matrix, size[::-1], flags=cv2.INTER_CUBIC)
    covered = cv2.warpPerspective(np.ones_like(template), matrix, size[::-1])
    noise = np.random.default_rng(seed + 2000).normal(0, 0.01, size)
    scene = np.where(covered > 0.999, 0.1 + 0.7 * drawn, background) + noise
    return np.clip(scene, 0, 1).astype(np.float32)


def corners_of(size):
    height, width = size
    return np.array([(0, 0), (0, height - 1), (width - 1, height - 1), (width - 1, 0)], float)


def codes(picture):
    return np.rint(255 * picture).astype(np.uint8)[..., None]


@pytest.fixture(scope="module")
def template():
    return texture(1, SIZE)


@pytest.fixture(scope="module")
def matrix():
    return some_map(3, 24.0, 0.9)


@pytest.fixture(scope="module")
def scene(template, matrix):
    return put(template, matrix, 3)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), degrees=st.floats(-180.0, 180.0), scale=st.floats(0.7, 1.15))
def test_a_warped_template_is_found_where_it_was_put(seed, degrees, scale):
    template, matrix = texture(seed, SIZE), some_map(seed, degrees, scale)
    match = FindTemplate().find(put(template, matrix, seed), template)
    true = map_points(matrix, corners_of(SIZE))
    error = np.hypot(*(match.corners - true).T)
    assert error.max() < 0.7
    assert (error < 5 * match.corner_error_px + 0.1).all()
    assert match.inlier_count >= 20


def test_a_part_cut_out_of_the_scene_lies_where_it_was_cut(scene):
    match = FindTemplate().find(scene, scene[60:190, 110:300])
    wanted = np.array([(110, 60), (110, 189), (299, 189), (299, 60)])
    np.testing.assert_allclose(match.corners, wanted, atol=0.02)
    assert match.size == (130, 190)


@pytest.mark.parametrize("estimator", ["magsac", "ransac"])
@pytest.mark.parametrize("method", ["brute", "flann"])
@pytest.mark.parametrize("root_sift", [False, True])
def test_the_box_is_found_in_its_scene_by_every_method(shared_data, estimator, method, root_sift):
    box, scene = (read(shared_data(f"keypoints/{n}.png")).image for n in ("box", "box_in_scene"))
    find = FindTemplate(ratio=0.7, estimator=estimator, method=method, root_sift=root_sift)
    match = find.find(scene, box)
    assert match.inlier_count >= 60
    assert np.hypot(*(match.corners - BOX_CORNERS).T).max() < 2.0
    assert match.residual_px < 1.0
    assert match.corner_error_px.max() < 1.0


def test_the_record_fits_together(scene, template):
    match = FindTemplate().find(scene, template)
    assert match.points_template.shape == match.points_scene.shape == (match.matches, 2)
    assert match.inliers.shape == (match.matches,)
    np.testing.assert_allclose(match.corners, map_points(match.homography, corners_of(SIZE)))
    mapped = map_points(match.homography, match.points_template[match.inliers])
    distance = np.hypot(*(mapped - match.points_scene[match.inliers]).T)
    assert distance.max() < 2 * 3.0
    assert match.residual_px < distance.max()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_dtypes_and_channels_of_the_two_pictures_are_free(scene, template, kind):
    scale = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[kind]
    deep = scene * np.float32(scale)
    deep = (deep if kind is np.float32 else np.rint(deep)).astype(kind)
    wanted = FindTemplate().find(codes(scene), codes(template)).corners
    found = FindTemplate().find(np.repeat(deep[..., None], 3, axis=2), codes(template)).corners
    np.testing.assert_allclose(found, wanted, atol=0.1)


def test_what_alpha_hides_is_not_looked_at(scene, template):
    hidden = np.repeat(codes(template), 4, axis=2)
    hidden[..., 3] = 255
    hidden[:, 140:, :3] = codes(texture(77, SIZE))[:, 140:]
    hidden[:, 140:, 3] = 0
    match = FindTemplate().find(scene, hidden)
    assert match.points_template[:, 0].max() < 140
    true = FindTemplate().find(scene, template).corners
    np.testing.assert_allclose(match.corners, true, atol=1.0)


def test_the_same_pictures_give_the_same_bits_and_stay_as_they_are(scene, template):
    before = scene.copy(), template.copy()
    for method in ("brute", "flann"):
        first, again = (FindTemplate(method=method).find(scene, template) for _ in range(2))
        np.testing.assert_array_equal(first.homography, again.homography)
        np.testing.assert_array_equal(first.inliers, again.inliers)
    np.testing.assert_array_equal(scene, before[0])
    np.testing.assert_array_equal(template, before[1])


@pytest.mark.parametrize("ratio", [0.7, 0.9])
@pytest.mark.parametrize("kind", ["noise", "blank", "other", "mirrored"])
def test_a_scene_without_the_template_is_an_error_with_the_count(template, matrix, kind, ratio):
    without = {
        "noise": np.random.default_rng(4).random(SCENE).astype(np.float32),
        "blank": np.full(SCENE, 0.4, np.float32),
        "other": texture(50, SCENE),
        "mirrored": put(np.ascontiguousarray(template[:, ::-1]), matrix, 3),
    }[kind]
    with pytest.raises(AlignmentError, match=r"does not show the template: \d+ (of|matches)"):
        FindTemplate(ratio=ratio).find(without, template)


def test_a_blank_template_is_nowhere(scene):
    with pytest.raises(AlignmentError, match="0 matches of key points"):
        FindTemplate().find(scene, np.full((40, 50), 0.5, np.float32))


def test_two_photographs_do_not_show_each_other(shared_data):
    box, scene = (read(shared_data(f"keypoints/{n}.png")).image for n in ("box", "box_in_scene"))
    scene = scene.copy()
    scene[150:310, 80:300] = 128  # the box is covered, the rest of the scene stays
    with pytest.raises(AlignmentError, match="at least 8 are needed"):
        FindTemplate().find(scene, box)


def test_too_few_inliers_are_said_with_both_numbers(scene, template):
    count = FindTemplate().find(scene, template).inlier_count
    with pytest.raises(AlignmentError, match=rf"at least {count + 500} are needed") as caught:
        FindTemplate(min_inliers=count + 500).find(scene, template)
    assert "larger ratio" in (caught.value.hint or "")


def fit_of(src, dst, matrix):
    return HomographyFit(matrix, np.ones(len(src), bool), 0.5), src, dst


def test_the_error_of_the_corners_is_that_of_repeated_measurements():
    from sfumato.features.homography import refine_homography

    rng = np.random.default_rng(8)
    src, true = rng.uniform([40, 30], [150, 120], (30, 2)), some_map(2, 30.0, 0.8)
    corners, found, said = corners_of(SIZE), [], []
    for _ in range(300):
        dst = map_points(true, src) + rng.normal(0, 0.5, src.shape)
        matrix = refine_homography(src, dst)
        found.append(map_points(matrix, corners))
        said.append(_corner_error(*fit_of(src, dst, matrix), corners))
    spread = np.sqrt(((np.array(found) - map_points(true, corners)) ** 2).mean(axis=0).sum(axis=1))
    np.testing.assert_allclose(np.sqrt((np.array(said) ** 2).mean(axis=0)), spread, rtol=0.15)


def test_inliers_on_a_line_leave_the_corners_open():
    x = np.linspace(5, 190, 12)
    src = np.stack([x, 0.5 * x + 3], axis=1)
    assert np.isinf(_corner_error(*fit_of(src, src.copy(), np.eye(3)), corners_of(SIZE))).all()


def test_inliers_crowded_in_a_corner_do_not_place_the_outline(template):
    spot = np.full((700, 900), 0.5, np.float32)
    spot[10:70, 10:80] = template[:60, :70]
    noisy = np.random.default_rng(1).normal(0, 0.08, (300, 400)) + 0.5
    noisy[100:160, 100:170] += template[:60, :70] - 0.5
    with pytest.raises(AlignmentError, match=r"\d+ of \d+ .*too close together"):
        FindTemplate().find(np.clip(noisy, 0, 1).astype(np.float32), spot)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), degrees=st.floats(-180, 180), scale=st.floats(0.3, 2.5))
def test_the_mask_covers_the_pixels_that_lead_back_into_the_template(seed, degrees, scale):
    matrix = some_map(seed, degrees, scale)
    empty = np.zeros((0, 2), np.float32)
    match = TemplateMatch(
        SIZE, matrix, map_points(matrix, corners_of(SIZE)), np.zeros(4), empty, empty,
        np.zeros(0, bool), 0.0,
    )  # fmt: skip
    y, x = np.mgrid[0 : SCENE[0], 0 : SCENE[1]]
    back = map_points(np.linalg.inv(matrix), np.stack([x.ravel(), y.ravel()], axis=1))
    outside = np.abs(back - (np.array(SIZE[::-1]) - 1) / 2) - np.array(SIZE[::-1]) / 2
    inside = (outside <= 0).all(axis=1).reshape(SCENE)
    np.testing.assert_array_equal(match.mask(SCENE), inside)


def test_a_mask_beyond_the_scene_is_empty(scene, template):
    match = FindTemplate().find(scene, template)
    assert match.mask((5, 5)).sum() == 0
    assert match.mask((5, 5)).shape == (5, 5)


def test_as_a_step_it_leaves_the_image_and_tells_match_and_area(scene, template):
    sample = Sample(codes(scene), hint=codes(template), meta={"iso": 100})
    out = FindTemplate()(sample)
    match = out.meta["template"]
    np.testing.assert_array_equal(out.image, sample.image)
    np.testing.assert_array_equal(out.mask, match.mask(sample.size))
    assert out.meta["iso"] == 100
    assert "template" not in sample.meta


def test_a_recipe_names_the_file_of_the_template(scene, template, tmp_path):
    write(tmp_path / "cover.png", codes(template))
    recipe = Pipeline(steps=(FindTemplate(template=tmp_path / "cover.png", ratio=0.8),))
    again = from_yaml(to_yaml(recipe))
    assert again == recipe
    wanted = FindTemplate(ratio=0.8).find(codes(scene), codes(template))
    found = again(Sample(codes(scene))).meta["template"]
    np.testing.assert_array_equal(found.homography, wanted.homography)


def test_a_failure_can_be_kept(template):
    blank = Sample(np.zeros((40, 50, 3), np.uint8), hint=codes(template))
    out = FindTemplate(on_failure="keep")(blank)
    assert out.meta["template"] is None
    assert out.mask.shape == (40, 50)
    assert not out.mask.any()
    with pytest.raises(AlignmentError):
        FindTemplate()(blank)


def test_refusals_say_what_came(scene, template, tmp_path):
    with pytest.raises(FieldError, match="FindTemplate reads 'hint'"):
        FindTemplate()(codes(scene))
    with pytest.raises(FileError, match="nothing.png"):
        FindTemplate(template=tmp_path / "nothing.png")(codes(scene))
    with pytest.raises(ShapeError, match="got 2"):
        FindTemplate().find(scene, np.zeros((8, 8, 2), np.uint8))
    with pytest.raises(DtypeError, match="float64"):
        FindTemplate().find(scene.astype(float), template)
    with pytest.raises(DtypeError, match="got str"):
        FindTemplate().find(scene, "cover.png")
    broken = template.copy()
    broken[3, 4] = np.nan
    with pytest.raises(RangeError, match="NaN"):
        FindTemplate().find(scene, broken)
    with pytest.raises(RangeError, match="ratio"):
        FindTemplate(ratio=1.5)
    with pytest.raises(RangeError, match="min_inliers"):
        FindTemplate(min_inliers=4)
