"""How to train: steps, optimiser, schedule, precision, what to keep."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from sfumato.core.bounds import Between
from sfumato.core.spec import Configured
from sfumato.errors import RangeError

__all__ = ["Recipe"]


class Recipe(Configured):
    """How to train, whatever the method.

    Args:
        steps: training steps in all; one step lets every part learn (see `Part`).
        max_seconds: stop after that long and save; None for no limit. The learning rate
            follows the steps, not the clock.
        lr: learning rate of AdamW at its height.
        betas: decays of the averages of AdamW.
        weight_decay: of AdamW.
        warmup_steps: the learning rate rises over these, from lr / warmup_steps.
        decay: what it does afterwards: stay, or fall to 0 at the last step.
        clip: longest gradient, over all parameters of a part; None for any.
        accumulate: batches of one optimiser step in each process; their losses are averaged.
        ema: decay of the moving average of the weights, which is what is validated and saved
            for use; None for no average.
        precision: ``bf16`` computes the network in 16 bits where that is safe.
        seed: of the order of data and of every random number.
        device: as torch calls it; "auto" takes a GPU where there is one.
        log_every: steps between entries of the log.
        validate_every: steps between validations; the last step is validated too.
        save_every: steps between checkpoints; the last step is saved too.
        keep: how many checkpoints stay.
        sample_pictures: how many validation pictures are drawn at each validation.
        non_finite: what to do where a loss or gradient is no number: ``stop``, or ``skip``
            that optimiser step, ten in a row at most.
        tensorboard: write the log for TensorBoard too.

    Example:
        >>> Recipe(steps=100, warmup_steps=10, lr=1.0).lr_at(4)
        0.5
    """

    steps: Annotated[int, Between(1)] = 10_000
    max_seconds: Annotated[float, Between(0.0)] | None = None
    lr: Annotated[float, Between(0.0)] = 3e-4
    betas: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.9, 0.999)
    weight_decay: Annotated[float, Between(0.0)] = 0.01
    warmup_steps: Annotated[int, Between(0)] = 0
    decay: Literal["constant", "cosine", "linear"] = "cosine"
    clip: Annotated[float, Between(0.0)] | None = 1.0
    accumulate: Annotated[int, Between(1)] = 1
    ema: Annotated[float, Between(0.0, 1.0)] | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: Annotated[int, Between(0, 2**32 - 1)] = 0
    device: str = "auto"
    log_every: Annotated[int, Between(1)] = 50
    validate_every: Annotated[int, Between(1)] = 1_000
    save_every: Annotated[int, Between(1)] = 1_000
    keep: Annotated[int, Between(1)] = 2
    sample_pictures: Annotated[int, Between(0, 64)] = 4
    non_finite: Literal["stop", "skip"] = "stop"
    tensorboard: bool = False

    def check(self) -> None:
        if self.warmup_steps >= self.steps and self.warmup_steps:
            raise RangeError(
                f"Recipe: a warm-up of {self.warmup_steps} steps leaves none of {self.steps}"
            )

    def lr_factor(self, step: int) -> float:
        """Give the share of the full learning rate in a step, counted from 0."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        if self.decay == "constant":
            return 1.0
        gone = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        gone = min(1.0, gone)
        return 1.0 - gone if self.decay == "linear" else 0.5 * (1.0 + math.cos(math.pi * gone))

    def lr_at(self, step: int) -> float:
        """Give the learning rate in a step, counted from 0."""
        return self.lr * self.lr_factor(step)
