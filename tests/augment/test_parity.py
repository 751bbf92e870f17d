"""Geometry agrees with albumentations 2.0.8: to the bit where it is fixed, in distribution else."""

from __future__ import annotations

import albumentations as peer
import numpy as np
import pytest

import sfumato.augment as A
from sfumato.core.opencv import cv2

pytestmark = pytest.mark.filterwarnings("ignore:ShiftScaleRotate is a special case")
RNG = np.random.default_rng(20261126)
PICTURE = RNG.integers(0, 256, (61, 84, 3), dtype=np.uint8)
MASK = RNG.integers(0, 5, (61, 84), dtype=np.uint8)
POINTS = [(20.0, 30.0), (41.5, 33.25), (55.0, 29.0)]

EXACT = [
    ("HorizontalFlip", {}), ("VerticalFlip", {}), ("Transpose", {}),
    ("Crop", {"x_min": 3, "y_min": 5, "x_max": 80, "y_max": 60}),
    ("CenterCrop", {"height": 40, "width": 51}), ("CenterCrop", {"height": 41, "width": 50}),
    ("CenterCrop", {"height": 80, "width": 50, "pad_if_needed": True}),
    ("RandomCrop", {"height": 61, "width": 84}),
    *(("Pad", {"padding": (3, 5, 7, 2), "border_mode": mode}) for mode in range(5)),
    ("Pad", {"padding": 4, "fill": (9, 8, 7), "fill_mask": 3}), ("Pad", {"padding": (2, 6)}),
    *(("PadIfNeeded", {"min_height": 80, "min_width": 101, "position": where, "fill": 7})
      for where in ("center", "top_left", "top_right", "bottom_left", "bottom_right")),
    ("PadIfNeeded", {"min_height": 70, "min_width": 90, "border_mode": 4}),
    ("PadIfNeeded", {"min_height": None, "min_width": None, "pad_height_divisor": 16,
                     "pad_width_divisor": 32}),
    ("CropAndPad", {"px": (3, 4, 5, 6), "keep_size": False}),
    ("CropAndPad", {"px": (-3, -4, -5, -6), "keep_size": False}),
    ("CropAndPad", {"px": -5, "keep_size": False}),
    ("CropAndPad", {"percent": 0.1, "keep_size": False, "sample_independently": False}),
]  # fmt: skip
SCALED = [
    *(("Resize", {"height": 50, "width": 101, "interpolation": how}) for how in range(5)),
    ("Resize", {"height": 30, "width": 40, "area_for_downscale": "image"}),
    ("LongestMaxSize", {"max_size": 50}), ("SmallestMaxSize", {"max_size": 50}),
    ("LongestMaxSize", {"max_size_hw": (30, 40)}), ("RandomScale", {"scale_limit": (0.37, 0.37)}),
    ("CropAndPad", {"px": -7}), ("CropAndPad", {"px": (4, 0, 9, 2), "fill": 100}),
]  # fmt: skip
WARPED = [
    ("Affine", {"rotate": (30, 30)}), ("Affine", {"scale": {"x": (1.3, 1.3), "y": (0.8, 0.8)}}),
    ("Affine", {"shear": {"x": (20, 20), "y": (-10, -10)}, "rotate": (-12, -12)}),
    ("Affine", {"translate_px": {"x": (5, 5), "y": (-7, -7)}, "rotate": (10, 10), "fill": 50}),
    ("Affine", {"translate_percent": {"x": (0.25, 0.25), "y": (0.1, 0.1)}, "scale": (0.9, 0.9)}),
    ("Rotate", {"limit": (25, 25)}), ("Rotate", {"limit": (25, 25), "border_mode": 4}),
    ("ShiftScaleRotate", {"shift_limit": (0.1, 0.1), "scale_limit": (0.2, 0.2),
                          "rotate_limit": (30, 30)}),
]  # fmt: skip


def both(name, settings, **options):
    """Run the same call on both sides."""
    fields = {"image": PICTURE, "mask": MASK, "keypoints": POINTS}
    results = []
    for side in (A, peer):
        params = side.KeypointParams("xy", remove_invisible=False)
        step = getattr(side, name)(p=1.0, **settings)
        results.append(side.Compose([step], keypoint_params=params)(**{**fields, **options}))
    return results


def ids(rows):
    return [f"{name}-{k}" for k, (name, _) in enumerate(rows)]


@pytest.mark.parametrize(("name", "settings"), EXACT, ids=ids(EXACT))
@pytest.mark.parametrize("kind", ["uint8", "float32", "gray"])
def test_whole_pixels_move_to_the_same_places(name, settings, kind):
    picture = {"uint8": PICTURE, "float32": PICTURE.astype(np.float32) / 255,
               "gray": PICTURE[..., 0].copy()}[kind]  # fmt: skip
    if kind == "gray" and isinstance(settings.get("fill"), tuple):
        settings = {**settings, "fill": 9}
    ours, theirs = both(name, settings, image=picture)
    np.testing.assert_array_equal(ours["image"], theirs["image"])
    np.testing.assert_array_equal(ours["mask"], theirs["mask"])
    np.testing.assert_allclose(ours["keypoints"], theirs["keypoints"], atol=1e-4)


@pytest.mark.parametrize(("name", "settings"), SCALED, ids=ids(SCALED))
def test_scaled_pictures_are_the_same(name, settings):
    ours, theirs = both(name, settings)
    np.testing.assert_array_equal(ours["image"], theirs["image"])
    np.testing.assert_array_equal(ours["mask"], theirs["mask"])


@pytest.mark.parametrize(("name", "settings"), WARPED, ids=ids(WARPED))
def test_warped_pictures_are_the_same_within_a_level(name, settings):
    smooth = cv2.GaussianBlur(PICTURE, (0, 0), 2.0)
    ours, theirs = both(name, settings, image=smooth)
    assert np.abs(ours["image"].astype(int) - theirs["image"]).max() <= 1
    assert (ours["mask"] != theirs["mask"]).mean() < 0.01
    if settings.get("border_mode") != 4:  # there albumentations mirrors points too
        np.testing.assert_allclose(ours["keypoints"], theirs["keypoints"], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Affine", {"scale": (0.8, 1.2), "rotate": (-20, 20), "translate_percent": (-0.1, 0.1)}),
        ("Affine", {"scale": (0.5, 2.0), "keep_ratio": True, "balanced_scale": True}),
        ("ShiftScaleRotate", {}), ("Rotate", {"limit": 40}), ("SafeRotate", {"limit": 40}),
        ("RandomResizedCrop", {"size": (64, 64)}),
        ("RandomSizedCrop", {"min_max_height": (30, 60), "size": (64, 64)}),
        ("RandomCrop", {"height": 40, "width": 40}), ("RandomCropFromBorders", {"crop_left": 0.4}),
        ("ElasticTransform", {"alpha": 60, "sigma": 8}),
        ("ElasticTransform", {"alpha": 200, "sigma": 16, "noise_distribution": "uniform"}),
        ("OpticalDistortion", {"distort_limit": (-0.5, 0.5)}),
        ("GridDistortion", {"distort_limit": (-0.3, 0.3)}),
        ("CropAndPad", {"percent": (-0.2, 0.2)}),
    ],
)  # fmt: skip
def test_pixels_come_from_as_far_away_as_in_albumentations(name, settings):
    """A picture of its own coordinates is warped many times; a pixel then says whence it came."""
    y, x = np.mgrid[0:64, 0:64].astype(np.float32)
    places = np.dstack([x, y, np.ones_like(x)])
    seen = []
    for side in (A, peer):
        step = side.Compose([getattr(side, name)(p=1.0, **settings)], seed=3)
        draws = [step(image=places)["image"] for _ in range(250)]
        spots = [d[int(fy * (len(d) - 1)), int(fx * (d.shape[1] - 1))] for d in draws
                 for fx, fy in ((0.5, 0.5), (0.3, 0.4))]  # fmt: skip
        seen.append(np.array([s[:2] for s in spots if s[2] > 0.99]))
    ours, theirs = seen
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=1.2)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.2, atol=0.35)


@pytest.mark.parametrize("name", ["RandomRotate90", "D4", "SquareSymmetry"])
def test_every_symmetry_is_drawn_as_often(name):
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3)
    counts = []
    for side in (A, peer):
        step = side.Compose([getattr(side, name)(p=1.0)], seed=3)
        seen = [step(image=picture)["image"].tolist() for _ in range(800)]
        kinds = sorted({str(s) for s in seen})
        counts.append({k: [str(s) for s in seen].count(k) / 800 for k in kinds})
    assert counts[0].keys() == counts[1].keys()
    assert max(abs(v - 1 / len(counts[0])) for v in counts[0].values()) < 0.05
