"""Label maps as pictures."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.sample import Sample
from sfumato.errors import DtypeError
from sfumato.raster import ShowLabels, label_colors


def test_the_first_colors_are_those_of_pascal_voc():
    published = [
        (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128),
        (0, 128, 128), (128, 128, 128), (64, 0, 0), (192, 0, 0), (64, 128, 0), (192, 128, 0),
        (64, 0, 128), (192, 0, 128), (64, 128, 128), (192, 128, 128), (0, 64, 0), (128, 64, 0),
        (0, 192, 0), (128, 192, 0), (0, 64, 128),
    ]  # fmt: skip
    np.testing.assert_array_equal((label_colors(21) * 255).round().astype(int), published)


def test_colors_of_256_labels_all_differ():
    assert len(np.unique(label_colors(256), axis=0)) == 256


def test_an_overlay_mixes_picture_and_color():
    sample = Sample(np.full((1, 2, 3), 100, np.uint8), mask=np.array([[0, 1]], np.int32))
    shown = ShowLabels(opacity=0.25, into="image")(sample).image
    assert shown.tolist() == [[[75, 75, 75], [107, 75, 75]]]


def test_a_soft_or_negative_mask_is_refused():
    picture = np.zeros((1, 2, 3), np.uint8)
    for mask in (np.array([[0.5, 1.0]], np.float32), np.array([[-1, 0]], np.int32)):
        with pytest.raises(DtypeError, match="whole numbers"):
            ShowLabels()(Sample(picture, mask=mask))
