"""Euler's method on the ratio of noise to signal, with optional churn."""

from __future__ import annotations

import math

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import RangeError
from sfumato.generate.ddim import straight_step
from sfumato.generate.denoise import Denoise
from sfumato.generate.levels import Levels
from sfumato.generate.noise import Rngs, draw_noise

__all__ = ["euler"]

MOST_CHURN = math.sqrt(2.0) - 1.0


@torch.no_grad()
def euler(denoise: Denoise, x: Tensor, levels: Levels, rng: Rngs, *, churn: float = 0.0) -> Tensor:
    """Follow the slope of x / alpha over sigma / alpha, one straight piece a step.

    Args:
        denoise: gives the estimates.
        x: noise at the first level, (n, c, h, w).
        levels: the way.
        rng: on the CPU, one or one for each picture; not drawn from without churn.
        churn: before each step the noise is raised by churn / steps of itself (at most
            0.41), which mends errors of earlier steps.

    Raises:
        RangeError: a negative churn.

    References:
        T. Karras et al. Elucidating the Design Space of Diffusion-Based Generative Models.
        NeurIPS, 2022. Algorithm 2 without its correction.
    """
    if churn < 0:
        raise RangeError(f"euler: churn {churn} is negative")
    more = min(churn / len(levels), MOST_CHURN)
    for here, there in zip(levels.visited, levels.visited[1:], strict=False):
        start = here
        if more > 0 and here.alpha > 0:
            start = levels.at_ratio(here.ratio * (1 + more))
            added = math.sqrt(start.ratio**2 - here.ratio**2)
            # x / alpha is picture + ratio · noise: there the noise just adds.
            x = start.alpha * (x / here.alpha + added * draw_noise(x.shape, rng, x))
        x = straight_step(x, denoise(x, start).clean, start, there)
    return x
