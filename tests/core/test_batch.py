from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfumato.core.batch import Batch
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FieldError, ShapeError

dtypes = st.sampled_from([np.uint8, np.uint16, np.float32])


@st.composite
def pictures(draw, size, channels):
    dtype = np.dtype(draw(dtypes))
    values = {"elements": st.floats(0, 4, width=32)} if dtype.kind == "f" else {}
    return draw(hnp.arrays(dtype, (*size, channels), **values))


@st.composite
def sample_lists(draw):
    size = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    channels = draw(st.integers(1, 4))
    return [
        Sample(
            draw(pictures(size, channels)),
            target=draw(pictures(size, 3)),
            mask=draw(hnp.arrays(draw(st.sampled_from([np.uint8, np.int32, bool])), size)),
            depth=np.full(size, 2.5, np.float32),
            text=draw(st.text(max_size=5)),
            space=draw(st.sampled_from(["srgb", "linear"])),
            meta={"iso": k},
        )
        for k in range(draw(st.integers(1, 3)))
    ]


@given(sample_lists())
def test_samples_come_back_bit_for_bit_in_the_dtype_that_they_had(samples):
    batch = Batch.of(samples)
    assert batch.image.dtype == torch.float32
    for old, new in zip(samples, batch.samples(), strict=True):
        for name in ("image", "target", "mask", "depth"):
            before, after = getattr(old, name), getattr(new, name)
            assert before.dtype == after.dtype
            np.testing.assert_array_equal(before, after)
        assert (old.text, old.space, old.meta) == (new.text, new.space, new.meta)


@given(sample_lists())
def test_a_batch_shares_no_memory_with_its_samples(samples):
    before = [sample.image.copy() for sample in samples]
    batch = Batch.of(samples)
    batch.image.zero_()
    for sample, old in zip(samples, before, strict=True):
        np.testing.assert_array_equal(sample.image, old)


def test_white_is_one_and_channels_come_first():
    image = np.zeros((2, 3, 3), np.uint16)
    image[1, 2] = 0, 65535, 13107
    batch = Batch.of([Sample(image)])
    assert tuple(batch.image.shape) == (1, 3, 2, 3)
    assert batch.image[0, :, 1, 2].tolist() == pytest.approx([0.0, 1.0, 0.2])


def test_values_beyond_white_are_clipped_only_where_the_dtype_cannot_hold_them():
    picture = Batch.of([Sample(np.zeros((1, 1, 1), np.uint8))])
    linear = Batch.of([Sample(np.zeros((1, 1, 1), np.float32))])
    assert picture.but(image=picture.image + 1.5).samples()[0].image.item() == 255
    assert linear.but(image=linear.image + 1.5).samples()[0].image.item() == 1.5


def test_labels_that_no_longer_fit_are_kept_as_wider_integers():
    batch = Batch.of([Sample(np.zeros((1, 2, 1), np.uint8), mask=np.zeros((1, 2), bool))])
    mask = batch.but(mask=torch.tensor([[[0, 7]]])).samples()[0].mask
    assert mask.dtype == np.int32
    assert mask.tolist() == [[0, 7]]


def test_the_class_of_a_picture_comes_from_its_facts():
    picture = np.zeros((1, 1, 1), np.uint8)
    batch = Batch.of([Sample(picture, meta={"label": k}) for k in (4, 2)])
    assert batch.label.tolist() == [4, 2]
    assert [sample.meta["label"] for sample in batch.samples()] == [4, 2]


def test_a_slice_is_a_batch_of_some_of_the_samples():
    picture = np.zeros((2, 2, 1), np.uint8)
    batch = Batch.of([Sample(picture + k, text=str(k), meta={"k": k}) for k in range(4)])
    part = batch[1:3]
    assert len(part) == 2
    assert part.text == ("1", "2")
    assert [sample.image.max() for sample in part.samples()] == [1, 2]


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([], "no samples"),
        (
            [Sample(np.zeros((2, 2, 1), np.uint8)), Sample(np.zeros((2, 3, 1), np.uint8))],
            "sample 2",
        ),
    ],
)
def test_samples_of_several_sizes_are_refused(samples, said):
    with pytest.raises(ShapeError, match=said):
        Batch.of(samples)


def test_a_field_that_only_some_samples_have_is_refused():
    image = np.zeros((2, 2, 1), np.uint8)
    with pytest.raises(FieldError, match="sample 1 of 2 has no 'target'"):
        Batch.of([Sample(image), Sample(image, target=image)])
    with pytest.raises(FieldError, match="sample 2 of 2 has no 'label'"):
        Batch.of([Sample(image, meta={"label": 3}), Sample(image)])


def test_wrong_tensors_are_refused_by_name():
    image = torch.zeros(2, 3, 4, 4)
    with pytest.raises(ShapeError, match=r"Batch.mask: expected \(n, h, w\)"):
        Batch(image, mask=torch.zeros(2, 1, 4, 4))
    with pytest.raises(ShapeError, match="'image' 2"):
        Batch(image, target=image[:1])
    with pytest.raises(DtypeError, match="expected a tensor"):
        Batch(np.zeros((1, 1, 2, 2)))
    with pytest.raises(ShapeError, match="1 texts for 2"):
        Batch(image, text=("a",))
    with pytest.raises(FieldError, match="'hint'.*\n.*it has: image"):
        Batch(image).need("hint")
    with pytest.raises(FieldError, match="'text'"):
        Batch(image).captions()
