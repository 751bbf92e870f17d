"""Mixes in pipelines: partners are read like the picture, and their rows follow to the end."""

from __future__ import annotations

import numpy as np
import pytest

import sfumato.augment as A
from sfumato.core import Sample
from sfumato.errors import FieldError, ShapeError


def marked(value, size=(20, 30), dtype=np.uint8, channels=1, label="x"):
    """A picture of one value with a box and a point in it, that carry the value along."""
    image = np.full((*size, channels), value, dtype)
    mask = np.full(size, value, np.uint8)
    boxes = np.array([[1.5, 2.5, 7.5, 9.5, value]], np.float32)
    points = np.array([[4, 5, value]], np.float32)
    return Sample(image, mask=mask, boxes=boxes, keypoints=points, meta={"label": label})


@pytest.mark.parametrize("as_array", [False, True])
def test_boxes_in_shares_follow_a_partner_of_another_size_through_several_mixes(as_array):
    def piece(v, size):
        boxes, names = [(0.25, 0.5, 0.1, 0.2), (0.7, 0.3, 0.2, 0.2)], [f"{v}a", f"{v}b"]
        if as_array:
            boxes, names = np.array(boxes), np.array(names)
        return {"image": np.full((*size, 3), v, np.uint8), "bboxes": boxes, "names": names}

    params = A.BboxParams("yolo", label_fields=["names"])
    flow = A.Compose(
        [
            A.Crop(0, 0, 20, 20, p=1),  # loses the second box before anything is joined
            A.OneOf([A.MixUp(p=1)], p=1),
            A.Mosaic((1, 1), (20, 20), (20, 20), (0.5, 0.5), p=1),
            A.HorizontalFlip(p=1),
        ],
        bbox_params=params,
    )
    partner = piece(5, (80, 50))
    given = piece(1, (40, 40))
    out = flow(**given, mixup_metadata=[partner], mosaic_metadata=[], rng=0)
    assert list(out["names"]) == ["1a", "5a", "5b"]
    own = (1 - 10 / 20, 18 / 20, 4 / 20, 4 / 20)  # 16..24 downward, of which 16..20 is left
    np.testing.assert_allclose(out["bboxes"][0], own, atol=1e-9)
    np.testing.assert_allclose(out["bboxes"][1], (0.75, 0.5, 0.1, 0.2), atol=1e-9)
    np.testing.assert_allclose(out["bboxes"][2], (0.3, 0.3, 0.2, 0.2), atol=1e-9)
    assert isinstance(out["names"], np.ndarray if as_array else list)


def test_a_sample_in_a_pipeline_brings_its_partners_in_meta():
    partners = [marked(v) for v in (20, 30, 40)]
    sample = marked(10).but(meta={"mosaic_metadata": partners})
    flow = A.Compose([A.Mosaic((2, 2), (40, 60), (20, 30), (0.5, 0.5), p=1)], seed=1)
    out = flow(sample)
    assert sorted(out.boxes[:, 4]) == [10, 20, 30, 40]
    assert np.array_equal(out.mask, out.image[..., 0])


def test_rows_of_different_width_are_refused():
    a, b = marked(1), marked(2)
    with pytest.raises(ShapeError, match="rows of 4 and of 5 columns"):
        A.MixUp(p=1)([a, b.but(boxes=b.boxes[:, :4])], 0)


def test_a_partner_without_its_labels_is_refused():
    flow = A.Compose([A.MixUp(p=1)], bbox_params=A.BboxParams("coco", label_fields=["ids"]))
    image = np.zeros((20, 30), np.uint8)
    other = {"image": image, "bboxes": [(1, 1, 3, 3)]}
    with pytest.raises(FieldError, match="has no 'ids'"):
        flow(**other, ids=[1], mixup_metadata=[other])
    with pytest.raises(ShapeError, match="'ids' has 2 entries"):
        flow(**other, ids=[1], mixup_metadata=[{**other, "ids": [1, 2]}])
