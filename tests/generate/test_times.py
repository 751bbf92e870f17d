from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from sfumato.generate.times import CubicTimes, ImportanceTimes, UniformTimes


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def taught(losses, rounds=10):
    times = ImportanceTimes(steps=len(losses))
    for _ in range(rounds):
        times.learn(torch.arange(len(losses)), torch.tensor(losses))
    return times


def test_uniform_draws_reach_every_step_alike():
    t, weights = UniformTimes(steps=10).draw(20_000, seeded())
    assert torch.equal(weights, torch.ones(20_000))
    np.testing.assert_allclose(np.bincount(t, minlength=10) / 20_000, 0.1, atol=0.01)


def test_cubic_draws_favour_noise_as_the_formula_says():
    t, _ = CubicTimes(steps=1000).draw(50_000, seeded())
    # t < s needs u > (1 - s / 1000)^(1/3)
    for s in (100, 500, 900):
        expected = 1 - (1 - s / 1000) ** (1 / 3)
        assert (t < s).float().mean().item() == pytest.approx(expected, abs=0.01)
    assert int(t.max()) <= 999


def test_importance_is_uniform_until_each_step_has_ten_losses():
    times = taught([1.0, 9.0], rounds=9)
    assert times.probabilities().tolist() == [0.5, 0.5]
    times.learn(torch.tensor([0, 1]), torch.tensor([1.0, 9.0]))
    expected = 0.999 * np.array([0.1, 0.9]) + 0.001 * 0.5
    np.testing.assert_allclose(times.probabilities(), expected)


def test_one_step_without_its_ten_losses_keeps_all_of_them_uniform():
    times = taught([1.0, 9.0], rounds=9)
    times.learn(torch.tensor([1]), torch.tensor([9.0]))
    assert times.probabilities().tolist() == [0.5, 0.5]


def test_importance_follows_the_root_of_the_mean_square():
    times = ImportanceTimes(steps=2)
    seen = np.array([np.arange(1.0, 11.0), np.repeat([1.0, 19.0], 5)])
    for one, other in seen.T:
        times.learn(torch.tensor([0, 1]), torch.tensor([one, other]))
    root = np.sqrt((seen**2).mean(axis=1))
    np.testing.assert_allclose(times.probabilities(), 0.999 * root / root.sum() + 0.0005)


def test_losses_of_nothing_leave_draws_uniform():
    assert taught([0.0, 0.0, 0.0]).probabilities().tolist() == pytest.approx([1 / 3] * 3)


def test_the_oldest_loss_is_forgotten_first(monkeypatch):
    # As where the buffers live on a GPU: what comes to the CPU is a copy.
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: self.clone())
    times = ImportanceTimes(steps=1)
    for loss in range(1, 24):
        times.learn(torch.tensor([0]), torch.tensor([float(loss)]))
    assert times.losses[0].tolist() == list(range(14, 24))
    assert times.counts.item() == 10


def test_importance_weights_leave_the_mean_loss_where_it_was():
    losses = torch.tensor([1.0, 4.0, 20.0, 100.0])
    t, weights = taught(losses.tolist()).draw(100_000, seeded())
    assert (losses[t] * weights).mean().item() == pytest.approx(losses.mean().item(), rel=0.01)


def test_only_the_last_ten_losses_count():
    times = taught([50.0, 1.0])
    for _ in range(10):
        times.learn(torch.tensor([0]), torch.tensor([1.0]))
    np.testing.assert_allclose(times.probabilities(), [0.5, 0.5])


def test_losses_that_are_no_numbers_are_not_learned():
    times = taught([1.0, 1.0])
    times.learn(torch.tensor([0, 1]), torch.tensor([float("nan"), float("inf")]))
    np.testing.assert_allclose(times.probabilities(), [0.5, 0.5])


def test_what_it_has_learned_is_in_the_checkpoint():
    times = taught([3.0, 1.0, 2.0], rounds=12)
    again = ImportanceTimes(steps=3)
    again.load_state_dict(times.state_dict())
    assert torch.equal(again.draw(50, seeded())[0], times.draw(50, seeded())[0])


APART = """
import sys
import torch
from sfumato.generate.times import ImportanceTimes

rank = int(sys.argv[1])
store = torch.distributed.FileStore(sys.argv[2], 2)
torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
times = ImportanceTimes(steps=3)
for k in range(12):
    times.learn(torch.tensor([rank, 2]), torch.tensor([k + 1.0, 10.0 * rank + k]))
torch.save(times.state_dict(), sys.argv[3])
torch.distributed.destroy_process_group()
"""


def test_processes_that_train_together_remember_the_same(tmp_path):
    files = [tmp_path / f"{rank}.pt" for rank in (0, 1)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", APART, str(rank), str(tmp_path / "store"), str(files[rank])],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    for worker in workers:
        _, said = worker.communicate(timeout=200)
        assert worker.returncode == 0, said
    one, other = (torch.load(file, weights_only=True) for file in files)
    alone = ImportanceTimes(steps=3)
    for k in range(12):
        alone.learn(torch.tensor([0, 2, 1, 2]), torch.tensor([k + 1.0, k, k + 1.0, 10.0 + k]))
    for name, value in alone.state_dict().items():
        assert torch.equal(one[name], value), name
        assert torch.equal(other[name], value), name
