"""Several processes that train together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from sfumato.train.checkpoint import Shelf

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
import numpy as np
import torch
from small_methods import Denoiser, Trunk, TwoPlayers
from sfumato.core.sample import Sample
from sfumato.data import Loader, SampleList
from sfumato.measure import PSNR
from sfumato.train import Recipe, Trainer

rng = np.random.default_rng(0)
pictures = rng.integers(0, 256, (8, 8, 8, 3)).astype(np.uint8)
data = Loader(
    source=SampleList(samples=tuple(Sample(p, target=p // 2) for p in pictures)), batch_size=2
)
for name, kind in (("denoiser", lambda: Denoiser(trunk=Trunk())), ("players", TwoPlayers)):
    method = kind()  # each process with other weights: the first one's are shared
    how = Recipe(
        steps=6, lr=1e-3, accumulate=int(sys.argv[3]), device="cpu", save_every=3, ema=0.9, keep=9
    )
    if int(sys.argv[3]) == 2 or name == "denoiser":
        for p in method.parameters():
            torch.nn.init.constant_(p, 0.02)
    report = Trainer(how, out=f"{sys.argv[1]}/{name}").fit(
        method, data, validation=data, metrics=[PSNR()], until=3
    )
    report = Trainer(how, out=f"{sys.argv[1]}/{name}").fit(
        method, data, validation=data, metrics=[PSNR()], resume=True
    )
    assert report.steps == 6
"""


def run(out, accumulate, world):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    support = str(Path(__file__).parents[1] / "support")
    workers = []
    for rank in range(world):
        env = dict(os.environ)
        if world > 1:
            env |= {
                "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world),
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true",
            }  # fmt: skip
        command = [sys.executable, "-c", SCRIPT, str(out), support, str(accumulate)]
        workers.append(subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True))
    for worker in workers:
        _, said = worker.communicate(timeout=200)
        assert worker.returncode == 0, said
    return {
        name: Shelf(out / name / "checkpoints", 9).read(6).tensors
        for name in ("denoiser", "players")
    }


def test_two_processes_learn_what_one_does_with_twice_the_batches(tmp_path):
    one = run(tmp_path / "one", accumulate=2, world=1)
    two = run(tmp_path / "two", accumulate=1, world=2)
    for file, tensors in one["denoiser"].items():
        for name, tensor in tensors.items():
            torch.testing.assert_close(
                two["denoiser"][file][name], tensor, rtol=0, atol=1e-5, msg=f"{file} {name}"
            )
    # Norms see half a batch each, so two processes are not one here; both are trained alike.
    assert two["players"]["method"]["seen"] == one["players"]["method"]["seen"] == 6 * 2 + 3
