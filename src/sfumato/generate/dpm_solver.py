"""DPM-Solver++ of second order with a memory of one step."""

from __future__ import annotations

import math

from sfumato.core.tensors import Tensor, torch
from sfumato.generate.ddim import straight_step
from sfumato.generate.denoise import Denoise
from sfumato.generate.levels import Level, Levels
from sfumato.generate.noise import Rngs

__all__ = ["dpm_solver"]


@torch.no_grad()
def dpm_solver(denoise: Denoise, x: Tensor, levels: Levels, rng: Rngs) -> Tensor:
    """Extrapolate the estimate from this step and the one before, then step.

    One question a step, as `ddim`, with an error that falls by the square.
    The last step to the clean picture takes its estimate as it is.

    Args:
        denoise: gives the estimates.
        x: noise at the first level, (n, c, h, w).
        levels: the way.
        rng: not drawn from; here so that samplers can be exchanged.

    References:
        C. Lu et al. DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic
        Models. 2022. arXiv:2211.01095, algorithm 2.
    """
    old: Tensor | None = None
    length_before = 0.0
    for here, there in zip(levels.visited, levels.visited[1:], strict=False):
        clean = denoise(x, here).clean
        length = _log_signal(there) - _log_signal(here)
        ahead = clean
        if old is not None and math.isfinite(length) and 0 < length_before < math.inf:
            ahead = clean + (length / (2 * length_before)) * (clean - old)
        x = straight_step(x, ahead, here, there)
        old, length_before = clean, length
    return x


def _log_signal(level: Level) -> float:
    """Give log(alpha / sigma): minus infinity without signal, infinity without noise."""
    if level.alpha == 0:
        return -math.inf
    return math.inf if level.sigma == 0 else math.log(level.alpha / level.sigma)
