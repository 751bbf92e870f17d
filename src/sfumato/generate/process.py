"""The diffusion process: noise added to a picture, and what is known of the way back."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfumato.core.spec import Configured
from sfumato.core.tensors import Tensor, torch
from sfumato.errors import RangeError
from sfumato.generate.schedule import CosineSchedule, Schedule

__all__ = ["DiffusionProcess", "Gaussian", "Target", "respaced_steps"]

Target = Literal["noise", "clean", "velocity"]
"""What a network is asked for: the noise, the clean picture, or alpha·noise - sigma·clean."""
Table = NDArray[np.float64]


class Gaussian(NamedTuple):
    """A normal distribution of independent values: mean and log variance, of one shape."""

    mean: Tensor
    log_variance: Tensor


def respaced_steps(steps: int, count: int) -> tuple[int, ...]:
    """Pick ``count`` of ``steps`` steps, evenly, the first and the last among them.

    Raises:
        RangeError: more steps are wanted than there are, or none.

    Example:
        >>> respaced_steps(1000, 5)
        (0, 250, 500, 749, 999)
    """
    if not 1 <= count <= steps:
        raise RangeError(f"cannot pick {count} of {steps} steps", hint=f"ask for 1 to {steps}")
    if count == 1:
        return (steps - 1,)
    stride = (steps - 1) / (count - 1)
    return tuple(round(k * stride) for k in range(count))


class DiffusionProcess(Configured):
    """Add noise to pictures step by step, with every table in float64.

    x_t = alpha_t · clean + sigma_t · noise, where alpha² + sigma² = 1.

    Args:
        schedule: how the noise grows.
        keep: the steps that are kept, ascending; all without it. The betas of a
            shortened process are worked out anew from what is left of the picture
            at the kept steps, so both agree there exactly.

    Raises:
        RangeError: a kept step does not exist, or they do not ascend.

    Example:
        >>> process = DiffusionProcess(schedule=CosineSchedule(steps=4000))
        >>> short = process.respaced(25)
        >>> len(short), short.keep[-1], bool(short.alpha_bars[-1] == process.alpha_bars[-1])
        (25, 3999, True)

    References:
        J. Ho, A. Jain, P. Abbeel. Denoising Diffusion Probabilistic Models. NeurIPS, 2020.
        A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML, 2021.
    """

    schedule: Schedule = CosineSchedule()
    keep: tuple[int, ...] | None = None

    def check(self) -> None:
        if self.keep is None:
            return
        ascending = all(a < b for a, b in zip(self.keep, self.keep[1:], strict=False))
        inside = self.keep and self.keep[0] >= 0 and self.keep[-1] < self.schedule.steps
        if not (ascending and inside):
            raise RangeError(
                f"DiffusionProcess: the kept steps must ascend within 0..{self.schedule.steps - 1}"
            )

    def __len__(self) -> int:
        return self.schedule.steps if self.keep is None else len(self.keep)

    def respaced(self, count: int) -> DiffusionProcess:
        """Give a process of ``count`` steps that agrees with this one where they meet."""
        steps = respaced_steps(len(self), count)
        own = self.times.astype(int)
        return DiffusionProcess(schedule=self.schedule, keep=tuple(int(own[k]) for k in steps))

    @cached_property
    def times(self) -> Table:
        """The step of the full schedule that each step stands for: what a network is told."""
        steps = range(self.schedule.steps) if self.keep is None else self.keep
        return np.array(steps, np.float64)

    @cached_property
    def alpha_bars(self) -> Table:
        """What is left of the picture's variance after each step."""
        full: Table = np.cumprod(1 - self.schedule.betas(), dtype=np.float64)
        return full if self.keep is None else full[list(self.keep)]

    @cached_property
    def previous_alpha_bars(self) -> Table:
        """`alpha_bars` one step before; 1 before the first."""
        return np.concatenate([[1.0], self.alpha_bars[:-1]])

    @cached_property
    def betas(self) -> Table:
        """Variance of the noise that each step adds."""
        if self.keep is None:
            return self.schedule.betas()
        return 1 - self.alpha_bars / self.previous_alpha_bars

    @cached_property
    def alphas(self) -> Table:
        """Scale of the picture in x_t."""
        return np.sqrt(self.alpha_bars)

    @cached_property
    def sigmas(self) -> Table:
        """Scale of the noise in x_t."""
        return np.sqrt(1 - self.alpha_bars)

    @cached_property
    def signal_to_noise(self) -> Table:
        """alpha² / sigma² of each step."""
        return self.alpha_bars / (1 - self.alpha_bars)

    @cached_property
    def posterior_variances(self) -> Table:
        """Variance of x_{t-1} when x_t and the clean picture are known; 0 at the first step."""
        return self.betas * (1 - self.previous_alpha_bars) / (1 - self.alpha_bars)

    @cached_property
    def posterior_log_variances(self) -> Table:
        """Log of `posterior_variances`, the first (log 0) replaced by the second."""
        variances = self.posterior_variances
        second = variances[min(1, len(variances) - 1)]
        first = second if second > 0 else self.betas[0]
        logs: Table = np.log(np.concatenate([[first], variances[1:]]))
        return logs

    def pick(self, table: Table, t: Tensor, like: Tensor) -> Tensor:
        """Look up one value for each picture, shaped to multiply ``like``."""
        # float64 does not exist on every device: shorten first, then move.
        values = torch.from_numpy(table).to(like.dtype).to(like.device)
        picked = values[t.to(like.device, torch.int64)]
        return picked.reshape(-1, *([1] * (like.ndim - 1)))

    def diffuse(self, clean: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Jump to step t: alpha_t · clean + sigma_t · noise.

        Shape:
            clean and noise (n, c, h, w); t (n,) whole numbers; returns (n, c, h, w).
        """
        return self.pick(self.alphas, t, clean) * clean + self.pick(self.sigmas, t, clean) * noise

    def posterior(self, clean: Tensor, x: Tensor, t: Tensor) -> Gaussian:
        """Say where x_{t-1} lies when x_t and the clean picture are known."""
        before = self.previous_alpha_bars
        of_clean = np.sqrt(before) * self.betas / (1 - self.alpha_bars)
        of_x = np.sqrt(1 - self.betas) * (1 - before) / (1 - self.alpha_bars)
        mean = self.pick(of_clean, t, x) * clean + self.pick(of_x, t, x) * x
        log_variance = self.pick(self.posterior_log_variances, t, x).expand_as(x)
        return Gaussian(mean, log_variance)

    def learned_log_variance(self, share: Tensor, t: Tensor) -> Tensor:
        """Interpolate between the smallest and the largest sensible variance.

        Args:
            share: what the network says, -1 for the posterior's variance and 1 for
                beta; not clamped.
            t: steps, (n,).
        """
        low = self.pick(self.posterior_log_variances, t, share)
        high = self.pick(np.log(self.betas), t, share)
        part = (share + 1) / 2
        return part * high + (1 - part) * low

    def target(self, kind: Target, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Give what a network of that kind should answer at step t."""
        if kind == "noise":
            return noise
        if kind == "clean":
            return clean
        alpha, sigma = self.pick(self.alphas, t, clean), self.pick(self.sigmas, t, clean)
        return alpha * noise - sigma * clean

    def clean_from(self, kind: Target, output: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """Work out the clean picture from a network's answer.

        Raises:
            RangeError: the noise was asked for where no picture is left (zero
                terminal signal): nothing can be said about the picture there.
        """
        if kind == "clean":
            return output
        if kind == "velocity":
            return self.pick(self.alphas, t, x) * x - self.pick(self.sigmas, t, x) * output
        if self.alpha_bars[-1] == 0 and bool((t == len(self) - 1).any()):
            raise RangeError(
                "a network that answers with the noise cannot start where no signal is left",
                hint="train it with target='velocity' for a schedule with zero_terminal_snr",
            )
        ratio = np.sqrt(1 / np.maximum(self.alpha_bars, 1e-300) - 1)
        inverse = np.sqrt(1 / np.maximum(self.alpha_bars, 1e-300))
        return self.pick(inverse, t, x) * x - self.pick(ratio, t, x) * output

    def noise_from(self, clean: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """Work out the noise that lies between a clean picture and x_t."""
        alpha, sigma = self.pick(self.alphas, t, x), self.pick(self.sigmas, t, x)
        return (x - alpha * clean) / sigma
