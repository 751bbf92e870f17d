"""The sampler that walks the learned chain back as it was trained."""

from __future__ import annotations

import math
from typing import Literal

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import FieldError
from sfumato.generate.denoise import Denoise, Estimate
from sfumato.generate.levels import Level, Levels
from sfumato.generate.noise import Rngs, draw_noise

__all__ = ["ancestral"]


@torch.no_grad()
def ancestral(
    denoise: Denoise,
    x: Tensor,
    levels: Levels,
    rng: Rngs,
    *,
    variance: Literal["small", "large", "learned"] | None = None,
) -> Tensor:
    """Draw each level from the distribution that the model learned, noise and all.

    Args:
        denoise: gives the estimates.
        x: noise at the first level, (n, c, h, w).
        levels: the way; betas are worked out from neighbouring levels.
        rng: on the CPU, one or one for each picture.
        variance: of a step: the posterior's, beta, or what the network learned; None
            takes the learned one where the estimates have it, else the small one.

    Raises:
        FieldError: the learned variance is asked for and the network gives none.

    References:
        J. Ho, A. Jain, P. Abbeel. Denoising Diffusion Probabilistic Models. NeurIPS, 2020.
    """
    pairs = list(zip(levels.visited, levels.visited[1:], strict=False))
    smallest = [_posterior_variance(here, there) for here, there in pairs]
    for k, (here, there) in enumerate(pairs):
        estimate = denoise(x, here)
        before, now = there.alpha**2, here.alpha**2
        beta = 1 - now / before
        of_clean = there.alpha * beta / (1 - now)
        of_x = math.sqrt(1 - beta) * (1 - before) / (1 - now)
        x = of_clean * estimate.clean + of_x * x
        if there.sigma > 0 and beta > 0:
            spread = _spread(estimate, variance, smallest[k], beta)
            x = x + spread * draw_noise(x.shape, rng, x)
    return x


def _posterior_variance(here: Level, there: Level) -> float:
    before, now = there.alpha**2, here.alpha**2
    return (1 - now / before) * (1 - before) / (1 - now)


def _spread(
    estimate: Estimate, variance: str | None, smallest: float, beta: float
) -> Tensor | float:
    """Give the standard deviation of one step."""
    if variance is None:
        variance = "small" if estimate.share is None else "learned"
    if variance != "learned":
        return math.sqrt(beta if variance == "large" else smallest)
    if estimate.share is None:
        raise FieldError(
            "ancestral: this network has learned no variance", hint="variance='small' or 'large'"
        )
    part = (estimate.share + 1) / 2
    return torch.exp(0.5 * (part * math.log(beta) + (1 - part) * math.log(smallest)))
