from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FieldError, RangeError
from sfumato.segment.label_overlay import LabelOverlay
from sfumato.testing import check_operator

RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves() -> Sample:
    mask = np.repeat([[0, 0, 1, 1]], 3, axis=0)
    return Sample(np.full((3, 4, 3), 100, np.uint8), mask=mask)


def test_it_keeps_the_contract_of_operators():
    check_operator(LabelOverlay())


def test_borders_have_the_full_colour_and_the_rest_a_share():
    out = LabelOverlay(opacity=0.4, colors=(RED, BLUE))(halves()).image
    assert out[0, 0].tolist() == [162, 60, 60]
    assert out[0, 1].tolist() == [255, 0, 0]
    assert out[0, 2].tolist() == [60, 60, 162]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_clear_and_negative_labels_leave_every_bit(dtype, rng):
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    image = (rng.random((6, 7, 3)) * white).astype(dtype)
    mask = rng.integers(-1, 3, (6, 7))
    out = LabelOverlay(clear=(2,))(Sample(image, mask=mask)).image
    left = (mask < 0) | (mask == 2)
    np.testing.assert_array_equal(out[left], image[left])
    assert out.dtype == dtype
    assert (out[~left] != image[~left]).any()


def test_nothing_covered_is_the_picture_itself():
    sample = halves()
    out = LabelOverlay(opacity=0.0, outlines=False)(sample).image
    np.testing.assert_array_equal(out, sample.image)


def test_a_fourth_channel_stays():
    image = np.full((2, 2, 4), 77, np.uint8)
    out = LabelOverlay()(Sample(image, mask=np.ones((2, 2), bool))).image
    assert (out[..., 3] == 77).all()


def test_forty_labels_have_forty_colours_far_enough_apart_to_tell():
    mask = np.arange(40)[None]
    image = np.zeros((1, 40, 3), np.uint8)
    colors = LabelOverlay(opacity=1.0)(Sample(image, mask=mask)).image[0].astype(int)
    apart = np.abs(colors[:, None] - colors[None]).sum(axis=-1) + 1000 * np.eye(40, dtype=int)
    assert apart.min() > 8
    assert np.abs(np.diff(colors[:12], axis=0)).sum(axis=-1).min() > 100


def test_what_is_no_label_map_is_refused():
    sample = halves()
    with pytest.raises(FieldError, match="mask"):
        LabelOverlay()(sample.but(mask=None))
    with pytest.raises(DtypeError, match="float64"):
        LabelOverlay()(sample.but(mask=np.zeros((3, 4))))
    with pytest.raises(RangeError, match="colors"):
        LabelOverlay(colors=((0, 0, 256),))
