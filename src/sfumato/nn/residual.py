"""The residual block of diffusion networks, also without a condition."""

from __future__ import annotations

from sfumato.core.tensors import Tensor, functional, nn
from sfumato.errors import ShapeError
from sfumato.nn.convolution import group_norm, zeroed

__all__ = ["ResidualBlock"]


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, scaled and shifted by a condition.

    ``shortcut(x) + conv(silu(norm(conv(silu(norm(x)))) * (1 + scale) + shift))``, where scale and
    shift are a linear map of ``silu(condition)``. The last convolution starts at zero, so a new
    block is its shortcut: the identity, or a 1 x 1 convolution where the channels change.

    Args:
        channels_in: channels that come in.
        channels_out: channels that go out.
        condition: length of the conditioning vector; None takes none.
        groups: of the group norms; they divide both channel counts.
        dropout: share of values dropped before the last convolution, in training.

    Shape:
        ``x`` (n, channels_in, h, w), ``condition`` (n, condition); returns
        (n, channels_out, h, w).

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
        groups: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm_in = group_norm(channels_in, groups)
        self.conv_in = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.film = None if condition is None else nn.Linear(condition, 2 * channels_out)
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
        h = self.norm_out(self.conv_in(functional.silu(self.norm_in(x))))
        if self.film is not None and condition is not None:
            scale, shift = self.film(functional.silu(condition))[:, :, None, None].chunk(2, dim=1)
            h = h * (1 + scale) + shift
        h = self.conv_out(self.dropout(functional.silu(h)))
        y: Tensor = self.shortcut(x) + h
        return y
