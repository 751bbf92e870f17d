"""Which steps of the diffusion are trained, and how often."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from sfumato.core.tensors import Tensor, nn, torch

__all__ = ["CubicTimes", "ImportanceTimes", "TimeSampler", "UniformTimes"]


class TimeSampler(nn.Module, ABC):
    """Draw steps for training. What it has learned is a buffer: checkpoints keep it.

    Args:
        steps: length of the diffusion.
    """

    def __init__(self, *, steps: int) -> None:
        super().__init__()
        self.steps = steps

    @abstractmethod
    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Give steps, and the weights that make their mean loss unbiased: (count,) each."""

    def learn(self, t: Tensor, losses: Tensor) -> None:
        """Take notice of losses, (n,); nothing by default."""


class UniformTimes(TimeSampler):
    """Draw every step equally often."""

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        t = torch.randint(self.steps, (count,), generator=rng, device=rng.device)
        return t, torch.ones(count, device=rng.device)


class CubicTimes(TimeSampler):
    """Favour noisy steps, where the layout of a picture is decided: t = (1 - u³) · steps.

    The weights are one: the loss is meant to lean that way.

    References:
        C. Mou et al. T2I-Adapter: Learning Adapters to Dig out More Controllable Ability for
        Text-to-Image Diffusion Models. AAAI, 2024.
    """

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        u = torch.rand(count, generator=rng, device=rng.device)
        t = ((1 - u**3) * self.steps).long().clamp(max=self.steps - 1)
        return t, torch.ones(count, device=rng.device)


class ImportanceTimes(TimeSampler):
    """Draw each step in proportion to the root of its mean squared loss.

    The bound's steps differ by orders of magnitude, so uniform draws make a
    noisy gradient. Until each step has ten losses, draws are uniform. Processes that train
    together remember the losses of all of them.

    Args:
        steps: length of the diffusion.

    References:
        A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML, 2021.
    """

    remembered = 10
    uniform_share = 0.001

    losses: Tensor
    counts: Tensor

    def __init__(self, *, steps: int) -> None:
        super().__init__(steps=steps)
        self.register_buffer("losses", torch.zeros(steps, self.remembered, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(steps, dtype=torch.int64))

    def probabilities(self) -> Tensor:
        """Give how often each step is drawn, (steps,) in float64."""
        if bool((self.counts < self.remembered).any()):
            return torch.full_like(self.losses[:, 0], 1 / self.steps)
        weights = self.losses.double().square().mean(dim=1).sqrt()
        total = weights.sum()
        even = torch.full_like(weights, 1 / self.steps)
        if not float(total) > 0:
            return even
        return (1 - self.uniform_share) * weights / total + self.uniform_share * even

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        p = self.probabilities().to(rng.device)
        t = torch.multinomial(p, count, replacement=True, generator=rng)
        return t, (1 / (self.steps * p[t])).float()

    @torch.no_grad()
    def learn(self, t: Tensor, losses: Tensor) -> None:
        """Remember the last ten losses of each step; losses that are not finite are left out."""
        history, counts = self.losses.cpu(), self.counts.cpu()  # one trip for the whole batch
        t, losses = _of_all_processes(t), _of_all_processes(losses.detach())
        for step, loss in zip(t.tolist(), losses.double().tolist(), strict=True):
            if not math.isfinite(loss):
                continue
            held = int(counts[step])
            if held < self.remembered:
                history[step, held] = loss
                counts[step] += 1
            else:
                history[step] = history[step].roll(-1)
                history[step, -1] = loss
        self.losses.copy_(history)
        self.counts.copy_(counts)


def _of_all_processes(values: Tensor) -> Tensor:
    """Join what the processes of a training have, (n,) each, in the order of their ranks."""
    shared = torch.distributed.is_available() and torch.distributed.is_initialized()
    if not shared or torch.distributed.get_world_size() == 1:
        return values
    values = values.contiguous()
    parts = [torch.empty_like(values) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, values)
    return torch.cat(parts)
