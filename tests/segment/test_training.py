"""The configs can be read, and training that is interrupted ends with the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sfumato.core.sample import Sample
from sfumato.data.loader import Loader
from sfumato.data.source import SampleList
from sfumato.errors import RangeError
from sfumato.measure.mean_iou import MeanIoU
from sfumato.segment.unet import UNet
from sfumato.train.recipe import Recipe
from sfumato.train.run import TrainingRun
from sfumato.train.trainer import Trainer

CONFIGS = sorted((Path(__file__).parents[2] / "configs" / "segment").glob("*.yaml"))


def discs(count: int, seed: int) -> SampleList:
    """Pictures of a bright disc on a noisy ground, labelled 1, with a strip that does not count."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:24, 0:32]
    samples = []
    for _ in range(count):
        centre, radius = rng.uniform(8, 16, 2), rng.uniform(4, 7)
        labels = ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2).astype(np.uint8)
        image = rng.uniform(0.0, 0.4, (24, 32, 3)) + 0.5 * labels[..., None]
        labels[:2] = 255
        samples.append(Sample(image.astype(np.float32), mask=labels))
    return SampleList(samples=tuple(samples))


def unet() -> UNet:
    with torch.random.fork_rng():
        torch.manual_seed(6)
        return UNet(classes=2, width=4, levels=2, ignore=255, dice=0.5)


def recipe(**settings) -> Recipe:
    return Recipe(**{"steps": 6, "ema": 0.9, "device": "cpu", "lr": 1e-2, **settings})


def test_there_are_configs():
    assert [path.name for path in CONFIGS] == ["unet_camvid.yaml", "unet_rooms_small.yaml"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_describes_a_training(path):
    run = TrainingRun.read(path)
    assert isinstance(run.method, UNet)
    assert run.method.config["classes"] == run.metrics[0].classes
    assert run.method.config["ignore"] == run.metrics[0].ignore


def test_a_training_that_was_interrupted_ends_with_the_same_bits(tmp_path):
    data = Loader(source=discs(7, 1), batch_size=2)
    whole, half = unet(), unet()
    Trainer(recipe(), out=tmp_path / "whole").fit(whole, data)
    Trainer(recipe(), out=tmp_path / "half").fit(half, data, until=3)
    resumed = unet()
    Trainer(recipe(), out=tmp_path / "half").fit(resumed, data, resume=True)
    for folder in ("last", "checkpoints/step-00000006"):
        for file in sorted((tmp_path / "whole" / folder).glob("*.safetensors")):
            assert file.read_bytes() == (tmp_path / "half" / folder / file.name).read_bytes(), file
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_short_training_finds_discs_in_other_pictures():
    method = unet()
    report = Trainer(recipe(steps=60, ema=None, lr=3e-2)).fit(
        method,
        Loader(source=discs(16, 1), batch_size=4),
        validation=Loader(source=discs(6, 2), batch_size=3),
        metrics=(MeanIoU(classes=2, ignore=255),),
    )
    assert report.scores["MeanIoU"] > 0.9


def test_labels_that_are_no_class_stop_the_training_with_a_word():
    wrong = discs(2, 1).samples[0]
    data = Loader(
        source=SampleList(samples=(wrong.but(mask=np.full_like(wrong.mask, 3)),)), batch_size=1
    )
    with pytest.raises(RangeError, match="none of the 2 classes"):
        Trainer(recipe()).fit(unet(), data)
