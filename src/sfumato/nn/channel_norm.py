"""Layer normalisation over the channels of each pixel."""

from __future__ import annotations

from sfumato.core.tensors import Tensor, nn, torch

__all__ = ["ChannelNorm"]


class ChannelNorm(nn.Module):
    """Normalise the channels of each pixel, without mixing pixels.

    ``(x - mean) / sqrt(variance + epsilon) * weight + bias``. Not centred, it is
    ``x / sqrt(variance + epsilon) * weight`` with the variance still about the mean: the form
    that keeps brightness, used to remove noise. Statistics are taken in single precision, also
    under autocast.

    Args:
        channels: number of channels.
        centred: subtract the mean and add a bias.
        epsilon: what is added to the variance.

    Shape:
        (n, channels, h, w) to the same.

    References:
        S. Zamir, A. Arora, S. Khan, M. Hayat, F. Khan, M. Yang. Restormer: Efficient Transformer
        for High-Resolution Image Restoration. CVPR, 2022. arXiv:2111.09881
    """

    def __init__(self, channels: int, *, centred: bool = True, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels)) if centred else None
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Normalise; the dtype stays."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        variance, mean = torch.var_mean(wide, dim=1, keepdim=True, correction=0)
        y = wide - mean if self.bias is not None else wide
        y = y * torch.rsqrt(variance + self.epsilon) * self.weight[:, None, None]
        if self.bias is not None:
            y = y + self.bias[:, None, None]
        return y.to(x.dtype)
