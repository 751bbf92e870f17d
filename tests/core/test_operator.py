from __future__ import annotations

import numpy as np
import pytest

from sfumato import Operator, Pipeline, Sample
from sfumato.core.operator import ImageOperator
from sfumato.core.pipeline import Maybe, OneOf
from sfumato.errors import DtypeError, FieldError, RangeError, ShapeError, SpecError


class Pass(ImageOperator):
    """Give the very same array back."""

    def apply_image(self, image, rng):
        return image


class Noise(ImageOperator):
    """Add noise."""

    def apply_image(self, image, rng):
        return (image + rng.normal(size=image.shape)).astype(image.dtype)


class Double(Operator):
    """Double a stack."""

    reads = ("stack",)
    writes = ("stack", "image")

    def apply(self, sample, rng):
        return sample.but(stack=sample.stack * 2, image=sample.image * 2)


class Mean(Operator):
    """Mean of a stack."""

    reads = ("stack",)

    def apply(self, sample, rng):
        return sample.but(image=sample.stack.mean(axis=0).astype(sample.stack.dtype))


IMAGE = np.arange(24, dtype=np.uint8).reshape(4, 6, 1)


def test_an_operator_answers_in_kind():
    assert isinstance(Pass()(Sample(IMAGE)), Sample)
    assert Pass()(IMAGE).shape == (4, 6, 1)
    assert Pass()(IMAGE[..., 0]).shape == (4, 6)
    out = Pass()(image=IMAGE[..., 0], mask=np.ones((4, 6), int), bboxes=[[0, 0, 2, 2]])
    assert set(out) == {"image", "mask", "bboxes"}
    assert out["image"].shape == (4, 6)
    assert Mean()(np.stack([IMAGE, IMAGE + 2])).tolist() == (IMAGE + 1).tolist()
    assert Mean()([IMAGE, IMAGE + 2]).tolist() == (IMAGE + 1).tolist()
    assert Double()([IMAGE, IMAGE]).shape == (2, 4, 6, 1)


def test_the_result_never_shares_memory_with_the_input():
    for picture in (IMAGE, IMAGE[..., 0]):
        assert not np.shares_memory(Pass()(picture), picture)
    assert not np.shares_memory(Pipeline(steps=(Pass(),))(IMAGE), IMAGE)
    sample = Sample(IMAGE, mask=np.ones((4, 6), int))
    assert not np.shares_memory(Pass()(sample).mask, sample.mask)


def test_the_same_seed_gives_the_same_picture_whatever_follows():
    image = np.zeros((4, 4, 1), np.float32)
    alone = Noise()(image, 3)
    np.testing.assert_array_equal(alone, Noise()(image, 3))
    np.testing.assert_array_equal(alone, Noise()(image, np.random.default_rng(3)))
    assert not np.array_equal(alone, Noise()(image, 4))
    one, two = Pipeline(steps=(Noise(),)), Pipeline(steps=(Noise(), Pass()))
    np.testing.assert_array_equal(one(image, 3), two(image, 3))


def test_what_is_missing_is_said_before_the_first_step_runs():
    with pytest.raises(FieldError, match=r"Mean \(step 2 of 2\) reads 'stack'"):
        Pipeline(steps=(Noise(), Mean()))(IMAGE)
    with pytest.raises(FieldError, match="Mean reads 'stack'"):
        Mean()(IMAGE)
    assert Pipeline(steps=(Double(), Mean())).inputs == ("stack",)


def test_a_failing_step_is_named():
    class Fails(ImageOperator):
        def apply_image(self, image, rng):
            raise ShapeError("too small")

    with pytest.raises(ShapeError) as caught:
        Pipeline(steps=(Pass(), Fails()))(IMAGE)
    assert caught.value.__notes__ == ["in step 2 of 2: " + repr(Fails())]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Pass()("a.png"), DtypeError),
        (lambda: Pass()(), FieldError),
        (lambda: Pass()(image=IMAGE, imgae=IMAGE), FieldError),
        (lambda: Pass()(IMAGE, mask=IMAGE), FieldError),
        (lambda: Mean()([]), ShapeError),
        (lambda: Mean()(np.zeros((0, 3, 3, 1), np.uint8)), ShapeError),
    ],
)
def test_wrong_calls_are_refused(call, error):
    with pytest.raises(error):
        call()


def test_maybe_applies_to_its_share_of_pictures():
    image = np.zeros((1, 1, 1), np.float32)
    changed = [bool(Maybe(op=Noise(), p=0.3)(image, seed).any()) for seed in range(400)]
    assert 0.22 < np.mean(changed) < 0.38
    assert not Maybe(op=Noise(), p=0)(image, 0).any()


def test_one_of_chooses_by_weight():
    image = np.ones((1, 1, 1), np.float32)
    choice = OneOf(ops=(Pass(), Noise()), weights=(3, 1))
    changed = [bool((choice(image, seed) != 1).any()) for seed in range(400)]
    assert 0.18 < np.mean(changed) < 0.32
    with pytest.raises(RangeError):
        OneOf(ops=(Pass(),), weights=(0.0,))
    with pytest.raises(FieldError):
        OneOf(ops=())


def test_a_recipe_is_a_pipeline_one_operator_or_a_list(tmp_path):
    for text in (
        "core.Pipeline: {steps: [core.Pipeline: {steps: []}]}",
        "- core.Pipeline: {steps: []}",
    ):
        assert Pipeline.from_yaml(text) == Pipeline(steps=(Pipeline(steps=()),))
    for text in ("5", "[]", "a: 1", "- 3"):
        with pytest.raises(SpecError, match="does not name an operator"):
            Pipeline.from_yaml(text)
    path = tmp_path / "recipe.yaml"
    Pipeline(steps=(Pipeline(steps=()),)).save(path)
    assert Pipeline.load(path) == Pipeline(steps=(Pipeline(steps=()),))
    path.write_text("core.Nothing: {}")
    with pytest.raises(SpecError, match=r"recipe\.yaml"):
        Pipeline.load(path)


class Outline(Operator):
    """Write a mask."""

    writes = ("mask",)

    def apply(self, sample, rng):
        return sample.but(mask=np.zeros(sample.size, np.uint8))


class Masked(Operator):
    """Read a mask."""

    reads = ("mask",)

    def apply(self, sample, rng):
        return sample


def test_only_what_is_written_for_certain_counts_as_written():
    assert Pipeline(steps=(Outline(), Masked())).inputs == ("image",)
    assert "mask" in Pipeline(steps=(Maybe(op=Outline()), Masked())).inputs
    assert "mask" in Pipeline(steps=(OneOf(ops=(Outline(), Pass())), Masked())).inputs
    assert "mask" not in Pipeline(steps=(OneOf(ops=(Outline(), Outline())), Masked())).inputs
