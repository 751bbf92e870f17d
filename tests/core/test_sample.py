from __future__ import annotations

import numpy as np
import pytest

from sfumato import Sample
from sfumato.errors import DtypeError, FieldError, ShapeError


def test_fields_are_listed_in_the_order_of_the_class():
    sample = Sample(np.zeros((3, 4, 1), np.uint8), mask=np.zeros((3, 4), int), text="a")
    assert sample.fields() == ("image", "mask", "text")
    assert sample.size == (3, 4)


def test_but_changes_a_copy_only():
    first = Sample(np.zeros((3, 4, 1), np.uint8))
    second = first.but(text="other")
    assert (first.text, second.text) == (None, "other")
    assert second.image is first.image


def test_a_missing_field_is_named_with_who_asked_and_what_there_is():
    sample = Sample(np.zeros((3, 4, 1), np.uint8))
    with pytest.raises(FieldError, match=r"Fuse reads 'stack'[\s\S]*it has: image"):
        sample.require("stack", "Fuse")


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((3, 4)), ShapeError),
        (np.zeros((3, 4, 1)), DtypeError),
        (np.zeros((3, 4, 1), np.int16), DtypeError),
        (np.zeros((0, 4, 1), np.uint8), ShapeError),
        ([[1]], DtypeError),
    ],
)
def test_what_is_no_picture_is_refused(image, error):
    with pytest.raises(error):
        Sample(image)


def test_planes_of_another_size_are_refused():
    image = np.zeros((3, 4, 1), np.uint8)
    with pytest.raises(ShapeError, match="mask"):
        Sample(image, mask=np.zeros((4, 3), int))
    with pytest.raises(ShapeError, match="boxes"):
        Sample(image, boxes=np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="stack"):
        Sample(image, stack=image)


def test_a_sample_cannot_be_edited():
    sample = Sample(np.zeros((3, 4, 1), np.uint8))
    with pytest.raises(AttributeError):
        sample.text = "no"  # type: ignore[misc]
