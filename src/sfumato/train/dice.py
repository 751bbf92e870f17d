"""Seeds that depend on where in a training one is, and on nothing that happened before."""

from __future__ import annotations

import hashlib

from sfumato.core.tensors import torch

__all__ = ["seed_layers", "seed_of"]


def seed_of(seed: int, *place: int | str) -> int:
    """Give the seed of a place in a training, 63 bits.

    Args:
        seed: of the whole training.
        place: what tells places apart: purpose, step, part, number of the batch.

    Example:
        >>> seed_of(0, "loss", 3) == seed_of(0, "loss", 3)
        True
        >>> seed_of(0, "loss", 3) == seed_of(0, "los", "s3")
        False
    """
    text = repr((seed, *place)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def seed_layers(seed: int, device: torch.device) -> None:
    """Seed the dice of torch itself, for layers that throw them: dropout.

    `torch.manual_seed` would write down the stack each time for GPUs that are not in use.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
