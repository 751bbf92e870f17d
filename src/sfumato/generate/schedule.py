"""Noise schedules: how much of the picture is left at each step of a diffusion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.spec import Configured
from sfumato.errors import RangeError

__all__ = [
    "CosineSchedule",
    "LinearSchedule",
    "ScaledLinearSchedule",
    "Schedule",
    "SigmoidSchedule",
    "without_terminal_signal",
]

Betas = NDArray[np.float64]
BetaRange = Annotated[tuple[float, float], Between(0.0, 1.0)]
Steps = Annotated[int, Between(2, 100_000)]

MAX_BETA = 0.999
"""Where a schedule runs into pure noise, a step of 1 would leave nothing to learn from."""


class Schedule(Configured, ABC):
    """Say how the noise grows from a picture to nothing but noise.

    Step t replaces the share beta_t of the variance by fresh noise; what is left
    of the picture's variance after it is alpha_bar_t, the product of all 1 - beta.
    All values are float64: 1 - alpha_bar_0 is too small to be trusted in float32.
    """

    steps: Steps = 1000
    zero_terminal_snr: bool = False

    @abstractmethod
    def plain_betas(self) -> Betas:
        """Give the variance of the noise that each step adds, before any correction."""

    def betas(self) -> Betas:
        """Give the variance of the noise that each step adds, float64 (steps,)."""
        betas = self.plain_betas()
        return without_terminal_signal(betas) if self.zero_terminal_snr else betas


class LinearSchedule(Schedule):
    """Let beta grow linearly, as the first denoising diffusion models did.

    Args:
        steps: length of the diffusion; with another length than 1000 the range is
            scaled by 1000 / steps, so that the end is as noisy.
        zero_terminal_snr: correct the schedule so that nothing is left at the end.
        beta_range: first and last beta of a diffusion of 1000 steps.

    Example:
        >>> float(np.prod(1 - LinearSchedule().betas()).round(9))
        4.0358e-05

    References:
        J. Ho, A. Jain, P. Abbeel. Denoising Diffusion Probabilistic Models. NeurIPS, 2020.
    """

    beta_range: BetaRange = (1e-4, 0.02)

    def check(self) -> None:
        if max(self.beta_range) * 1000 / self.steps >= 1:
            raise RangeError(
                f"LinearSchedule: {self.steps} steps would need a beta of 1 or more",
                hint="use more steps, or sample with fewer: process.respaced(25)",
            )

    def plain_betas(self) -> Betas:
        low, high = (beta * 1000 / self.steps for beta in self.beta_range)
        return np.linspace(low, high, self.steps, dtype=np.float64)


class ScaledLinearSchedule(Schedule):
    """Let the root of beta grow linearly, as latent diffusion models do.

    Args:
        steps: length of the diffusion.
        zero_terminal_snr: correct the schedule so that nothing is left at the end.
        beta_range: first and last beta; (0.0015, 0.0195) in the first latent models.

    Example:
        >>> float(np.prod(1 - ScaledLinearSchedule().betas()).round(7))
        0.0046601

    References:
        R. Rombach et al. High-Resolution Image Synthesis with Latent Diffusion Models. CVPR, 2022.
    """

    beta_range: BetaRange = (0.00085, 0.012)

    def plain_betas(self) -> Betas:
        low, high = np.sqrt(self.beta_range)
        return np.linspace(low, high, self.steps, dtype=np.float64) ** 2


class CosineSchedule(Schedule):
    """Let the picture fade as a squared cosine, which spends more steps on its structure.

    alpha_bar(u) = cos²((u + s) / (1 + s) · π/2) with u from 0 to 1.

    Args:
        steps: length of the diffusion.
        zero_terminal_snr: correct the schedule so that nothing is left at the end.
        offset: s, keeps the first steps from being too small to see.

    References:
        A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML, 2021.
    """

    offset: Annotated[float, Between(0.0, 1.0)] = 0.008

    def plain_betas(self) -> Betas:
        u = np.arange(self.steps + 1, dtype=np.float64) / self.steps
        return _betas_of(np.cos((u + self.offset) / (1 + self.offset) * np.pi / 2) ** 2)


class SigmoidSchedule(Schedule):
    """Let the picture fade as a sigmoid, which suits larger pictures than the cosine.

    Args:
        steps: length of the diffusion.
        zero_terminal_snr: correct the schedule so that nothing is left at the end.
        start: where on the sigmoid the diffusion starts.
        end: where it ends.
        temperature: larger is closer to a straight line.

    Raises:
        RangeError: ``end`` does not lie after ``start``.

    References:
        A. Jabri, D. Fleet, T. Chen. Scalable Adaptive Computation for Iterative Generation.
        ICML, 2023.
    """

    start: Annotated[float, Between(-20.0, 20.0)] = -3.0
    end: Annotated[float, Between(-20.0, 20.0)] = 3.0
    temperature: Annotated[float, Between(0.01, 100.0)] = 1.0

    def check(self) -> None:
        if self.end <= self.start:
            raise RangeError(
                f"SigmoidSchedule: the end {self.end} must lie after the start {self.start}"
            )

    def plain_betas(self) -> Betas:
        u = np.arange(self.steps + 1, dtype=np.float64) / self.steps
        place = (self.start + u * (self.end - self.start)) / self.temperature
        curve = 1 / (1 + np.exp(-place))
        return _betas_of(curve[-1] - curve)  # only ratios count


def _betas_of(alpha_bars: Betas) -> Betas:
    """Turn what is left of the picture at 0, 1, ..., steps into what each step takes."""
    return np.minimum(1 - alpha_bars[1:] / alpha_bars[:-1], MAX_BETA)


def without_terminal_signal(betas: Betas) -> Betas:
    """Shift and scale a schedule so that its last step leaves pure noise.

    Common schedules leave a little of the picture's mean at the end, which is
    not there when sampling starts from noise: pictures then come out neither
    dark nor bright. The root of alpha_bar is moved so that the last value is 0
    and the first is kept.

    Args:
        betas: a schedule, (steps,).

    References:
        S. Lin et al. Common Diffusion Noise Schedules and Sample Steps Are Flawed. WACV, 2024.

    Example:
        >>> float(without_terminal_signal(ScaledLinearSchedule().betas())[-1])
        1.0
    """
    root = np.sqrt(np.cumprod(1 - np.asarray(betas, np.float64)))
    root = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    alpha_bars = root**2
    return 1 - np.concatenate([alpha_bars[:1], alpha_bars[1:] / alpha_bars[:-1]])
