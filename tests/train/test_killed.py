"""A training that is killed at any moment leaves a checkpoint that can be resumed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from small_methods import TwoPlayers

from sfumato.core.batch import Batch
from sfumato.train.checkpoint import Shelf
from sfumato.train.recipe import Recipe
from sfumato.train.trainer import Trainer

RECIPE = Recipe(steps=4, save_every=1, validate_every=2, keep=2, device="cpu", lr=1e-3, ema=0.9)
SUPPORT = Path(__file__).parents[1] / "support"


def batches():
    rng = torch.Generator().manual_seed(0)
    return [
        Batch(
            *torch.rand(1, 2, 3, 8, 8, generator=rng), target=torch.rand(2, 3, 8, 8, generator=rng)
        )
        for _ in range(3)
    ]


def train(out, **how):
    torch.manual_seed(0)
    return Trainer(RECIPE, out=out).fit(TwoPlayers(), batches(), validation=batches()[:1], **how)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    train(out)
    return {k: v.clone() for k, v in Shelf(out / "checkpoints", 1).read().tensors["method"].items()}


def killed_at(moment, out):
    """Train in a child that kills itself just before its so-many-th touch of the disk."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    touches = 0

    def dying(work):
        def touch(*args, **options):
            nonlocal touches
            touches += 1
            if touches == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*args, **options)

        return touch

    try:
        for name in ("fsync", "rename", "replace", "unlink", "mkdir"):
            setattr(os, name, dying(getattr(os, name)))
        shutil.rmtree = dying(shutil.rmtree)
        train(out)
    finally:
        os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked child")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_wherever_it_is_killed_it_goes_on_to_the_same_bits(whole, tmp_path):
    moments = 0
    for moment in range(1, 400, 11):
        out = tmp_path / str(moment)
        if not killed_at(moment, out):
            break
        moments += 1
        shelf = Shelf(out / "checkpoints", 2)
        for step in shelf.steps():
            shelf.read(step)
        report = train(out, resume=True)
        assert report.steps == 4
        found = Shelf(out / "checkpoints", 2).read().tensors["method"]
        assert all(torch.equal(found[name], tensor) for name, tensor in whole.items())
        left = [p.name for p in (out / "checkpoints").iterdir()]
        assert sorted(left) == ["step-00000003", "step-00000004"]
    assert moments > 10


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
import torch
from small_methods import Denoiser, Trunk
from sfumato.core.batch import Batch
from sfumato.train import Recipe, Trainer
rng = torch.Generator().manual_seed(0)
batch = Batch(torch.rand(1, 3, 8, 8, generator=rng), target=torch.rand(1, 3, 8, 8, generator=rng))
method = Denoiser(trunk=Trunk(width=64, depth=6))
how = Recipe(steps=100000, save_every=1, validate_every=100000, device="cpu", decay="constant")
Trainer(how, out=sys.argv[1]).fit(method, [batch], resume=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_a_kill_from_outside_leaves_a_checkpoint(tmp_path):
    out = tmp_path / "run"
    work = subprocess.Popen([sys.executable, "-c", SCRIPT, str(out), str(SUPPORT)])
    shelf = Shelf(out / "checkpoints", 2)
    try:
        while not any(step >= 5 for step in shelf.steps()):
            assert work.poll() is None
            time.sleep(0.01)
    finally:
        work.send_signal(signal.SIGKILL)
        work.wait()
    found = shelf.read()
    assert found.facts["step"] >= 5
    assert all(torch.isfinite(t).all() for t in found.tensors["method"].values())
