from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch.nn import functional

from sfumato.core.any_size import predict
from sfumato.core.batch import Batch
from sfumato.errors import FieldError, RangeError, ShapeError
from sfumato.segment._unet_layers import pad_to, whole_window_size
from sfumato.segment.unet import UNet


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(4)
        yield


def small(**settings) -> UNet:
    return UNet(**{"classes": 3, "width": 4, "levels": 2, **settings}).eval()


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"channels_in": 1, "width": 64, "norm": "none", "padded": False}, 31_030_658),
        ({"classes": 1, "width": 64}, 31_037_633),
        ({"classes": 2, "width": 64}, 31_037_698),
        ({"classes": 11, "width": 16}, 1_942_747),
    ],
)
def test_the_parameters_are_as_many_as_published(settings, count):
    with torch.device("meta"):
        assert UNet(**settings).parameter_count == count


def test_the_published_form_turns_572_pixels_into_388():
    with torch.device("meta"):
        unet = UNet(channels_in=1, width=64, norm="none", padded=False)
        assert unet.layers.whole_windows(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert whole_window_size(388, 4) == (572, 388)
    assert whole_window_size(1, 1) == (18, 2)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    padded=st.booleans(),
    skip=st.sampled_from(["concat", "add"]),
    up=st.sampled_from(["transposed", "bilinear"]),
)
@examples(max_examples=40)
def test_the_answer_has_the_size_of_the_picture(height, width, padded, skip, up):
    unet = small(padded=padded, skip=skip, up=up)
    image = torch.rand(2, 3, height, width)
    before = image.clone()
    with torch.inference_mode():
        answer = unet.predict(Batch(image))
    assert answer.mask.shape == (2, height, width)
    assert torch.equal(image, before)
    torch.testing.assert_close(answer.scores.sum(dim=1), torch.ones(2, height, width))
    assert torch.equal(answer.scores.argmax(dim=1), answer.mask)


def test_sides_that_divide_are_not_padded():
    x = torch.rand(1, 3, 8, 12)
    assert pad_to(x, 8, 12) is x
    unet = small()
    ordered = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(unet.scores(x), unet.layers.whole_windows(ordered))


def test_padding_reflects_and_repeats_only_where_it_cannot():
    x = torch.tensor([[1.0, 2.0, 3.0]])[None, None]
    assert pad_to(x.mT.contiguous(), 5, 1)[0, 0, :, 0].tolist() == [1, 2, 3, 2, 1]
    assert pad_to(x, 1, 7)[0, 0, 0].tolist() == [1, 2, 3, 3, 3, 3, 3]


def test_an_unpadded_answer_is_that_of_a_picture_mirrored_by_hand():
    unet, image = small(padded=False), torch.rand(1, 3, 30, 25)
    margin = 6 * 4 - 4
    (tall, _), (wide, _) = whole_window_size(30, 2), whole_window_size(25, 2)
    by_hand = functional.pad(
        image, (margin, wide - 25 - margin, margin, tall - 30 - margin), mode="reflect"
    )
    whole = unet.layers.whole_windows(by_hand)
    torch.testing.assert_close(unet.scores(image), whole[..., :30, :25])


@pytest.mark.parametrize("padded", [True, False])
def test_a_pixel_far_away_does_not_matter_and_a_near_one_does(padded):
    unet, image = small(padded=padded), torch.rand(1, 3, 96, 96)
    moved = image.clone()
    moved[..., 48, 48] += 1.0
    with torch.inference_mode():
        change = (unet.scores(moved) - unet.scores(image)).abs().amax(dim=(0, 1))
    assert change[48, 48] > 1e-4
    assert change[:16].max() == 0
    assert change[:, 80:].max() == 0


@pytest.mark.parametrize("padded", [True, False])
def test_tiles_leave_no_trace(padded):
    unet, batch = small(padded=padded), Batch(torch.rand(1, 3, 150, 131))
    with torch.inference_mode():
        whole, tiled = predict(unet, batch), predict(unet, batch, tile_px=128, overlap_px=96)
    torch.testing.assert_close(tiled.scores, whole.scores, atol=1e-5, rtol=1e-4)
    assert (tiled.mask == whole.mask).float().mean() > 0.999


def test_one_class_is_a_logistic_regression_of_each_pixel():
    unet = small(classes=1)
    image, labels = torch.rand(1, 3, 9, 9), torch.randint(0, 2, (1, 9, 9))
    logit = unet.layers(image)[:, 0]
    answer = unet.predict(Batch(image))
    torch.testing.assert_close(answer.scores[:, 1], logit.sigmoid())
    assert torch.equal(answer.mask == 1, logit > 0)
    loss = unet.loss(Batch(image, mask=labels), "main", torch.Generator())["cross_entropy"]
    peer = functional.binary_cross_entropy_with_logits(logit, labels.float())
    torch.testing.assert_close(loss, peer)


def test_class_weights_the_ignored_label_and_dice_reach_the_loss():
    unet = small(ignore=255, class_weights=(1.0, 2.0, 4.0), dice=0.5)
    labels = torch.randint(0, 3, (2, 12, 16))
    labels[:, :3] = 255
    batch = Batch(torch.rand(2, 3, 12, 16), mask=labels)
    terms = unet.loss(batch, "main", torch.Generator())
    peer = functional.cross_entropy(
        unet.scores(batch.image), labels, torch.tensor([1.0, 2.0, 4.0]), ignore_index=255
    )
    torch.testing.assert_close(terms["cross_entropy"], peer)
    assert 0 < terms["dice"] < 0.5
    assert set(small().loss(batch.but(mask=labels % 3), "main", torch.Generator())) == {
        "cross_entropy"
    }


def test_a_few_steps_learn_a_picture_by_heart():
    unet = small(classes=2, width=8).train()
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    labels = ((x - 14) ** 2 + (y - 18) ** 2 < 80).long()[None]
    image = 0.2 * torch.rand(1, 3, 32, 32) + 0.5 * labels[:, None]
    batch = Batch(image, mask=labels)
    optimiser = torch.optim.AdamW(unet.parameters(), lr=1e-2)
    for _ in range(30):
        optimiser.zero_grad()
        sum(unet.loss(batch, "main", torch.Generator()).values()).backward()
        optimiser.step()
    assert (unet.eval().predict(batch).mask == labels).float().mean() > 0.98


def test_it_runs_in_bfloat16_with_scores_in_single_precision():
    unet, batch = small(), Batch(torch.rand(1, 3, 16, 16))
    with torch.autocast("cpu", torch.bfloat16):
        scores = unet.predict(batch).scores
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, unet.predict(batch).scores, atol=0.05, rtol=0.1)


def test_saved_and_loaded_it_answers_the_same(tmp_path):
    unet, batch = small(class_weights=(1.0, 2.0, 3.0)), Batch(torch.rand(1, 3, 11, 13))
    unet.save(tmp_path / "unet")
    again = UNet.load(tmp_path / "unet")
    assert torch.equal(again.predict(batch).scores, unet.predict(batch).scores)
    assert again.config == unet.config


def test_wrong_pictures_and_labels_are_refused():
    unet, image = small(), torch.rand(1, 3, 8, 8)
    rng = torch.Generator()
    with pytest.raises(ShapeError, match=r"expected pictures of 3 channels.*\(1, 1, 8, 8\)"):
        unet.predict(Batch(image[:, :1]))
    with pytest.raises(RangeError, match="label 3 is none of the 3 classes"):
        unet.loss(Batch(image, mask=torch.full((1, 8, 8), 3)), "main", rng)
    with pytest.raises(FieldError, match="mask"):
        unet.loss(Batch(image), "main", rng)


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(RangeError, match="expected 3 numbers"):
        small(class_weights=(1.0, 1.0))
    with pytest.raises(RangeError, match="ignore: 2 is one of the classes 0 to 2"):
        small(ignore=2)
