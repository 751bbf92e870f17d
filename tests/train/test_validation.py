from __future__ import annotations

import numpy as np
import pytest
import torch
from small_methods import Denoiser, HalvingSegmenter, Trunk

from sfumato.core.batch import Batch
from sfumato.core.sample import Sample
from sfumato.measure.mae import MAE
from sfumato.measure.psnr import PSNR
from sfumato.train.sample_sheet import GAP_PX, sample_sheet
from sfumato.train.validation import names_of, validate
from sfumato.train.workplace import Workplace

PLACE = Workplace("cpu", "fp32")


def pair(dtype, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.random((9, 7, 3)).astype(np.float32)
    image = np.clip(target + rng.normal(0, 0.1, target.shape), 0, 1).astype(np.float32)
    if dtype == np.float32:
        return Sample(image, target=target)
    white = np.iinfo(dtype).max
    return Sample((image * white).astype(dtype), target=(target * white).astype(dtype))


def identity():
    method = Denoiser(trunk=Trunk())
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.zero_()
    return method.eval()


def test_scores_are_those_of_the_metric_on_pictures_of_any_size_and_depth():
    for dtype in (np.uint8, np.uint16, np.float32):
        samples = [pair(dtype, seed) for seed in range(3)]
        metric = PSNR()
        wanted = np.mean([metric(s.image, s.target) for s in samples])
        batches = [Batch.of(samples[:2]), Batch.of(samples[2:])]
        found = validate(identity(), batches, [metric], place=PLACE)
        assert abs(found.scores["PSNR"] - wanted) < 1e-4
        gap = np.mean([MAE()(s.image, s.target) for s in samples])
        assert abs(found.scores["validation/main/l1"] / gap - 1) < 1e-4


@pytest.mark.parametrize("dice", ["given", "of torch"])
def test_every_validation_throws_the_dice_of_its_seed(dice):
    class Gambler(Denoiser):
        def predict(self, batch, *, rng=None):
            noise = torch.rand(batch.image.shape, generator=rng if dice == "given" else None)
            return batch.but(image=noise)

    method = Gambler(trunk=Trunk()).eval()
    batches = [Batch.of([pair(np.float32, seed)]) for seed in range(2)]

    def score(seed):
        return validate(method, batches, [MAE()], place=PLACE, seed=seed).scores["MAE"]

    torch.manual_seed(1)
    first = score(0)
    torch.manual_seed(2)
    assert score(0) == first
    assert score(1) != first
    # and the second batch has other dice than the first
    twice = [batches[0], batches[0]]
    shown = validate(method, twice, [], place=PLACE, show=2).shown
    assert not np.array_equal(shown[0][1].image, shown[1][1].image)


def test_a_short_last_batch_counts_as_much_as_its_samples():
    samples = [pair(np.float32, seed) for seed in range(3)]
    uneven = [Batch.of(samples[:1]), Batch.of(samples[1:])]
    name = "validation/main/l1"
    found = validate(identity(), uneven, [], place=PLACE).scores[name]
    each = [np.abs(s.image - s.target).mean() for s in samples]
    assert abs(found / np.mean(each) - 1) < 1e-4


def test_two_metrics_of_a_class_have_two_names():
    assert names_of([PSNR(), MAE(), PSNR()]) == ["PSNR", "MAE", "PSNR-2"]


def test_a_sheet_shows_a_row_for_each_sample():
    samples = [pair(np.uint8, seed) for seed in range(2)]
    found = validate(identity(), [Batch.of(samples)], [], place=PLACE, show=5)
    assert len(found.shown) == 2
    sheet = sample_sheet(found.shown)
    times = 96 // 9
    assert sheet.shape == (2 * (9 * times + GAP_PX) + GAP_PX, 3 * (7 * times + GAP_PX) + GAP_PX, 3)
    first = sheet[GAP_PX : GAP_PX + 9 * times : times, GAP_PX : GAP_PX + 7 * times : times]
    np.testing.assert_array_equal(first, samples[0].image)
    assert (sheet[:GAP_PX] == 255).all()


def test_a_sheet_of_labels_shows_them_as_colours():
    asked = Sample(np.zeros((8, 8, 1), np.uint8), mask=np.arange(64).reshape(8, 8) % 3)
    answer = HalvingSegmenter().eval().predict(Batch(torch.rand(1, 3, 8, 8))).samples()[0]
    sheet = sample_sheet([(asked, answer)], labels=True)
    wanted = sheet[GAP_PX:-GAP_PX:12, -GAP_PX - 96 : -GAP_PX : 12]
    colours = {tuple(wanted[y, x]) for y, x in np.ndindex(8, 8)}
    assert len(colours) == 3
    assert (0, 0, 0) in colours
