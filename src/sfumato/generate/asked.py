"""What a U-Net is asked at one step, as adapters see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import ShapeError
from sfumato.generate.residuals import Residuals

__all__ = ["Adapter", "Asked", "Condition", "residuals_of"]


@dataclass(frozen=True, eq=False)
class Condition:
    """What a picture shall show, as the network takes it.

    Args:
        label: classes, (n,).
        context: text, (n, t, width).
    """

    label: Tensor | None = None
    context: Tensor | None = None

    def after(self, other: Condition) -> Condition:
        """Give one condition for two batches, the other's first."""
        return Condition(_both(other.label, self.label), _both(other.context, self.context))


def _both(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return None if a is None or b is None else torch.cat([a, b])


@dataclass(frozen=True, eq=False)
class Asked:
    """One question to a U-Net.

    With guidance, a batch of n pictures is asked as 2 n: first without the
    condition, then with it.

    Args:
        x: noisy pictures or latents.
        times: what the network is told of the noise, (n,).
        label: classes.
        context: text.
        unguided: how many of the batch, from its beginning, are asked without the condition.
        progress: how far the sampler is, 0 at the start, below 1 at its last step.
    """

    x: Tensor
    times: Tensor
    label: Tensor | None = None
    context: Tensor | None = None
    unguided: int = 0
    progress: float = 0.0

    def repeated(self, tensor: Tensor) -> Tensor:
        """Repeat what belongs to n pictures, or to one, so that it fits this batch.

        Raises:
            ShapeError: this batch is no multiple of it.
        """
        if len(self.x) % len(tensor):
            raise ShapeError(f"an adapter has {len(tensor)} hints for {len(self.x)} pictures")
        times = len(self.x) // len(tensor)
        return tensor.repeat(times, *([1] * (tensor.ndim - 1))) if times > 1 else tensor


Adapter = Callable[[Asked], Residuals | None]
"""Says what to add inside the U-Net at this question; None for nothing."""


def residuals_of(adapters: Sequence[tuple[Adapter, float]], asked: Asked) -> Residuals | None:
    """Give the weighted sum of what adapters say."""
    total: Residuals | None = None
    for adapter, strength in adapters:
        if strength == 0.0:
            continue
        said = adapter(asked)
        if said is None:
            continue
        said = said if strength == 1.0 else said * strength
        total = said if total is None else total + said
    return total
