"""Denoisers: what a sampler asks, and what can be put around one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import ShapeError
from sfumato.generate.levels import Level

__all__ = ["Denoise", "Estimate", "clipping", "guidance", "keeping"]


class Estimate(NamedTuple):
    """What a denoiser believes.

    Args:
        clean: the clean picture, (n, c, h, w).
        share: of the variance of the next step between the posterior's (-1) and
            beta (1), where the network has learned it.
    """

    clean: Tensor
    share: Tensor | None = None


Denoise = Callable[[Tensor, Level], Estimate]
"""(x, level) -> estimate. Every sampler takes one, and every wrapper here gives one."""


def guidance(unguided: Tensor, guided: Tensor, scale: float, *, rescale: float = 0.0) -> Tensor:
    """Strengthen what a condition changes: unguided + scale · (guided - unguided).

    A scale of 1 is the condition alone, 0 is without it; larger follows it more
    than the network would. In other words scale · guided - (scale - 1) · unguided:
    the second sign is a minus. Noise, clean pictures and velocities may be
    combined alike, since each is an affine function of the other.

    Args:
        unguided: the answer without the condition, or with the negative one.
        guided: the answer with it.
        scale: how strong.
        rescale: share by which the result is brought back to the spread of the guided
            answer; strong guidance overexposes otherwise.

    References:
        J. Ho, T. Salimans. Classifier-Free Diffusion Guidance. 2022. arXiv:2207.12598
        S. Lin et al. Common Diffusion Noise Schedules and Sample Steps Are Flawed. WACV, 2024.

    Example:
        >>> import torch
        >>> guidance(torch.tensor(1.0), torch.tensor(2.0), 3.0).item()
        4.0
    """
    strong = unguided + scale * (guided - unguided)
    if rescale == 0.0:
        return strong
    axes = tuple(range(1, strong.ndim))
    # An answer that is the same everywhere has no spread to bring back.
    width = strong.std(dim=axes, keepdim=True).clamp(min=1e-12)
    spread = guided.std(dim=axes, keepdim=True) / width
    return strong * (rescale * spread + (1 - rescale))


def clipping(denoise: Denoise, low: float = -1.0, high: float = 1.0) -> Denoise:
    """Keep the estimates within the range of pictures; not meant for latents."""

    def clipped(x: Tensor, level: Level) -> Estimate:
        estimate = denoise(x, level)
        return estimate._replace(clean=estimate.clean.clamp(low, high))

    return clipped


def keeping(denoise: Denoise, known: Tensor, keep: Tensor) -> Denoise:
    """Leave part of a picture as it is, and let the sampler fill in the rest.

    The known part is put into each estimate. Any sampler then moves that part
    along the true diffusion of the known picture, with the noise it started from,
    so that it ends there exactly and the rest sees it at the right noise.

    Args:
        denoise: fills in.
        known: the picture, in the range of the estimates, (n, c, h, w).
        keep: 1 where it is known, 0 where to fill in, (n, 1, h, w); between them it blends.

    Raises:
        ShapeError: the mask does not fit the picture.
    """
    if known.shape[-2:] != keep.shape[-2:]:
        raise ShapeError(
            f"the mask is {tuple(keep.shape[-2:])}, the picture {tuple(known.shape[-2:])}",
            hint="resize the mask to the picture first",
        )

    def kept(x: Tensor, level: Level) -> Estimate:
        estimate = denoise(x, level)
        clean = estimate.clean
        return estimate._replace(clean=torch.lerp(clean, known.to(clean), keep.to(clean)))

    return kept
