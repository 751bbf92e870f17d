"""Everything on the menu is written down and done again: settings, and what was drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sfumato.augment as A
from sfumato.errors import SpecError
from sfumato.testing import practice_sample


def fields_for(transform):
    sample = practice_sample(size=(37, 45))
    image = sample.image
    if transform.channels is not None and 3 not in transform.channels:
        image = np.ascontiguousarray(image[..., :1])
    fields = {"image": image, "mask": sample.mask, "bboxes": [(2.0, 3.0, 22.0, 33.0)]}
    return {**fields, "keypoints": [(4.0, 5.0), (30.0, 11.0)], **transform.example_fields}


def same(a, b):
    if hasattr(a, "numpy"):
        a, b = np.asarray(a), np.asarray(b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return bool(np.all(np.asarray(a) == np.asarray(b)))


def test_a_transform_is_written_as_json_and_read_back(transform_class):
    transform = transform_class.example()
    try:
        written = json.loads(json.dumps(A.to_dict(transform)))
    except SpecError as refusal:
        pytest.skip(f"holds what cannot be written, and says so: {refusal}")
    read = A.from_dict(written)
    assert A.to_dict(read) == A.to_dict(transform)
    assert type(read) is transform_class


def test_what_was_drawn_is_enough_to_do_it_again(transform_class):
    """The record goes through JSON, so it is small and plain; the replay is the same to the bit."""
    transform = transform_class.example()
    try:
        A.to_dict(transform)
    except SpecError as refusal:
        pytest.skip(f"cannot be written: {refusal}")
    fields = fields_for(transform)
    compose = A.ReplayCompose(
        [transform],
        bbox_params=A.BboxParams("pascal_voc"),
        keypoint_params=A.KeypointParams("xy"),
    )
    out = compose(**fields, rng=11)
    record = json.dumps(out["replay"])
    again = A.ReplayCompose.replay(json.loads(record), **fields)
    for name in ("image", "mask", "bboxes", "keypoints"):
        assert same(out[name], again[name]), name


def test_a_transform_works_inside_of_every_composition(transform_class):
    transform = transform_class.example()
    fields = fields_for(transform)
    steps = A.Sequential([A.OneOf([A.SomeOf([transform], n=1)], p=1)], p=1)
    params = {
        "bbox_params": A.BboxParams("pascal_voc"), "keypoint_params": A.KeypointParams("xy"),
    }  # fmt: skip
    out = A.Compose([steps], **params)(**fields, rng=11)
    assert out.keys() == fields.keys()
    height, width = np.asarray(out["mask"]).shape[:2]
    for x0, y0, x1, y1 in out["bboxes"]:
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
    for x, y in out["keypoints"]:
        assert -0.5 <= x < width
        assert -0.5 <= y < height
