"""Which levels of noise a sampler visits on its way from noise to picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from sfumato.core.tensors import Tensor
from sfumato.errors import RangeError, SpecError
from sfumato.generate.process import DiffusionProcess, Target, respaced_steps

__all__ = ["Level", "Levels", "Spacing", "sampling_levels"]

Table = NDArray[np.float64]
Spacing = Literal["even", "leading", "trailing", "karras"]
"""Even with both ends; even from the clean end; even from the noisy end; dense near clean."""

KARRAS_RHO = 7.0


class Level(NamedTuple):
    """One level of noise: x = alpha · clean + sigma · noise, and what the network is told."""

    alpha: float
    sigma: float
    time: float

    @property
    def ratio(self) -> float:
        """Noise to signal, sigma / alpha; infinite where no signal is left."""
        return self.sigma / self.alpha if self.alpha > 0 else float("inf")

    def clean_from(self, kind: Target, output: Tensor, x: Tensor) -> Tensor:
        """Work out the clean picture from a network's answer.

        Raises:
            RangeError: the noise was asked for where no signal is left.
        """
        if kind == "clean":
            return output
        if kind == "velocity":
            return self.alpha * x - self.sigma * output
        if self.alpha == 0:
            raise RangeError(
                "a network that answers with the noise cannot start where no signal is left",
                hint="spacing='leading' starts a step earlier",
            )
        return (x - self.sigma * output) / self.alpha


CLEAN = Level(1.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of a sampler, the noisiest first; the last is where it ends.

    Args:
        visited: the levels; the network is asked at all but the last.
        process: what they were taken from.
    """

    visited: tuple[Level, ...]
    process: DiffusionProcess

    def __len__(self) -> int:
        """Count the steps between the levels."""
        return len(self.visited) - 1

    def from_strength(self, strength: float) -> Levels:
        """Keep the last part, to start from a picture and not from noise.

        Args:
            strength: share of the steps that are kept, 0 to 1; at least one is.

        Raises:
            RangeError: outside 0..1.
        """
        if not 0 < strength <= 1:
            raise RangeError(f"strength: {strength} is outside (0, 1]")
        kept = max(1, round(len(self) * strength))
        return Levels(self.visited[len(self) - kept :], self.process)

    def at_ratio(self, ratio: float) -> Level:
        """Give the level of a noise-to-signal ratio between those of the process."""
        return _level_of_ratio(self.process, ratio)


def _level_of_ratio(process: DiffusionProcess, ratio: float) -> Level:
    with np.errstate(divide="ignore"):
        logs = np.log(process.sigmas / process.alphas)
    finite = np.isfinite(logs)
    time = np.interp(np.log(ratio), logs[finite], process.times[finite])
    alpha = 1 / np.sqrt(1 + ratio**2)
    return Level(float(alpha), float(ratio * alpha), float(time))


def sampling_levels(
    process: DiffusionProcess,
    steps: int,
    *,
    spacing: Spacing = "even",
    offset: int = 0,
    end_at_first: bool = False,
) -> Levels:
    """Pick the levels that a sampler of so many steps visits.

    Args:
        process: where from.
        steps: how often the network is asked.
        spacing: ``even`` has both ends of the process. ``leading`` counts
            strides of len // steps from the clean end and never reaches the noisy one;
            ``trailing`` counts from the noisy end, which a process without terminal
            signal needs; ``karras`` spaces the ratio of noise to signal by a power law.
        offset: added to the steps of ``leading``; 1 for Stable Diffusion.
        end_at_first: end at the first step of the process and not at the clean picture.

    Raises:
        RangeError: no steps, or more than the process has.
        SpecError: there is no such spacing.

    Example:
        >>> [round(level.time) for level in
        ...  sampling_levels(DiffusionProcess(), 20, spacing="leading", offset=1).visited[:3]]
        [951, 901, 851]

    References:
        T. Karras et al. Elucidating the Design Space of Diffusion-Based Generative Models.
        NeurIPS, 2022.
    """
    count = len(process)
    if not 1 <= steps <= count:
        raise RangeError(
            f"steps: {steps} is outside [1, {count}]",
            hint="20 to 50 steps are usual; the process has no more than it was trained with",
        )
    end = _level(process, 0) if end_at_first else CLEAN
    if spacing == "karras":
        return Levels((*_karras(process, steps), end), process)
    if spacing == "even":
        picked = np.array(respaced_steps(count, steps))
    elif spacing == "leading":
        picked = np.arange(steps) * (count // steps) + offset
    elif spacing == "trailing":
        picked = np.round(np.arange(count, 0, -count / steps)).astype(int)[:steps][::-1] - 1
    else:
        raise SpecError(
            f"there is no spacing {spacing!r}", hint=f"spacings: {', '.join(get_args(Spacing))}"
        )
    picked = np.clip(picked, 0, count - 1)
    return Levels((*(_level(process, int(k)) for k in picked[::-1]), end), process)


def _level(process: DiffusionProcess, k: int) -> Level:
    return Level(float(process.alphas[k]), float(process.sigmas[k]), float(process.times[k]))


def _karras(process: DiffusionProcess, steps: int) -> tuple[Level, ...]:
    alphas = process.alphas[process.alphas > 0]
    sigmas = process.sigmas[: len(alphas)]
    low, high = sigmas[0] / alphas[0], sigmas[-1] / alphas[-1]
    ramp = np.linspace(0, 1, steps)
    ends = high ** (1 / KARRAS_RHO), low ** (1 / KARRAS_RHO)
    ratios = (ends[0] + ramp * (ends[1] - ends[0])) ** KARRAS_RHO
    return tuple(_level_of_ratio(process, float(ratio)) for ratio in ratios)
