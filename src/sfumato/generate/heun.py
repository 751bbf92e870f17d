"""Heun's method: look at the end of a step before taking it."""

from __future__ import annotations

from sfumato.core.tensors import Tensor, torch
from sfumato.generate.ddim import straight_step
from sfumato.generate.denoise import Denoise
from sfumato.generate.levels import Levels
from sfumato.generate.noise import Rngs

__all__ = ["heun"]


@torch.no_grad()
def heun(denoise: Denoise, x: Tensor, levels: Levels, rng: Rngs) -> Tensor:
    """Step with the mean of the slopes at both ends of each step.

    It asks the network twice a step (once in the last, and where no signal is left).

    Args:
        denoise: gives the estimates.
        x: noise at the first level, (n, c, h, w).
        levels: the way.
        rng: not drawn from; here so that samplers can be exchanged.

    References:
        T. Karras et al. Elucidating the Design Space of Diffusion-Based Generative Models.
        NeurIPS, 2022. Algorithm 1.
    """
    for here, there in zip(levels.visited, levels.visited[1:], strict=False):
        clean = denoise(x, here).clean
        ahead = straight_step(x, clean, here, there)
        if there.sigma == 0 or here.alpha == 0:
            x = ahead
            continue
        slope = (x / here.alpha - clean) / here.ratio
        slope_ahead = (ahead / there.alpha - denoise(ahead, there).clean) / there.ratio
        mean = (slope + slope_ahead) / 2
        x = there.alpha * (x / here.alpha + (there.ratio - here.ratio) * mean)
    return x
