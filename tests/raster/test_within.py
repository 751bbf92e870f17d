"""Inside the operator's picture, outside the very bits that came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from sfumato.core.operator import ImageOperator, Operator
from sfumato.core.pipeline import Maybe, Pipeline
from sfumato.core.sample import Sample
from sfumato.core.spec import from_yaml, to_yaml
from sfumato.core.warp import WarpOperator
from sfumato.errors import DtypeError, FieldError, RangeError, ShapeError
from sfumato.raster.mask_feather import feather
from sfumato.raster.resize import Resize
from sfumato.raster.sharpen import Sharpen
from sfumato.raster.within import Within

DTYPES = [np.uint8, np.uint16, np.float32]


class Negative(ImageOperator):
    """Turn light into dark."""

    def apply_image(self, image, rng):
        white = 1.0 if image.dtype == np.float32 else np.iinfo(image.dtype).max
        return np.asarray(white - image, image.dtype)


class Noise(ImageOperator):
    """Give nothing but noise."""

    def apply_image(self, image, rng):
        return (rng.random(image.shape) * 200).astype(image.dtype)


class Broken(ImageOperator):
    """Give nothing but NaN."""

    def apply_image(self, image, rng):
        return np.full_like(image, np.nan)


class Still(WarpOperator):
    """Move nothing, but by a map."""

    def flow(self, size, rng):
        return np.eye(3)


class Writes(Operator):
    """Write some fields."""

    fields: dict

    def apply(self, sample, rng):
        return sample.but(**self.fields)


def as_dtype(picture, dtype):
    return (picture / 255).astype(np.float32) if dtype == np.float32 else picture.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("feather_px", [0.0, 9.0])
def test_outside_is_untouched_and_deep_inside_is_the_operators(picture, dtype, feather_px):
    image = as_dtype(picture, dtype)
    mask = np.zeros((61, 83), np.uint8)
    mask[10:50, 20:70] = 1
    before = image.copy()
    out = Within(op=Negative(), feather_px=feather_px)(Sample(image, mask=mask)).image
    full = Negative()(image)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out[mask == 0], image[mask == 0])
    np.testing.assert_array_equal(out[20:40, 30:60], full[20:40, 30:60])
    np.testing.assert_array_equal(image, before)
    if feather_px == 0:
        np.testing.assert_array_equal(out[mask == 1], full[mask == 1])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0, 12), st.sampled_from(DTYPES), st.booleans())
def test_the_border_blends_by_the_feather(seed, feather_px, dtype, inverted):
    rng = np.random.default_rng(seed)
    image = as_dtype(rng.integers(0, 256, (16, 18, 2), np.uint8), dtype)
    mask = np.zeros((16, 18), bool)
    mask[3:13, 2:11] = True
    step = Within(op=Negative(), feather_px=feather_px, inverted=inverted)
    out = step(Sample(image, mask=mask)).image
    covered = ~mask if inverted else mask
    share = feather(covered, feather_px=feather_px, side="inside")[..., None].astype(float)
    wanted = (1 - share) * image + share * Negative()(image)
    np.testing.assert_allclose(out, wanted, atol=1e-6 if dtype == np.float32 else 0.51)
    np.testing.assert_array_equal(out[~covered], image[~covered])


def test_a_soft_mask_is_its_own_feather(picture, rng):
    mask = rng.random((61, 83)).astype(np.float32)
    mask[:20], mask[40:] = 0, 1
    out = Within(op=Negative())(Sample(picture, mask=mask)).image
    np.testing.assert_array_equal(out[:20], picture[:20])
    np.testing.assert_array_equal(out[40:], 255 - picture[40:])
    share = mask[20:40, :, None].astype(float)
    wanted = picture[20:40] + share * (255.0 - 2.0 * picture[20:40])
    np.testing.assert_allclose(out[20:40], wanted, atol=0.51)


def test_nan_outside_of_the_mask_does_not_come_in():
    image = np.full((9, 9, 1), 0.5, np.float32)
    nowhere = np.zeros((9, 9), bool)
    assert (Within(op=Broken())(Sample(image, mask=nowhere)).image == 0.5).all()


def test_polygons_are_fractions_or_pixels(picture):
    half = (((0, 0), (0.5, 0), (0.5, 1), (0, 1)),)
    corners = (((-0.5, -0.5), (41, -0.5), (41, 60.5), (-0.5, 60.5)),)
    out = Within(op=Negative(), mask=half)(picture)
    np.testing.assert_array_equal(out[:, :41], 255 - picture[:, :41])
    np.testing.assert_array_equal(out[:, 41:], picture[:, 41:])
    np.testing.assert_array_equal(Within(op=Negative(), mask=corners, units="px")(picture), out)


def test_a_mask_file_is_read(picture, tmp_path):
    mask = np.zeros((61, 83), np.uint8)
    mask[5:20, 5:30] = 255
    Pillow.fromarray(mask).save(tmp_path / "mask.png")
    step = Within(op=Negative(), mask=tmp_path / "mask.png")
    out = step(picture)
    np.testing.assert_array_equal(out[mask > 0], 255 - picture[mask > 0])
    np.testing.assert_array_equal(out[mask == 0], picture[mask == 0])
    with pytest.raises(ShapeError, match=r"83 x 61 px, the picture 20 x 20 px"):
        step(picture[:20, :20])


def test_the_recipe_comes_back(tmp_path):
    steps = (
        Within(op=Sharpen(amount=0.7), feather_px=4.5, inverted=True),
        Within(op=Sharpen(), mask=(((0, 0), (1, 0), (0.5, 1)),)),
        Within(op=Pipeline(steps=(Sharpen(),)), mask=tmp_path / "sky.png"),
        Within(op=Sharpen(), mask=(((0, 0), (9, 0), (5, 9)),), units="px"),
    )
    for step in steps:
        assert from_yaml(to_yaml(step)) == step


def test_it_is_a_step_like_any_other(picture):
    mask = np.zeros((61, 83), bool)
    mask[:30] = True
    line = Pipeline(steps=(Within(op=Maybe(op=Negative(), p=1.0)), Within(op=Negative())))
    assert line.inputs == ("image", "mask")
    np.testing.assert_array_equal(line(image=picture, mask=mask)["image"], picture)
    with pytest.raises(FieldError, match="reads 'mask'"):
        line(picture)


def test_the_same_seed_gives_the_same_inside(picture):
    step = Within(op=Noise(), mask=(((0, 0), (1, 0), (1, 1)),))
    np.testing.assert_array_equal(step(picture, 3), step(picture, 3))
    assert (step(picture, 3) != step(picture, 4)).any()


def test_stack_depth_and_labels_are_confined_too(picture, rng):
    stack = np.stack([picture, picture // 2])
    labels, depth = np.zeros((61, 83), np.uint8), np.zeros((61, 83), np.float32)
    labels[:, :40] = 1
    new = {
        "stack": 255 - stack,
        "depth": np.full_like(depth, 7),
        "mask": np.full_like(labels, 3),
        "text": "seen",
    }
    sample = Sample(picture, stack=stack, mask=labels, depth=depth)
    out = Within(op=Writes(fields=new))(sample)
    np.testing.assert_array_equal(out.stack[:, :, :40], 255 - stack[:, :, :40])
    np.testing.assert_array_equal(out.stack[:, :, 40:], stack[:, :, 40:])
    assert set(np.unique(out.mask[:, :40])) == {3}
    assert set(np.unique(out.mask[:, 40:])) == {0}
    assert out.depth[:, :40].min() == 7
    assert out.depth[:, 40:].max() == 0
    np.testing.assert_array_equal(out.image, picture)
    assert out.text == "seen"


def test_what_moves_pixels_is_refused(picture):
    for op in (Still(), Pipeline(steps=(Sharpen(), Maybe(op=Still())))):
        with pytest.raises(ShapeError, match="Still moves pixels"):
            Within(op=op)
    mask = np.ones((61, 83), bool)
    with pytest.raises(ShapeError, match="outside of Within"):
        Within(op=Resize(long_side_px=20))(Sample(picture, mask=mask))
    points = np.float32([[1, 2]])
    moved = Writes(fields={"keypoints": points + 1})
    with pytest.raises(ShapeError, match="moves keypoints"):
        Within(op=moved)(Sample(picture, mask=mask, keypoints=points))


def test_what_cannot_stand_in_one_picture_is_refused(picture):
    sample = Sample(picture, mask=np.ones((61, 83), bool))
    with pytest.raises(FieldError, match="'srgb' into 'linear'"):
        Within(op=Writes(fields={"space": "linear"}))(sample)
    with pytest.raises(ShapeError, match="'image'"):
        Within(op=Writes(fields={"image": picture[..., :1]}))(sample)
    with pytest.raises(DtypeError, match="uint16 of 'image' uint8"):
        Within(op=Writes(fields={"image": picture.astype(np.uint16)}))(sample)


def test_masks_that_do_not_serve_are_refused(picture):
    soft = np.full((61, 83), 0.5, np.float32)
    with pytest.raises(DtypeError, match="set feather_px to 0"):
        Within(op=Sharpen(), feather_px=2)(Sample(picture, mask=soft))
    with pytest.raises(RangeError, match="from 0 to 1"):
        Within(op=Sharpen())(Sample(picture, mask=2 * soft + 1))
    with pytest.raises(ShapeError, match="k >= 3"):
        Within(op=Sharpen(), mask=(((0, 0), (1, 1)),))
    with pytest.raises(RangeError, match="feather_px"):
        Within(op=Sharpen(), feather_px=-1.0)
    with pytest.raises(RangeError, match="NaN or infinity"):
        broken = np.full((61, 83, 1), np.nan, np.float32)
        Within(op=Sharpen(amount=0.0))(Sample(broken, mask=soft))
