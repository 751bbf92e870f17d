"""Everything on a picture goes where its pixels go: shown on a marked chart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sfumato.augment as A
from sfumato.augment._field import DenseField, add_places, invert
from sfumato.augment._motion import Resampling
from sfumato.augment.rotate import inscribed_size
from sfumato.core.opencv import cv2

SIZE = (120, 150)
MARKS = np.array([[40.0, 38.0], [75.0, 60.0], [104.0, 82.0], [60.0, 78.0]])
RADIUS = 5.0

SETTINGS = {
    "HorizontalFlip": {}, "VerticalFlip": {}, "Flip": {}, "Transpose": {}, "RandomRotate90": {},
    "D4": {}, "SquareSymmetry": {},
    "Rotate": {"limit": 30}, "SafeRotate": {"limit": 60},
    "ShiftScaleRotate": {"rotate_limit": 25},
    "Affine": {"scale": (0.85, 1.1), "rotate": (-20, 20), "shear": 9, "translate_px": (-6, 6)},
    "IAAAffine": {"rotate": (-20, 20), "fit_output": True},
    "Perspective": {"scale": (0.03, 0.06)}, "IAAPerspective": {"fit_output": True},
    "ElasticTransform": {"alpha": 150, "sigma": 12},
    "OpticalDistortion": {"distort_limit": 0.4},
    "GridDistortion": {"distort_limit": 0.2},
    "GridElasticDeform": {"num_grid_xy": (4, 3), "magnitude": 6},
    "PiecewiseAffine": {"scale": (0.01, 0.02)}, "IAAPiecewiseAffine": {"scale": (0.01, 0.02)},
    "ThinPlateSpline": {"scale_range": (0.05, 0.1)},
    "Crop": {"x_min": 11, "y_min": 7, "x_max": 140, "y_max": 110},
    "CenterCrop": {"height": 100, "width": 121}, "RandomCrop": {"height": 100, "width": 121},
    "RandomCropFromBorders": {},
    "AtLeastOneBBoxRandomCrop": {"height": 100, "width": 121},
    "BBoxSafeRandomCrop": {}, "RandomSizedBBoxSafeCrop": {"height": 130, "width": 140},
    "CropNonEmptyMaskIfExists": {"height": 100, "width": 121},
    "RandomCropNearBBox": {},
    "RandomResizedCrop": {"size": (110, 130), "scale": (0.5, 1.0)},
    "RandomSizedCrop": {"min_max_height": (80, 110), "size": (110, 130), "w2h_ratio": 1.2},
    "CropAndPad": {"px": (-9, 9)}, "IAACropAndPad": {"percent": (-0.1, 0.1), "keep_size": False},
    "Pad": {"padding": (3, 5, 7, 9)}, "PadIfNeeded": {"min_height": 133, "min_width": 161},
    "Resize": {"height": 151, "width": 131}, "RandomScale": {"scale_limit": 0.3},
    "LongestMaxSize": {"max_size": 170}, "SmallestMaxSize": {"max_size": 140},
    "IAAFliplr": {}, "IAAFlipud": {},
}  # fmt: skip
BENT = {"ElasticTransform", "PiecewiseAffine", "IAAPiecewiseAffine", "GridElasticDeform",
        "GridDistortion", "OpticalDistortion", "ThinPlateSpline"}  # fmt: skip
APART = {"RandomGridShuffle", "Morphological"}
"""Tested below: they tear pictures apart, or move no pixels."""


def chart():
    """A black picture with one smooth disk a channel, and each disk's box and center."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    planes = [np.clip(RADIUS + 0.5 - np.hypot(x - mx, y - my), 0, 1) for mx, my in MARKS]
    return np.ascontiguousarray(np.dstack(planes).astype(np.float32))


def centers(image):
    """The center of mass of each channel, and how much mass there is."""
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    mass = image.sum(axis=(0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        where = np.stack(
            [(image * x[..., None]).sum(axis=(0, 1)), (image * y[..., None]).sum(axis=(0, 1))]
        )
        return (where / mass).T, mass


def moved_chart(name, seed):
    transform = getattr(A, name)(**{"p": 1.0, **SETTINGS[name]})
    boxes = np.column_stack([MARKS - RADIUS - 0.5, MARKS + RADIUS + 0.5])
    image = chart()
    fields = {**transform.example_fields}
    if fields:
        fields["cropping_bbox"] = (20, 20, 130, 105)
    return image, transform(
        image=image,
        mask=(image * 200).astype(np.uint8),
        bboxes=boxes,
        keypoints=MARKS,
        rng=seed,
        **fields,
    )


def test_every_transform_of_geometry_is_tested_here():
    from sfumato.augment.spatial import SpatialTransform

    menu = {
        name for name in A.__all__
        if isinstance(getattr(A, name), type) and issubclass(getattr(A, name), SpatialTransform)
    }  # fmt: skip
    assert menu - {"SpatialTransform"} - APART == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=5)
@given(seed=st.integers(0, 2**32))
def test_points_and_masks_go_where_the_marks_go(name, seed):
    image, out = moved_chart(name, seed)
    before = image.sum(axis=(0, 1))
    seen, mass = centers(out["image"])
    height, width = out["image"].shape[:2]
    points = out["keypoints"]
    # A mark that is half out of the picture has its visible part elsewhere.
    margin = 2 * RADIUS + 2
    inside = ((points > margin) & (points < (width - margin, height - margin))).all(axis=1)
    inside &= mass > 0.3 * before
    if name not in BENT:  # a bent disk has its center of mass elsewhere
        np.testing.assert_allclose(points[inside], seen[inside], atol=0.12)
    if name != "RandomSizedBBoxSafeCrop":
        labels, _ = centers(out["mask"].astype(np.float64))
        seen = seen if name in BENT else points
        np.testing.assert_allclose(labels[inside], seen[inside], atol=0.9)


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=5)
@given(seed=st.integers(0, 2**32))
def test_a_moved_point_shows_the_pixel_that_it_came_with(name, seed):
    """Every pixel of the chart holds its own place; read where a point went, it says whence."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    transform = getattr(A, name)(**{"p": 1.0, **SETTINGS[name]})
    fields = {"cropping_bbox": (20, 20, 130, 105)} if transform.example_fields else {}
    points = np.column_stack([MARKS, np.arange(len(MARKS))])
    out = transform(image=np.dstack([x, y]), keypoints=points, rng=seed, **fields)
    places, moved = out["image"], out["keypoints"]
    height, width = places.shape[:2]
    inside = ((moved[:, :2] > 1) & (moved[:, :2] < (width - 2, height - 2))).all(axis=1)
    moved = moved[inside].astype(np.float32)
    if len(moved) == 0:
        return
    read = cv2.remap(places, moved[:, None, :2], None, cv2.INTER_LINEAR)[:, 0]
    np.testing.assert_allclose(read, MARKS[moved[:, 2].astype(int)], atol=0.1)


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=5)
@given(seed=st.integers(0, 2**32))
def test_boxes_hold_their_marks(name, seed):
    _, out = moved_chart(name, seed)
    for k, (x0, y0, x1, y1) in enumerate(out["bboxes"]):
        rows, columns = np.nonzero(out["image"][..., k] > 0.5)
        if len(rows) == 0:
            continue
        assert columns.min() >= x0 - 0.05
        assert columns.max() <= x1 + 0.05
        assert rows.min() >= y0 - 0.05
        assert rows.max() <= y1 + 0.05


@pytest.mark.parametrize("name", SETTINGS)
def test_boxes_are_no_larger_than_their_moved_outline(name):
    """A finely drawn outline is moved as points; the box is its bound, to a tenth of a pixel."""
    transform = getattr(A, name)(**{"p": 1.0, **SETTINGS[name]})
    x0, y0, x1, y1 = 45.0, 40.0, 100.0, 85.0
    t = np.linspace(0, 1, 200)
    rim = np.concatenate([
        np.column_stack([x0 + t * (x1 - x0), np.full(200, y0)]),
        np.column_stack([x0 + t * (x1 - x0), np.full(200, y1)]),
        np.column_stack([np.full(200, x0), y0 + t * (y1 - y0)]),
        np.column_stack([np.full(200, x1), y0 + t * (y1 - y0)]),
    ])  # fmt: skip
    fields = {"cropping_bbox": (20, 20, 130, 105)} if transform.example_fields else {}
    out = transform(image=chart(), bboxes=[[x0, y0, x1, y1]], keypoints=rim, rng=3, **fields)
    low, high = out["keypoints"].min(axis=0), out["keypoints"].max(axis=0)
    np.testing.assert_allclose(out["bboxes"][0], [*low, *high], atol=0.1)


@pytest.mark.parametrize("name", SETTINGS)
def test_angles_and_sizes_follow_the_map(name):
    """A short arrow is moved as two points; the angle and size of its foot agree with it."""
    from sfumato.augment._targets import Targets

    transform = getattr(A, name)(**{"p": 1.0, **SETTINGS[name]})
    arrow = 0.5
    for angle, size in ((0.0, 0.0), (0.0, 10.0), (0.3, 10.0), (2.0, 10.0), (4.5, 10.0)):
        step = arrow * np.array([np.cos(angle), np.sin(angle)])
        targets = Targets()
        targets.size = SIZE
        targets.images["image"] = chart()
        foot = np.array([70.0, 55.0])
        targets.extras["cropping_bbox"] = (20, 20, 130, 105)
        targets.keypoints["keypoints"] = np.array([
            [*foot, angle, size, 0], [*(foot + step), 0, 0, 1], [*(foot - step), 0, 0, 2],
            [*(foot + step[::-1] * (-1, 1)), 0, 0, 3], [*(foot - step[::-1] * (-1, 1)), 0, 0, 4],
        ])  # fmt: skip
        transform.advance(targets, np.random.default_rng(8))
        table = targets.keypoints["keypoints"]
        along, across = (table[1, :2] - table[2, :2]), (table[3, :2] - table[4, :2])
        turned = np.arctan2(along[1], along[0])
        assert abs((table[0, 2] - turned + np.pi) % (2 * np.pi) - np.pi) < 1e-3
        area = abs(along[0] * across[1] - along[1] * across[0]) / (2 * arrow) ** 2
        assert table[0, 3] == pytest.approx(size * np.sqrt(area), rel=1e-3)


@given(seed=st.integers(0, 2**32), rows=st.integers(1, 4), columns=st.integers(1, 4))
def test_tiles_change_places_with_all_that_lies_on_them(seed, rows, columns):
    picture = np.arange(30 * 41, dtype=np.uint16).reshape(30, 41)
    x, y = np.meshgrid(np.arange(0, 41, 3), np.arange(0, 30, 3))
    points = np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)
    out = A.RandomGridShuffle((rows, columns), p=1)(image=picture, keypoints=points, rng=seed)
    assert sorted(out["image"].ravel()) == sorted(picture.ravel())
    x, y = out["keypoints"].astype(int).T
    np.testing.assert_array_equal(
        out["image"][y, x], picture[points.astype(int)[:, 1], points.astype(int)[:, 0]]
    )


def test_the_box_of_a_torn_thing_holds_all_its_pieces():
    picture = np.zeros((30, 30), np.uint8)
    picture[5:25, 8:22] = 255
    for seed in range(8):
        out = A.RandomGridShuffle((3, 3), p=1)(
            image=picture, bboxes=[[7.5, 4.5, 21.5, 24.5]], rng=seed
        )
        rows, columns = np.nonzero(out["image"])
        bound = [columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5]
        np.testing.assert_array_equal(out["bboxes"][0], bound)


@pytest.mark.parametrize("operation", ["dilation", "erosion"])
@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_boxes_grow_and_shrink_with_bright_things(operation, scale):
    picture = np.zeros((40, 40), np.uint8)
    picture[10:25, 8:30] = 255
    change = A.Morphological(scale, operation, p=1)
    out = change(image=picture, mask=picture, bboxes=[[7.5, 9.5, 29.5, 24.5]], rng=1)
    rows, columns = np.nonzero(out["image"])
    bound = [columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5]
    np.testing.assert_array_equal(out["bboxes"][0], bound)
    np.testing.assert_array_equal(out["mask"], out["image"])


@given(angle=st.floats(-180, 180), height=st.integers(20, 90), width=st.integers(20, 90))
def test_a_turned_picture_without_border_shows_none(angle, height, width):
    out = A.Rotate((angle, angle), crop_border=True, p=1)(np.full((height, width), 255, np.uint8))
    assert out.min() >= 250
    assert out.shape == inscribed_size((height, width), angle)


def test_a_turn_in_steps_is_resampled_once_if_fused():
    picture = cv2.GaussianBlur(np.random.default_rng(0).random((90, 90), np.float32), (0, 0), 1.5)
    picture = (picture - picture.min()) / np.ptp(picture)
    steps = [
        A.Rotate((30, 30), p=1),
        A.HorizontalFlip(p=1),
        A.Rotate((30, 30), p=1),
        A.CenterCrop(50, 50),
    ]
    once = A.Compose([A.HorizontalFlip(p=1), A.CenterCrop(50, 50)])(image=picture)["image"]
    fused = A.Compose(steps)(image=picture)["image"]
    np.testing.assert_allclose(fused, once, atol=1e-5)
    apart = A.Compose(steps, fuse=False)(image=picture)["image"]
    assert 1e-3 < np.abs(apart - once).mean() < 0.05


def test_a_crop_after_a_warp_gives_the_same_pixels_fused_or_not():
    picture = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    steps = [A.Affine(rotate=(20, 20), p=1), A.Crop(10, 20, 60, 70), A.Transpose(p=1)]
    fields = {
        "image": picture,
        "mask": picture[..., 0],
        "bboxes": [(30, 30, 50, 60)],
        "keypoints": [(40, 41)],
    }
    params = {"bbox_params": A.BboxParams("pascal_voc"), "keypoint_params": A.KeypointParams("xy")}
    a, b = (A.Compose(steps, fuse=fuse, **params)(**fields) for fuse in (True, False))
    assert np.abs(a["image"].astype(int) - b["image"]).max() <= 1
    np.testing.assert_allclose(a["keypoints"], b["keypoints"])
    np.testing.assert_allclose(a["bboxes"], b["bboxes"])


def test_the_elastic_field_has_the_strength_of_smoothed_noise():
    """White noise of unit strength smoothed by a Gaussian of width s has strength 1 / (2 s √π)."""
    from sfumato.augment.elastic_transform import ElasticTransform

    for sigma in (3.0, 10.0, 20.0):
        transform = ElasticTransform(alpha=100.0, sigma=sigma)
        moves = [
            transform.motion({"seed": seed}, (256, 256)).places()[64:-64, 64:-64]
            - np.dstack(np.meshgrid(np.arange(64, 192), np.arange(64, 192)))
            for seed in range(30)
        ]
        want = 100.0 / (2 * sigma * np.sqrt(np.pi))
        assert np.std(moves) == pytest.approx(want, rel=0.08)
        field = np.stack(moves)[..., 0]
        lag = int(sigma)
        correlation = (field[:, :, lag:] * field[:, :, :-lag]).mean() / (field**2).mean()
        assert correlation == pytest.approx(np.exp(-((lag / sigma) ** 2) / 4), abs=0.06)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10)
def test_a_bent_map_is_inverted_exactly(seed):
    rng = np.random.default_rng(seed)
    waves = cv2.resize(
        rng.normal(0, 1.5, (8, 9, 2)).astype(np.float32), (90, 80), interpolation=cv2.INTER_CUBIC
    )
    field = DenseField(add_places(waves))
    goal = rng.uniform((15, 15), (75, 65), (50, 2))
    found = invert(field.source, goal, (80, 90))
    np.testing.assert_allclose(field.source(found), goal, atol=5e-3)


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint32])
@pytest.mark.parametrize(
    "name", ["Rotate", "ElasticTransform", "Transpose", "Resize", "Pad", "HorizontalFlip"]
)
def test_masks_of_any_whole_numbers_keep_their_labels(name, dtype):
    top = 1 if dtype == np.bool_ else min(np.iinfo(dtype).max, 70000)
    mask = np.random.default_rng(0).integers(0, 2, (40, 50)).astype(dtype) * dtype(top)
    transform = getattr(A, name)(**{"p": 1.0, **SETTINGS[name]})
    out = transform(image=np.zeros((40, 50), np.uint8), mask=mask, rng=1)["mask"]
    assert out.dtype == dtype
    assert set(np.unique(out)) <= {dtype(0), dtype(top)}


def test_a_picture_of_seventeen_channels_is_warped_channel_by_channel():
    picture = np.random.default_rng(0).random((40, 50, 17)).astype(np.float32)
    whole = A.Affine(rotate=(20, 20), fill=0.5, p=1)(picture)
    alone = A.Affine(rotate=(20, 20), fill=0.5, p=1)(np.ascontiguousarray(picture[..., 9:10]))
    np.testing.assert_array_equal(whole[..., 9:10], alone)


def test_fill_is_one_value_or_one_a_channel():
    picture = np.zeros((4, 4, 3), np.uint8)
    framed = A.Pad(1, fill=(10, 20, 30), p=1)(picture)
    np.testing.assert_array_equal(framed[0, 0], [10, 20, 30])
    np.testing.assert_array_equal(A.Pad(1, fill=7, p=1)(picture)[0, 0], [7, 7, 7])
    assert Resampling().fill == 0.0


@pytest.mark.parametrize("first", ["r90", "t", "h"])
def test_a_symmetry_fused_with_its_undoing_gives_the_picture_back(first):
    """On a picture that is not square a quarter turn and its undoing leave a bordered strip."""
    from sfumato.augment._fuse import fused
    from sfumato.augment._projective import Projective
    from sfumato.augment._symmetry import Symmetry

    picture = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    turn = Symmetry(first, (20, 31))
    back = Projective(np.linalg.inv(turn.matrix), (20, 31), turn.size)
    plain = (Resampling(), Resampling("nearest"))
    together = fused((turn, *plain), (back, *plain))
    assert together is not None
    np.testing.assert_array_equal(together[0].image(picture, plain[0]), picture)
    with_border = Projective(np.linalg.inv(turn.matrix), turn.size, turn.size)
    together = fused((turn, *plain), (with_border, *plain))
    assert together[0].image(picture, plain[0]).shape[:2] == turn.size
