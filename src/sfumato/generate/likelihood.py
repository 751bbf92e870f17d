"""What a diffusion model's answer costs in bits, step by step and in all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import RangeError
from sfumato.generate.process import DiffusionProcess, Gaussian

__all__ = [
    "BitsPerDimension",
    "bits_per_dimension",
    "divergence",
    "log_likelihood_of_bins",
    "prior_bits",
    "step_bits",
]

BIN_HALF_WIDTH = 1.0 / 255.0
"""Pictures of 256 values in -1..1 lie 2 / 255 apart."""
SMALLEST_PROBABILITY = 1e-12
EDGE = 0.999


def divergence(p: Gaussian, q: Gaussian) -> Tensor:
    """Give KL(p || q) of two normal distributions, value by value, in nats."""
    gap = (p.mean - q.mean) ** 2 * torch.exp(-q.log_variance)
    spread = p.log_variance - q.log_variance
    return 0.5 * (-1.0 - spread + torch.exp(spread) + gap)


def _normal_cdf(x: Tensor) -> Tensor:
    """Approximate the normal distribution's integral by a hyperbolic tangent."""
    return 0.5 * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def log_likelihood_of_bins(x: Tensor, guess: Gaussian) -> Tensor:
    """Give the log probability of 8-bit values under a normal distribution, in nats.

    A value stands for its bin of width 2/255; the bins of -1 and 1 reach to infinity.

    Args:
        x: pictures in -1..1 that hold 256 different values at most.
        guess: mean and log variance, of the same shape.
    """
    gap = x - guess.mean
    inverse = torch.exp(-0.5 * guess.log_variance)
    upper = _normal_cdf(inverse * (gap + BIN_HALF_WIDTH))
    lower = _normal_cdf(inverse * (gap - BIN_HALF_WIDTH))

    def log(probability: Tensor) -> Tensor:
        return torch.log(probability.clamp(min=SMALLEST_PROBABILITY))

    middle = log(upper - lower)
    return torch.where(x < -EDGE, log(upper), torch.where(x > EDGE, log(1.0 - lower), middle))


def _mean_bits(values: Tensor) -> Tensor:
    return values.flatten(1).mean(dim=1) / math.log(2.0)


def step_bits(
    process: DiffusionProcess, clean: Tensor, x: Tensor, t: Tensor, guess: Gaussian
) -> Tensor:
    """Give the cost of one step back, in bits a value.

    That is the divergence of the guess for x_{t-1} from the truth, and at the
    first step the cost of the picture itself.

    Args:
        process: which noise was added.
        clean: the pictures, -1..1.
        x: the pictures at step t.
        t: the steps, (n,).
        guess: what the model believes of x_{t-1}.

    Shape:
        clean and x (n, c, h, w); returns (n,).
    """
    cost = _mean_bits(divergence(process.posterior(clean, x, t), guess))
    first = -_mean_bits(log_likelihood_of_bins(clean, guess))
    return torch.where(t.to(cost.device) == 0, first, cost)


def prior_bits(process: DiffusionProcess, clean: Tensor) -> Tensor:
    """Give the cost of the last step's remnant of the picture, in bits a value, (n,)."""
    # Close to zero differences of ones lie here, so this stays in float64.
    alpha_bar = float(process.alpha_bars[-1])
    squared = clean.detach().double().cpu() ** 2 * alpha_bar
    variance_part = -math.log1p(-alpha_bar) - alpha_bar
    return _mean_bits(0.5 * (squared + variance_part)).float()


@dataclass(frozen=True, eq=False)
class BitsPerDimension:
    """What pictures cost under a diffusion model, in bits a value.

    Args:
        total: the bound on the whole cost, (n,).
        steps: the cost of each step, (n, steps).
        prior: the cost of the end, (n,).
        squared_error: of the predicted clean picture at each step, (n, steps).
    """

    total: Tensor
    steps: Tensor
    prior: Tensor
    squared_error: Tensor


Believe = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(x, t) -> the clean picture and the log variance of x_{t-1}."""


@torch.no_grad()
def bits_per_dimension(
    process: DiffusionProcess, believe: Believe, clean: Tensor, rng: torch.Generator
) -> BitsPerDimension:
    """Bound the cost of pictures: the sum over all steps, and of the end.

    Args:
        process: the process that the model was trained for.
        believe: gives the clean picture (clipped to -1..1 here) and the log variance.
        clean: pictures in -1..1 that hold 8-bit values, (n, c, h, w).
        rng: a generator on the CPU, so a seed means the same noise everywhere.

    Raises:
        RangeError: pictures outside -1..1.
    """
    if not bool((clean.abs() <= 1.0 + 1e-6).all()):
        raise RangeError("bits_per_dimension: pictures must lie in -1..1")
    count = len(process)
    bits = torch.zeros(len(clean), count)
    errors = torch.zeros(len(clean), count)
    for step in reversed(range(count)):
        t = torch.full((len(clean),), step, dtype=torch.int64)
        noise = torch.randn(clean.shape, generator=rng).to(clean)
        x = process.diffuse(clean, t, noise)
        predicted, log_variance = believe(x, t)
        predicted = predicted.clamp(-1.0, 1.0)
        mean = process.posterior(predicted, x, t).mean
        bits[:, step] = step_bits(process, clean, x, t, Gaussian(mean, log_variance)).cpu()
        errors[:, step] = ((predicted - clean) ** 2).flatten(1).mean(dim=1).cpu()
    prior = prior_bits(process, clean)
    return BitsPerDimension(bits.sum(dim=1) + prior, bits, prior, errors)
