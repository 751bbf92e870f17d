"""What every transform on the menu promises beyond the contract of operators."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.augment._targets import KINDS
from sfumato.augment.transform import PixelTransform
from sfumato.testing import practice_sample

SIZES = ((1, 1), (1, 7), (5, 3), (37, 45))
BOXES = np.array([[2.0, 3.0, 20.0, 30.0], [0.0, 0.0, 9.0, 9.0]], np.float32)
POINTS = np.array([[4.0, 5.0], [30.0, 11.0]], np.float32)


def call(transform, seed=5, **fields):
    return transform(rng=seed, **{**transform.example_fields, **fields})


def picture_for(cls, size=(37, 45), channels=3):
    return practice_sample(size=size, channels=channels).image


def wanted(cls, channels):
    """Whether the transform takes pictures with this many channels."""
    return cls.channels is None or channels in cls.channels


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return bool(np.all(np.asarray(a) == np.asarray(b)))


def test_the_same_seed_gives_the_same_by_name(transform_class):
    transform, image = transform_class.example(), picture_for(transform_class)
    fields = {"image": image, "mask": image[..., 0].copy(), "bboxes": BOXES, "keypoints": POINTS}
    first, again = call(transform, **fields), call(transform, **fields)
    assert first.keys() == {*fields, *transform.example_fields}
    for name in fields:
        assert same(first[name], again[name]), name


def test_nothing_given_by_name_is_changed_or_shared(transform_class):
    transform, image = transform_class.example(), picture_for(transform_class)
    fields = {"image": image, "mask": image[..., 0].copy(), "bboxes": BOXES, "keypoints": POINTS}
    before = {name: value.copy() for name, value in fields.items()}
    out = call(transform, **fields)
    for name, value in fields.items():
        assert same(value, before[name]), name
        if isinstance(out[name], np.ndarray):
            assert not np.may_share_memory(out[name], value), name


def test_a_call_by_name_and_a_sample_agree(transform_class):
    if "tensor" in transform_class.alters:
        pytest.skip("leaves samples to Batch")
    transform = transform_class.example()
    sample = practice_sample(size=(37, 45))
    boxes, points = sample.boxes, sample.keypoints
    by_name = transform(image=sample.image, mask=sample.mask, bboxes=boxes, keypoints=points, rng=5)
    by_sample = transform(sample, 5)
    assert same(np.asarray(by_name["image"]), np.asarray(by_sample.image))
    assert same(by_name["mask"], by_sample.mask)


@pytest.mark.parametrize("size", SIZES)
def test_small_and_odd_pictures_are_taken(transform_class, size):
    if size < transform_class.smallest:
        pytest.skip("needs a larger picture, and says so")
    out = call(transform_class.example(), image=picture_for(transform_class, size))
    assert np.isfinite(np.asarray(out["image"])).all()


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_gray_color_and_spectral_pictures_are_taken(transform_class, channels):
    if not wanted(transform_class, channels):
        pytest.skip(f"is for {transform_class.channels} channels, and says so")
    image = picture_for(transform_class, channels=channels)
    out = call(transform_class.example(), image=image)["image"]
    assert "channels" in transform_class.alters or out.shape[2] == channels


def test_a_flat_picture_comes_back_flat(transform_class):
    if not wanted(transform_class, 1) or transform_class.alters:
        pytest.skip("changes the channels, or takes no gray")
    image = picture_for(transform_class, channels=1)
    flat = call(transform_class.example(), image=image[..., 0])["image"]
    assert same(flat, call(transform_class.example(), image=image)["image"][..., 0])


def test_no_boxes_and_no_points_stay_none(transform_class):
    image = picture_for(transform_class)
    out = call(transform_class.example(), image=image, bboxes=[], keypoints=[])
    assert len(out["bboxes"]) == 0
    assert len(out["keypoints"]) == 0


def test_a_list_of_pictures_is_treated_alike(transform_class):
    image = picture_for(transform_class)
    out = call(transform_class.example(), images=[image, image.copy()])["images"]
    assert isinstance(out, list)
    assert same(np.asarray(out[0]), np.asarray(out[1]))


def test_with_p_zero_nothing_happens(transform_class):
    config = {**transform_class.example().config, "p": 0.0}
    image = picture_for(transform_class)
    assert same(call(transform_class(**config), image=image)["image"], image)


def test_values_only_change_where_only_values_should(transform_class):
    if not issubclass(transform_class, PixelTransform):
        pytest.skip("moves pixels")
    image = picture_for(transform_class)
    fields = {"mask": image[..., 0].copy(), "bboxes": BOXES, "keypoints": POINTS}
    out = call(transform_class.example(), image=image, **fields)
    for name, value in fields.items():
        assert same(out[name], value), name


def test_the_names_of_targets_are_those_of_samples():
    assert {"image", "mask", "boxes", "keypoints", "depth", "hint", "target"} <= set(KINDS)
