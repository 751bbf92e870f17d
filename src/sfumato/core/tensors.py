"""The one door to torch on this floor, and randomness that is handed in.

It stands apart so that everything else in core works without torch, and so
that a missing torch is told in one place.
"""

from __future__ import annotations

from collections.abc import Sequence

from sfumato.errors import MissingExtraError, RangeError

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError(
        f"what learns needs torch, which cannot be imported: {error}",
        hint='pip install "sfumato[learn]"',
    ) from error

__all__ = [
    "Tensor",
    "functional",
    "integers",
    "nn",
    "normal",
    "normal_like",
    "on_device",
    "seeded",
    "torch",
    "uniform",
]


def on_device(name: str, who: str) -> torch.device:
    """Give the device of that name.

    Raises:
        RangeError: there is none.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        said = str(error).strip().partition("\n")[0]
        raise RangeError(
            f"{who}: the device {name!r} cannot be used: {said}", hint="device='cpu' always can"
        ) from error
    return device


def seeded(rng: torch.Generator | None, seed: int = 0) -> torch.Generator:
    """Give the generator, or a new one on the CPU where there is none.

    The dice of torch itself are never thrown: what is not handed in repeats itself.
    """
    return torch.Generator().manual_seed(seed) if rng is None else rng


def normal(size: Sequence[int], rng: torch.Generator, device: torch.device | str) -> Tensor:
    """Draw from the normal distribution, float32, wherever the generator lives.

    A generator on the CPU gives the same numbers for every device; one on the
    device is faster.
    """
    return torch.randn(tuple(size), generator=rng, device=rng.device).to(device)


def normal_like(x: Tensor, rng: torch.Generator) -> Tensor:
    """Draw normal numbers in the shape, dtype and place of a tensor."""
    return normal(x.shape, rng, x.device).to(x.dtype)


def uniform(size: Sequence[int], rng: torch.Generator, device: torch.device | str) -> Tensor:
    """Draw evenly from [0, 1), float32."""
    return torch.rand(tuple(size), generator=rng, device=rng.device).to(device)


def integers(
    low: int, high: int, size: Sequence[int], rng: torch.Generator, device: torch.device | str
) -> Tensor:
    """Draw evenly from low, ..., high - 1, int64."""
    return torch.randint(low, high, tuple(size), generator=rng, device=rng.device).to(device)
