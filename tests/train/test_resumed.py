"""Painting methods go on after an interruption as if there had been none, bit for bit."""

from __future__ import annotations

import pytest
import torch

from sfumato.adapt import ControlNet, T2IAdapter
from sfumato.core.batch import Batch
from sfumato.generate import (
    Autoencoder,
    CosineSchedule,
    Diffusion,
    DiffusionProcess,
    ImprovedDDPM,
    LatentDiffusion,
    UNet,
    WordEncoder,
)
from sfumato.train import Recipe, Trainer
from sfumato.train.checkpoint import Shelf

FEW = DiffusionProcess(schedule=CosineSchedule(steps=4))


def unet(**more):
    return UNet(**{"channels": 16, "multipliers": (1, 2), "blocks": 1, "groups": 8} | more)


def improved():
    """After six steps of eight pictures each of the four noises has its ten losses."""
    return ImprovedDDPM(
        network=unet(channels_out=6, dropout=0.1),
        process=FEW,
        objective="vlb",
        times="importance",
    )


def latent():
    text = WordEncoder(words=("red", "green"), width=16, length=4, layers=1, heads=2)
    coder = Autoencoder(**Autoencoder._example)
    network = unet(channels_in=4, context=16)
    return LatentDiffusion(autoencoder=coder, network=network, text=text, drop=0.5, process=FEW)


def named(tmp_path):
    """A ControlNet whose base lies in a folder and whose decoder learns along."""
    folder = tmp_path / "base"
    if not folder.exists():
        with torch.random.fork_rng(devices=[]):
            ControlNet.example_base().save(folder)
    return ControlNet(base=str(folder), hint_widths=(8,), unlocked=True)


MAKERS = {
    "improved": lambda _: improved(),
    "coder with a critic": lambda _: Autoencoder(
        channels=8, groups=4, multipliers=(1, 2), blocks=1, critic_weight=0.5, critic_after=2
    ),
    "latent": lambda _: latent(),
    "control": lambda _: ControlNet.example(),
    "unlocked control of a named base": named,
    "adapter": lambda _: T2IAdapter.example(),
    "classes": lambda _: Diffusion(network=unet(classes=3), process=FEW, drop=0.5, min_snr=5.0),
}


def batches(method, kind):
    side = 32 if "critic" in kind else 8
    made = []
    for seed in range(3):
        one, two = (method.practice_batch((side, side), 2 * seed + k) for k in (0, 1))
        joined = {n: torch.cat([t, getattr(two, n)]) for n, t in one.tensors().items()}
        # Practice pictures are alike: every batch gets its own, so that their order matters.
        rng = torch.Generator().manual_seed(seed)
        joined["target"] = torch.rand(joined["target"].shape, generator=rng)
        if kind == "classes":
            joined["label"] = torch.tensor([0, 1, 2, 1])
        text = ("red", "", "a green circle", "red") if kind != "improved" else None
        made.append(Batch(**joined, text=text))
    return made


def trained(kind, tmp_path, name, *, interrupted=False, resume=False, seed=0):
    torch.manual_seed(seed)
    method = MAKERS[kind](tmp_path)
    steps = 10 if kind == "improved" else 4
    recipe = Recipe(
        steps=steps, lr=1e-3, warmup_steps=2, ema=0.8, accumulate=2, device="cpu", keep=1
    )
    until = steps - 2 if interrupted else None
    Trainer(recipe, out=tmp_path / name).fit(
        method, batches(method, kind), until=until, resume=resume
    )
    return method


@pytest.mark.parametrize("kind", MAKERS)
def test_an_interrupted_training_ends_with_the_same_bits(kind, tmp_path):
    whole = trained(kind, tmp_path, "whole")
    trained(kind, tmp_path, "parts", interrupted=True)
    # Other weights are built before the checkpoint is read: none of them may remain.
    parts = trained(kind, tmp_path, "parts", resume=True, seed=99)
    ends = [Shelf(tmp_path / name / "checkpoints", 1).read().tensors for name in ("whole", "parts")]
    for file, tensors in ends[0].items():
        assert tensors.keys() == ends[1][file].keys()
        for entry, tensor in tensors.items():
            assert torch.equal(tensor, ends[1][file][entry]), f"{file} {entry}"
    for (name, one), other in zip(
        whole.state_dict().items(), parts.state_dict().values(), strict=True
    ):
        elsewhere = any(name.startswith(f"{e}.") for e in whole.elsewhere)
        assert elsewhere or torch.equal(one, other), name
    if kind == "improved":
        assert bool((parts.times.counts == 10).all())
        assert parts.times.probabilities().std() > 0
    if kind == "latent":
        assert float(parts.scale) > 0


def test_two_batches_of_four_teach_a_coder_what_one_of_eight_does():
    torch.manual_seed(0)
    method = Autoencoder(**Autoencoder._example, kl_weight=0.0)  # without dice
    parts = [method.practice_batch((8, 8), seed) for seed in range(4)]
    fours = [Batch(torch.cat([a.image, b.image])) for a, b in (parts[:2], parts[2:])]
    eight = Batch(torch.cat([batch.image for batch in fours]))
    ends = []
    for data, accumulate in (([eight], 1), (fours, 2)):
        torch.manual_seed(1)
        learner = Autoencoder(**Autoencoder._example, kl_weight=0.0)
        how = Recipe(steps=4, lr=1e-3, accumulate=accumulate, device="cpu")
        Trainer(how).fit(learner, data)
        ends.append(learner.state_dict())
    assert not torch.equal(ends[0]["uncertainty"], torch.zeros(()))
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=0, atol=2e-5)
