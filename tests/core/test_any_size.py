from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_methods import Denoiser, HalvingSegmenter, Trunk

from sfumato.core import any_size
from sfumato.core.any_size import predict, tile_for_memory
from sfumato.core.batch import Batch
from sfumato.core.method import Method
from sfumato.errors import FieldError, RangeError, ShapeError


@pytest.fixture(scope="module")
def segmenter():
    torch.manual_seed(0)
    return HalvingSegmenter().eval()


@pytest.fixture(scope="module")
def denoiser():
    torch.manual_seed(0)
    return Denoiser(trunk=Trunk(depth=3)).eval()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(24, 60))
def test_tiled_is_untiled_for_a_local_network(denoiser, height, width, tile):
    torch.manual_seed(height * 100 + width)
    batch = Batch(torch.rand(2, 3, height, width))
    with torch.no_grad():
        whole, tiled = predict(denoiser, batch), predict(denoiser, batch, tile_px=tile)
    torch.testing.assert_close(whole.image, tiled.image, rtol=0, atol=2e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from([68, 72, 90, 120]))
def test_tiles_lie_on_the_grid_of_a_network_that_halves(segmenter, height, width, tile):
    torch.manual_seed(height * 200 + width)
    batch = Batch(torch.rand(1, 3, height, width))
    with torch.no_grad():
        whole, tiled = predict(segmenter, batch), predict(segmenter, batch, tile_px=tile)
    assert whole.mask.shape == (1, height, width)
    torch.testing.assert_close(whole.scores, tiled.scores, rtol=0, atol=2e-6)
    assert torch.equal(tiled.mask, tiled.scores.argmax(1))


def test_labels_without_scores_come_from_the_window_where_they_lie_deepest(segmenter):
    class LabelsOnly(HalvingSegmenter):
        def predict(self, batch, *, rng=None):
            return batch.but(mask=super().predict(batch).mask)

    method = LabelsOnly()
    method.load_state_dict(segmenter.state_dict())
    torch.manual_seed(1)
    batch = Batch(torch.rand(1, 3, 140, 132))
    assert torch.equal(predict(method, batch).mask, predict(method, batch, tile_px=72).mask)


@pytest.mark.parametrize("side", [1, 2, 3, 5, 7])
def test_pictures_smaller_than_the_padding_are_mirrored_again_and_again(segmenter, side):
    batch = Batch(torch.rand(1, 3, side, 1))
    assert predict(segmenter, batch).mask.shape == (1, side, 1)


def test_padding_mirrors_without_repeating_the_edge():
    index = any_size._reflected(4, 9, torch.device("cpu"))
    assert index.tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2]


class Doubling(Method):
    """Answer twice as large."""

    overlap_px = 8

    def __init__(self) -> None:
        super().__init__()

    def predict(self, batch, *, rng=None, gain=1.0):
        return batch.but(image=gain * batch.image.repeat_interleave(2, 2).repeat_interleave(2, 3))

    def loss(self, batch, part, rng):
        return {"none": batch.image.sum()}


def test_an_answer_may_be_larger_by_a_whole_ratio_and_options_are_passed_on():
    batch = Batch(torch.rand(1, 3, 21, 34))
    whole = predict(Doubling(), batch, gain=0.5).image
    assert whole.shape == (1, 3, 42, 68)
    torch.testing.assert_close(predict(Doubling(), batch, gain=0.5, tile_px=16).image, whole)


def test_what_the_method_does_not_write_is_passed_on(denoiser):
    batch = Batch(torch.rand(1, 3, 40, 40), text=("night",), mask=torch.ones(1, 40, 40).long())
    for tile in (None, 32):
        answer = predict(denoiser, batch, tile_px=tile)
        assert answer.text == ("night",)
        assert answer.mask is batch.mask


def test_an_overlap_that_leaves_no_room_is_refused(denoiser):
    with pytest.raises(RangeError, match=r"tiles of 16 px cannot overlap by 16 px"):
        predict(denoiser, Batch(torch.rand(1, 3, 40, 40)), tile_px=16)


def test_an_answer_about_the_whole_picture_has_no_place_in_tiles():
    class Labels(Doubling):
        def predict(self, batch, *, rng=None):
            return batch.but(label=torch.zeros(len(batch), dtype=torch.int64))

    batch = Batch(torch.rand(1, 3, 40, 40))
    assert predict(Labels(), batch).label.tolist() == [0]
    with pytest.raises(FieldError, match="whole picture"):
        predict(Labels(), batch, tile_px=16)


def test_an_answer_of_an_odd_size_is_refused():
    class Crops(Doubling):
        def predict(self, batch, *, rng=None):
            return batch.but(image=batch.image[..., 1:, :])

    with pytest.raises(ShapeError, match="no whole ratio"):
        predict(Crops(), Batch(torch.rand(1, 3, 8, 8)), tile_px=None)


def test_tiles_shrink_with_the_memory_that_is_free(denoiser, monkeypatch):
    batch = Batch(torch.rand(1, 3, 300, 300))
    # Floats a pixel: the picture, three convolutions with two bends, and what holds them, twice.
    per_px = 4 * (3 + (4 + 4 + 4 + 4 + 3) + 2 * 3)
    for free, expected in ((1e12, None), (0.0, 128), (2 * per_px * 200**2, 200)):
        monkeypatch.setattr(any_size, "free_bytes", lambda device, free=free: free)
        assert tile_for_memory(denoiser, batch) == pytest.approx(expected, abs=1)


def test_the_memory_of_this_machine_is_known():
    assert any_size.free_bytes(torch.device("cpu")) > 2**20
