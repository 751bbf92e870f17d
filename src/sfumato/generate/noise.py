"""Noise that a seed determines, on every device and in every batch."""

from __future__ import annotations

from collections.abc import Sequence

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import ShapeError

__all__ = ["Rngs", "draw_noise", "generators"]

Rngs = torch.Generator | Sequence[torch.Generator]
"""One generator for a batch, or one for each picture in it."""


def generators(seed: int, count: int) -> list[torch.Generator]:
    """Give a generator for each of ``count`` pictures: picture k has the seed ``seed + k``.

    So the third picture of a batch is the first of a batch that starts two later.
    """
    return [torch.Generator().manual_seed((seed + k) % 2**63) for k in range(count)]


def draw_noise(shape: Sequence[int], rng: Rngs, like: Tensor) -> Tensor:
    """Draw normal noise in float32 where the generator lives, then move it to ``like``.

    Generators of different devices give different numbers for one seed: those on the
    CPU mean the same picture everywhere, and `generators` gives such.

    Args:
        shape: (n, c, h, w).
        rng: one generator, or one for each of the n pictures.
        like: gives dtype and device.

    Raises:
        ShapeError: another number of generators than pictures.
    """
    if isinstance(rng, torch.Generator):
        noise = torch.randn(*shape, generator=rng, device=rng.device)
    elif len(rng) != shape[0]:
        raise ShapeError(f"{shape[0]} pictures need as many generators, got {len(rng)}")
    else:
        noise = torch.stack([torch.randn(*shape[1:], generator=g, device=g.device) for g in rng])
    return noise.to(device=like.device, dtype=like.dtype)
