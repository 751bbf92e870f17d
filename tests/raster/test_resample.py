"""Any size, any kernel, and everything on the picture moves along."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.core.sample import Sample
from sfumato.core.spec import from_spec, to_spec
from sfumato.errors import RangeError, SpecError
from sfumato.raster.resample import Resample
from sfumato.raster.resampling import resample_image


def test_a_size_may_change_the_shape_of_the_picture(picture):
    assert Resample(size=(40, 200))(picture).shape == (40, 200, 3)


def test_a_scale_rounds_each_side(picture):
    assert picture.shape == (61, 83, 3)
    assert Resample(scale=0.5)(picture).shape == (30, 42, 3)
    assert Resample(scale=0.001)(picture).shape == (1, 1, 3)


@pytest.mark.parametrize("kernel", ["area", "bicubic", "lanczos"])
def test_the_chosen_kernel_is_used(picture, kernel):
    out = Resample(size=(20, 25), kernel=kernel)(picture)
    np.testing.assert_array_equal(out, resample_image(picture, (20, 25), kernel))


@pytest.mark.parametrize("scale", [0.4, 2.6])
def test_key_points_stay_on_what_they_mark(scale):
    y, x = np.mgrid[0:80, 0:100].astype(np.float32)
    mark = np.array([[30.3, 21.0]], np.float32)
    dot = np.exp(-((x - 30.3) ** 2 + (y - 21.0) ** 2) / 32)[..., None]
    out = Resample(scale=scale)(Sample(dot, keypoints=mark))
    light = out.image[..., 0] / out.image.sum()
    rows, columns = np.indices(light.shape)
    centre = [(columns * light).sum(), (rows * light).sum()]
    np.testing.assert_allclose(out.keypoints[0], centre, atol=0.02)


def test_masks_keep_their_labels(picture, rng):
    mask = rng.choice([0, 7, 90], (61, 83)).astype(np.int32)
    out = Resample(scale=0.3)(Sample(picture, mask=mask))
    assert out.mask.shape == out.size
    assert set(np.unique(out.mask)) <= {0, 7, 90}


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40))
def test_the_size_is_exact_and_the_recipe_comes_back(height, width):
    step = Resample(size=(height, width), kernel="bicubic")
    assert step(np.zeros((9, 11, 1), np.uint8)).shape == (height, width, 1)
    assert from_spec(to_spec(step)) == step


def test_neither_or_both_of_size_and_scale_are_refused():
    for settings_given in ({}, {"size": (3, 4), "scale": 0.5}):
        with pytest.raises(SpecError, match="one of size and scale"):
            Resample(**settings_given)
    with pytest.raises(RangeError, match="scale"):
        Resample(scale=0.0)
    with pytest.raises(RangeError, match="size"):
        Resample(size=(0, 4))
