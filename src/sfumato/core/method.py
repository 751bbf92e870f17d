"""Methods: a network, what it learns from, and what it answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sfumato.core.batch import Batch
from sfumato.core.network import Network
from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import RangeError

__all__ = ["Method", "Part"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """How often one part of a method learns, and where its optimiser differs from the recipe.

    Args:
        repeats: optimiser steps in one training step, each on a batch of its own
            (five for the critic of a Wasserstein GAN).
        every: it learns in every so many-th training step only.
        lr: learning rate at its height; None as the recipe has it.
        betas: decays of the averages of AdamW; None as the recipe has it.
        weight_decay: None as the recipe has it.

    Raises:
        RangeError: ``repeats`` or ``every`` is below 1.
    """

    repeats: int = 1
    every: int = 1
    lr: float | None = None
    betas: tuple[float, float] | None = None
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        if self.repeats < 1 or self.every < 1:
            raise RangeError(f"Part: repeats={self.repeats} and every={self.every} must be >= 1")


class Method(Network):
    """A network, its objective, and its answer: all that the trainer needs to know.

    A subclass writes `loss` and `predict`, and `parts` where several optimisers
    play against each other. The trainer walks over the parts, asks each for its
    losses, and steps its optimiser. A frozen base is frozen by not being listed.

    All randomness comes from ``rng``: never from torch's own dice, or training
    cannot be resumed exactly. `sfumato.core.tensors` draws from it. Numbers that
    change while learning (running means, counters) are buffers, so that they are
    saved. ``self.step``, the number of the training step, is set before `loss`.

    Class attributes beside those of `Network`:

    - ``reads``, ``writes``: fields of a batch that `predict` needs and gives.
    - ``practice_options``: keywords that make `predict` short, for checks: few steps.
    - ``local``: no output pixel sees farther than ``overlap_px / 4``; checked by
      `sfumato.testing.check_method`.

    Example:
        >>> class Shift(Method):
        ...     '''Learn by how much the target is brighter.'''
        ...     def __init__(self, *, channels: int = 3) -> None:
        ...         super().__init__()
        ...         self.shift = nn.Parameter(torch.zeros(channels, 1, 1))
        ...     def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        ...         return batch.but(image=batch.image + self.shift)
        ...     def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        ...         return {"l1": (self.predict(batch).image - batch.need("target")).abs().mean()}
        >>> batch = Batch(torch.zeros(1, 3, 4, 4), target=torch.ones(1, 3, 4, 4))
        >>> Shift().loss(batch, "main", torch.Generator())["l1"].item()
        1.0
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    writes: ClassVar[tuple[str, ...]] = ("image",)
    local: ClassVar[bool] = False
    practice_options: ClassVar[Mapping[str, Any]] = {}
    step: int = 0

    def parts(self) -> Mapping[str, Iterable[nn.Parameter]]:
        """Name the groups of parameters that get an optimiser each, in the order they learn."""
        return {"main": [p for p in self.parameters() if p.requires_grad]}

    def plan(self) -> Mapping[str, Part]:
        """Say for parts how they learn, where that is not once a step as the recipe has it."""
        return {}

    @abstractmethod
    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        """Give the named terms whose sum the part shall make small.

        Args:
            batch: what to learn from, on the device of the method.
            part: one of the names in `parts`.
            rng: where all randomness comes from, on the device of the method.
        """

    @abstractmethod
    def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        """Answer a batch whose sides are multiples of ``multiple_of``.

        Fields of the batch that the answer does not concern are passed on. For
        pictures of any size and any memory see `sfumato.core.any_size`. Subclasses
        may add keywords with defaults.

        Args:
            batch: at least the fields in ``reads``.
            rng: where all randomness comes from; None always draws the same.
        """

    def stepped(self, part: str) -> None:
        """Be told that the optimiser of a part has made a step; nothing by default."""

    def practice_batch(self, size: tuple[int, int] = (32, 32), seed: int = 0) -> Batch:
        """Give a small batch that `loss` can learn from, for checks.

        By default two smooth colour pictures; the target is the image, the input a
        noisier, darker one, and the mask says where it is bright. Override it where
        the method needs something else.
        """
        rng = torch.Generator().manual_seed(seed)
        y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
        waves = [
            0.5 + 0.4 * torch.sin(x / (3.0 + c) + y / (5.0 + k)) for k in (0, 1) for c in range(3)
        ]
        target = torch.stack(waves).view(2, 3, *size)
        noise = 0.05 * torch.randn(target.shape, generator=rng)
        image = (0.7 * target + noise).clamp(0.0, 1.0)
        mask = (target.mean(1) > 0.5).long()
        label = torch.tensor([0, 1])
        return Batch(
            image, target=target, hint=target[:, :1], mask=mask, label=label, text=("", "")
        )
