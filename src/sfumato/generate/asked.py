"""What a U-Net is asked at one step, as adapters see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

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
        pooled: text as one vector, (n, width), for networks that want it so, too.
    """

    label: Tensor | None = None
    context: Tensor | None = None
    pooled: Tensor | None = None

    def after(self, other: Condition) -> Condition:
        """Give one condition for two batches, the other's first."""

        def both(name: str) -> Tensor | None:
            first, second = getattr(other, name), getattr(self, name)
            return None if first is None or second is None else torch.cat([first, second])

        return Condition(**{field.name: both(field.name) for field in fields(self)})

    def __getitem__(self, part: slice) -> Condition:
        """Give that of some of the pictures."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return Condition(**{name: None if t is None else t[part] for name, t in named})


@dataclass(frozen=True, eq=False)
class Asked:
    """One question to a U-Net.

    With guidance, a batch of n pictures is asked as 2 n: first without the
    condition, then with it.

    Args:
        x: noisy pictures or latents.
        times: what the network is told of the noise, (n,).
        condition: what the pictures shall show.
        unguided: how many of the batch, from its beginning, are asked without the condition.
        progress: how far the sampler is, 0 at the start, below 1 at its last step.
    """

    x: Tensor
    times: Tensor
    condition: Condition = Condition()
    unguided: int = 0
    progress: float = 0.0

    @property
    def guided(self) -> Asked:
        """The part of it that is asked with the condition."""
        cut = slice(self.unguided, None)
        return replace(
            self,
            x=self.x[cut],
            times=self.times[cut],
            condition=self.condition[cut],
            unguided=0,
        )

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
