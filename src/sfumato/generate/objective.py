"""What a denoising network is trained for."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import ShapeError
from sfumato.generate.likelihood import step_bits
from sfumato.generate.process import DiffusionProcess, Gaussian, Target

__all__ = [
    "Objective",
    "Variance",
    "diffusion_terms",
    "min_snr_weights",
    "split_variance",
    "step_log_variance",
]

Objective = Literal["simple", "hybrid", "vlb"]
"""Mean squared error; that and the bound for the variance; the bound alone."""
Variance = Literal["small", "large", "learned"]
"""The posterior's, beta, or a share between them that the network gives."""


def split_variance(output: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """Split a network's answer into the picture part and the share of the variance.

    Raises:
        ShapeError: the answer does not have twice the channels.
    """
    if output.shape[1] != 2 * channels:
        raise ShapeError(
            f"a network with learned variance answers with {2 * channels} channels, "
            f"got {output.shape[1]}"
        )
    return output[:, :channels], output[:, channels:]


def min_snr_weights(
    process: DiffusionProcess, target: Target, t: Tensor, gamma: float = 5.0
) -> Tensor:
    """Weigh the squared error so that easy steps do not outweigh the rest, (n,).

    min(snr, gamma), divided by what the kind of target weighs by itself: snr for
    the noise, snr + 1 for the velocity.

    References:
        T. Hang et al. Efficient Diffusion Training via Min-SNR Weighting Strategy. ICCV, 2023.
    """
    snr = process.signal_to_noise
    own = {"noise": snr, "clean": np.ones_like(snr), "velocity": snr + 1}[target]
    weights = np.minimum(snr, gamma) / np.maximum(own, 1e-300)
    return torch.from_numpy(weights).float().to(t.device)[t]


def diffusion_terms(
    process: DiffusionProcess,
    output: Tensor,
    clean: Tensor,
    t: Tensor,
    noise: Tensor,
    *,
    target: Target = "noise",
    objective: Objective = "simple",
    variance: Variance = "small",
    min_snr: float | None = None,
) -> dict[str, Tensor]:
    """Give the named terms of the loss for each picture, (n,) each; their sum is trained.

    ``hybrid`` is the squared error plus steps / 1000 times the bits of the step, in
    which only the variance learns: the bound, a sum over all steps that is
    estimated from one, with the weight 0.001. ``vlb`` is that bound alone.

    Args:
        process: which noise was added.
        output: the network's answer to x_t, twice the channels with a learned variance.
        clean: the pictures, (n, c, h, w).
        t: the steps, (n,).
        noise: what was added, as ``clean``.
        target: what the network answers with.
        objective: see above.
        variance: which one the network's steps back have.
        min_snr: weigh the squared error with that gamma, see `min_snr_weights`.

    References:
        A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML, 2021.
    """
    share: Tensor | None = None
    if variance == "learned":
        output, share = split_variance(output, clean.shape[1])
    terms: dict[str, Tensor] = {}
    if objective in ("simple", "hybrid"):
        wanted = process.target(target, clean, noise, t)
        error = ((output - wanted) ** 2).flatten(1).mean(dim=1)
        if min_snr is not None:
            error = error * min_snr_weights(process, target, t, min_snr).to(error.device)
        terms["mse"] = error
    if objective in ("hybrid", "vlb"):
        x = process.diffuse(clean, t, noise)
        # In the hybrid the mean learns from the squared error only.
        answer = output.detach() if objective == "hybrid" else output
        predicted = process.clean_from(target, answer, x, t)
        guess = Gaussian(
            process.posterior(predicted, x, t).mean,
            step_log_variance(process, variance, share, t, x),
        )
        scale = len(process) / 1000 if objective == "hybrid" else len(process)
        terms["vlb"] = step_bits(process, clean, x, t, guess) * scale
    return terms


def step_log_variance(
    process: DiffusionProcess, variance: Variance, share: Tensor | None, t: Tensor, like: Tensor
) -> Tensor:
    """Give the log variance of the steps back: learned where there is a share, else fixed."""
    if share is not None:
        return process.learned_log_variance(share, t)
    if variance == "large":
        # beta itself would cost too much at the first step.
        first = process.posterior_log_variances[:1]
        table = np.concatenate([first, np.log(process.betas[1:])])
    else:
        table = process.posterior_log_variances
    return process.pick(table, t, like).expand_as(like)
