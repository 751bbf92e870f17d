"""The residual block of diffusion networks, also without a condition."""

from __future__ import annotations

from typing import Literal

from sfumato.core.tensors import Tensor, functional, nn
from sfumato.errors import ShapeError
from sfumato.nn.convolution import group_norm, zeroed

__all__ = ["ResidualBlock"]


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, steered by a condition.

    ``shortcut(x) + conv(silu(norm(conv(silu(norm(x)))) * (1 + scale) + shift))``, where scale and
    shift are a linear map of ``silu(condition)``. The last convolution starts at zero, so a new
    block is its shortcut: the identity, or a 1 x 1 convolution where the channels change.

    A resampling block means 2 x 2 pixels or repeats them, on the shortcut and before the first
    convolution alike.

    Args:
        channels_in: channels that come in.
        channels_out: channels that go out.
        condition: length of the conditioning vector; None takes none.
        steered: scale and shift after the second norm, or only add to what goes into it.
        resample: half or double the size within the block.
        groups: of the group norms; they divide both channel counts.
        dropout: share of values dropped before the last convolution, in training.

    Shape:
        ``x`` (n, channels_in, h, w), ``condition`` (n, condition); returns
        (n, channels_out, h, w), or half or double the size.

    Raises:
        ShapeError: the groups do not divide the channels; a condition is missing or not taken.

    References:
        A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML, 2021.
        arXiv:2102.09672
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        condition: int | None = None,
        steered: Literal["scale", "add"] = "scale",
        resample: Literal["none", "down", "up"] = "none",
        groups: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm_in = group_norm(channels_in, groups)
        self.conv_in = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.steered, self.resample = steered, resample
        width = channels_out if steered == "add" else 2 * channels_out
        self.film = None if condition is None else nn.Linear(condition, width)
        self.norm_out = group_norm(channels_out, groups)
        self.dropout = nn.Dropout(dropout)
        self.conv_out = zeroed(nn.Conv2d(channels_out, channels_out, 3, padding=1))
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Give the block's answer."""
        if (condition is None) != (self.film is None):
            wanted = "takes no condition" if self.film is None else "needs a condition"
            raise ShapeError(f"ResidualBlock: it {wanted}, as it was built")
        h = self.conv_in(self._resampled(functional.silu(self.norm_in(x))))
        if self.film is None or condition is None:
            h = self.norm_out(h)
        elif self.steered == "add":
            h = self.norm_out(h + self.film(functional.silu(condition))[:, :, None, None])
        else:
            scale, shift = self.film(functional.silu(condition))[:, :, None, None].chunk(2, dim=1)
            h = self.norm_out(h) * (1 + scale) + shift
        h = self.conv_out(self.dropout(functional.silu(h)))
        y: Tensor = self.shortcut(self._resampled(x)) + h
        return y

    def _resampled(self, x: Tensor) -> Tensor:
        if self.resample == "down":
            return functional.avg_pool2d(x, 2)
        if self.resample == "up":
            return functional.interpolate(x, scale_factor=2.0, mode="nearest")
        return x
