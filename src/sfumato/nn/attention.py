"""Attention of a feature map to itself, or to tokens."""

from __future__ import annotations

from sfumato.core.tensors import Tensor, functional, nn
from sfumato.errors import ShapeError
from sfumato.nn.convolution import group_norm, zeroed

__all__ = ["CrossAttention", "SelfAttention"]


def _width_of_heads(channels: int, heads: int, who: str) -> int:
    if heads < 1 or channels % heads:
        raise ShapeError(
            f"{who}: {channels} channels cannot be shared by {heads} heads",
            hint="the number of heads must divide the channels",
        )
    return channels // heads


def _attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Attend by heads: all are (n, tokens, heads * width), and so is the answer."""
    q, k, v = (x.reshape(*x.shape[:2], heads, -1).transpose(1, 2) for x in (query, key, value))
    return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Let every pixel of a feature map look at every other, and add what it finds.

    ``x + out(softmax(q kᵀ / sqrt(d)) v)`` with q, k, v linear in ``norm(x)``. ``out`` starts at
    zero, so a new layer is the identity.

    Args:
        channels: of the map.
        heads: they share the channels evenly.
        groups: of the group norm.

    Shape:
        (n, channels, h, w) to the same. Memory grows with h w, time with its square.

    Raises:
        ShapeError: heads or groups do not divide the channels.

    References:
        A. Vaswani et al. Attention Is All You Need. NeurIPS, 2017. arXiv:1706.03762
    """

    def __init__(self, channels: int, *, heads: int = 4, groups: int = 32) -> None:
        super().__init__()
        _width_of_heads(channels, heads, "SelfAttention")
        self.heads = heads
        self.norm = group_norm(channels, groups)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Give the map with what was found added."""
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        query, key, value = self.qkv(tokens).chunk(3, dim=-1)
        found: Tensor = self.out(_attend(query, key, value, self.heads))
        return x + found.transpose(1, 2).reshape(x.shape)


class CrossAttention(nn.Module):
    """Let every pixel of a feature map look at tokens, such as those of a text.

    As `SelfAttention`, but keys and values are linear in the tokens, without bias.

    Args:
        channels: of the map.
        context: length of a token.
        heads: they share the channels evenly.
        groups: of the group norm.

    Shape:
        ``x`` (n, channels, h, w), ``tokens`` (n, t, context); returns the shape of ``x``.

    Raises:
        ShapeError: heads or groups do not divide the channels, or tokens of another length.
    """

    def __init__(self, channels: int, context: int, *, heads: int = 4, groups: int = 32) -> None:
        super().__init__()
        _width_of_heads(channels, heads, "CrossAttention")
        self.heads, self.context = heads, context
        self.norm = group_norm(channels, groups)
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(context, channels, bias=False)
        self.value = nn.Linear(context, channels, bias=False)
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        """Give the map with what was found added."""
        if tokens.ndim != 3 or tokens.shape[-1] != self.context or len(tokens) != len(x):
            raise ShapeError(
                f"CrossAttention: tokens must be ({len(x)}, t, {self.context}), "
                f"got {tuple(tokens.shape)}"
            )
        query = self.query(self.norm(x).flatten(2).transpose(1, 2))
        attended = _attend(query, self.key(tokens), self.value(tokens), self.heads)
        found: Tensor = self.out(attended)
        return x + found.transpose(1, 2).reshape(x.shape)
