"""The sampler that may leave the chain's noise out."""

from __future__ import annotations

import math

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import RangeError
from sfumato.generate.denoise import Denoise
from sfumato.generate.levels import Level, Levels
from sfumato.generate.noise import Rngs, draw_noise

__all__ = ["ddim", "straight_step"]


def straight_step(x: Tensor, clean: Tensor, here: Level, there: Level) -> Tensor:
    """Go from one level to another along the line that the estimate gives.

    The noise (x - alpha · clean) / sigma is kept, its scale becomes the new sigma.
    """
    return (there.sigma / here.sigma) * (x - here.alpha * clean) + there.alpha * clean


@torch.no_grad()
def ddim(denoise: Denoise, x: Tensor, levels: Levels, rng: Rngs, *, eta: float = 0.0) -> Tensor:
    """Step along the estimated noise, with a share of fresh noise.

    Args:
        denoise: gives the estimates.
        x: noise at the first level, (n, c, h, w).
        levels: the way.
        rng: on the CPU, one or one for each picture; not drawn from when eta is 0.
        eta: 0 is deterministic, 1 has the noise of the chain's posterior.

    Raises:
        RangeError: eta outside 0..1.

    References:
        J. Song, C. Meng, S. Ermon. Denoising Diffusion Implicit Models. ICLR, 2021.
    """
    if not 0 <= eta <= 1:
        raise RangeError(f"ddim: eta {eta} is outside [0, 1]")
    for here, there in zip(levels.visited, levels.visited[1:], strict=False):
        clean = denoise(x, here).clean
        fresh = 0.0
        if eta > 0:
            before, now = there.alpha**2, here.alpha**2
            fresh = eta * math.sqrt((1 - before) / (1 - now) * (1 - now / before))
        kept = math.sqrt(max(there.sigma**2 - fresh**2, 0.0))
        x = (kept / here.sigma) * (x - here.alpha * clean) + there.alpha * clean
        if fresh > 0:
            x = x + fresh * draw_noise(x.shape, rng, x)
    return x
