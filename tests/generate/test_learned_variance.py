"""What a learned variance is worth where everything is known: pictures that are normal.

There the step back is normal too, and its variance lies between the two that can be fixed. A
network that has learned it draws from the right distribution in few steps, and pays least for
pictures.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from sfumato.generate.ancestral import ancestral
from sfumato.generate.denoise import Estimate
from sfumato.generate.levels import sampling_levels
from sfumato.generate.likelihood import bits_per_dimension
from sfumato.generate.objective import step_log_variance
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.schedule import CosineSchedule

MEAN, SPREAD = 0.1, 0.3


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def mean_of_clean(x, alpha, sigma):
    gain = alpha * SPREAD**2 / (alpha**2 * SPREAD**2 + sigma**2)
    return MEAN + gain * (x - alpha * MEAN)


def exact_share(now, before):
    """The share of log beta in the exact log variance from the level ``now`` back to ``before``.

    Both are given as alpha squared. What is not known of the clean picture adds to the
    posterior's variance.
    """
    beta = 1 - now / before
    smallest = beta * (1 - before) / (1 - now)
    of_clean = math.sqrt(before) * beta / (1 - now)
    unknown = SPREAD**2 * (1 - now) / (now * SPREAD**2 + 1 - now)
    exact = smallest + of_clean**2 * unknown
    return 2 * math.log(exact / smallest) / math.log(beta / smallest) - 1


@pytest.mark.parametrize("steps", [10, 25])
def test_in_few_steps_only_the_learned_variance_has_the_spread_of_the_pictures(steps):
    process = DiffusionProcess(schedule=CosineSchedule(steps=1000))
    levels = sampling_levels(process, steps)
    ways = list(pairwise(levels.visited))[:-1]  # the last step, to the clean picture, has no noise
    shares = {here: exact_share(here.alpha**2, there.alpha**2) for here, there in ways}
    assert all(-1 < share < 1 for share in shares.values())

    def denoise(x, level):
        clean = mean_of_clean(x, level.alpha, level.sigma)
        return Estimate(clean, torch.full_like(x, shares.get(level, 0.0)))

    x = torch.randn(40_000, 1, 1, 1, generator=seeded(), dtype=torch.float64)
    found = {
        variance: ancestral(denoise, x, levels, seeded(1), variance=variance).std().item()
        for variance in ("small", "large", "learned")
    }
    assert found["learned"] == pytest.approx(SPREAD, rel=0.01)
    assert found["small"] < 0.97 * SPREAD
    assert found["large"] > 1.03 * SPREAD


def test_the_learned_variance_pays_least_for_pictures():
    process = DiffusionProcess(schedule=CosineSchedule(steps=100))
    kept = process.alpha_bars
    shares = [1.0] + [exact_share(now, before) for before, now in pairwise(kept)]
    table = np.array(shares)
    clean = MEAN + SPREAD * torch.randn(64, 1, 8, 8, generator=seeded())
    clean = ((clean.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1

    def bits(variance):
        def believe(x, t):
            alpha, sigma = process.pick(process.alphas, t, x), process.pick(process.sigmas, t, x)
            share = process.pick(table, t, x).expand_as(x) if variance == "learned" else None
            return mean_of_clean(x, alpha, sigma), step_log_variance(process, variance, share, t, x)

        return bits_per_dimension(process, believe, clean, seeded(2)).total.mean().item()

    found = {variance: bits(variance) for variance in ("small", "large", "learned")}
    # A normal distribution costs at least its entropy, with 127.5 values in a unit.
    entropy = math.log2(127.5 * SPREAD * math.sqrt(2 * math.pi * math.e))
    assert entropy - 0.05 < found["learned"] < entropy + 0.2
    assert found["learned"] < min(found["small"], found["large"]) - 0.02
