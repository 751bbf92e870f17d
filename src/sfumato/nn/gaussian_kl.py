"""How far one Gaussian is from another."""

from __future__ import annotations

from typing import Literal

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import ShapeError

__all__ = ["gaussian_kl"]


def gaussian_kl(
    mean: Tensor,
    log_variance: Tensor,
    other_mean: Tensor | float = 0.0,
    other_log_variance: Tensor | float = 0.0,
    *,
    reduction: Literal["batchmean", "none"] = "batchmean",
) -> Tensor:
    """Give the Kullback-Leibler divergence of diagonal Gaussians, in nats.

    ``KL = (v2 - v1 - 1 + exp(v1 - v2) + (m1 - m2)² exp(-v2)) / 2`` with v the log variances,
    in closed form. By default the second is the standard Gaussian.

    Args:
        mean: of the first.
        log_variance: of the first.
        other_mean: of the second.
        other_log_variance: of the second.
        reduction: ``batchmean`` sums over everything but the batch and averages over it;
            ``none`` gives one value for each dimension.

    Shape:
        (n, ...), all of one shape or plain numbers; returns a scalar or (n, ...).

    Raises:
        ShapeError: mean and log variance differ in shape, or have no batch.
    """
    if mean.shape != log_variance.shape or mean.ndim == 0:
        raise ShapeError(
            f"gaussian_kl: mean and log variance must have one shape (n, ...), "
            f"got {tuple(mean.shape)} and {tuple(log_variance.shape)}"
        )
    other = torch.as_tensor(other_log_variance, dtype=mean.dtype, device=mean.device)
    each = 0.5 * (
        other
        - log_variance
        - 1.0
        + torch.exp(log_variance - other)
        + (mean - other_mean).square() * torch.exp(-other)
    )
    return each if reduction == "none" else each.sum() / len(mean)
