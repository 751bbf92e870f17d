"""The two halves of a U-Net that denoises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sfumato.core.tensors import Tensor, functional, nn, torch
from sfumato.errors import FieldError, ShapeError
from sfumato.nn.attention import CrossAttention, SelfAttention
from sfumato.nn.convolution import group_norm, zeroed
from sfumato.nn.resampling import Downsample, Upsample
from sfumato.nn.residual import ResidualBlock
from sfumato.nn.time_embedding import TimeEmbedding

__all__ = ["Plan", "UNetBlock", "UNetDecoder", "UNetEncoder", "added"]


@dataclass(frozen=True)
class Plan:
    """How the blocks of a U-Net are built; what encoder and decoder must agree on."""

    widths: tuple[int, ...]
    blocks: int
    attention_at: tuple[int, ...]
    heads: int
    head_width: int | None
    condition: int
    context: int | None
    steered: Literal["scale", "add"]
    resample_blocks: bool
    dropout: float
    groups: int

    def block(
        self, channels_in: int, level: int, resample: Literal["none", "down", "up"] = "none"
    ) -> UNetBlock:
        """Build a block of a level; a resampling one has no attention."""
        width = self.widths[level]
        residual = ResidualBlock(
            channels_in,
            width,
            condition=self.condition,
            steered=self.steered,
            resample=resample,
            groups=self.groups,
            dropout=self.dropout,
        )
        attends = resample == "none" and 2**level in self.attention_at
        return UNetBlock(residual, *(self.attention(width) if attends else (None, None)))

    def attention(self, width: int) -> tuple[SelfAttention, CrossAttention | None]:
        """Build what looks at the whole map, and at the text where there is one."""
        if self.head_width is not None and width % self.head_width:
            raise ShapeError(
                f"UNet: heads of {self.head_width} do not divide a level of {width} channels",
                hint="head_width must divide every width that attends, and that of the middle",
            )
        heads = self.heads if self.head_width is None else width // self.head_width
        own = SelfAttention(width, heads=heads, groups=self.groups)
        if self.context is None:
            return own, None
        return own, CrossAttention(width, self.context, heads=heads, groups=self.groups)


class UNetBlock(nn.Module):
    """A residual block, then attention to the map and to the text where they are wanted.

    Args:
        residual: steered by time and class.
        attention: of the map to itself.
        cross: of the map to the text.
        grow: doubles the size at the end.
    """

    def __init__(
        self,
        residual: ResidualBlock,
        attention: SelfAttention | None = None,
        cross: CrossAttention | None = None,
        grow: Upsample | ResidualBlock | None = None,
    ) -> None:
        super().__init__()
        self.residual, self.attention, self.cross, self.grow = residual, attention, cross, grow

    def forward(self, x: Tensor, condition: Tensor, context: Tensor | None) -> Tensor:
        """Give the features."""
        x = self.residual(x, condition)
        if self.attention is not None:
            x = self.attention(x)
        if self.cross is not None:
            if context is None:
                raise FieldError("this U-Net looks at text, and none was given")
            x = self.cross(x, context)
        if isinstance(self.grow, ResidualBlock):
            x = self.grow(x, condition)
        elif self.grow is not None:
            x = self.grow(x)
        return x


class UNetEncoder(nn.Module):
    """The half of a U-Net that a ControlNet copies: conditions, encoder and middle.

    ``skip_channels`` and ``skip_strides`` tell widths and reductions of what it
    hands to the decoder, ``level_channels`` and ``level_strides`` of the last feature
    of each size, and ``middle_channels`` of the middle: what an adapter must produce.

    Args:
        channels_in: of the noisy picture.
        channels: width of the first level.
        plan: how blocks are built.
        classes: how many classes, or none.
    """

    def __init__(
        self, channels_in: int, channels: int, plan: Plan, classes: int | None = None
    ) -> None:
        super().__init__()
        self.time = TimeEmbedding(channels, plan.condition)
        self.label = None if classes is None else nn.Embedding(classes, plan.condition)
        width = plan.widths[0]
        self.stem = nn.Conv2d(channels_in, width, 3, padding=1)
        blocks: list[nn.Module] = []
        self.skip_channels, self.skip_strides = [width], [1]
        self.level_ends: list[int] = []
        for level, wide in enumerate(plan.widths):
            for _ in range(plan.blocks):
                blocks.append(plan.block(width, level))
                width = wide
            self._note(width, 2**level, plan.blocks)
            self.level_ends.append(len(blocks) - 1)
            if level + 1 < len(plan.widths):
                blocks.append(
                    plan.block(width, level, "down") if plan.resample_blocks else Downsample(width)
                )
                self._note(width, 2 ** (level + 1), 1)
        self.blocks = nn.ModuleList(blocks)
        last = len(plan.widths) - 1
        own, cross = plan.attention(width)
        first, second = (plan.block(width, last).residual for _ in range(2))
        self.middle = nn.ModuleList([UNetBlock(first, own, cross), UNetBlock(second)])
        self.level_channels = list(plan.widths)
        self.level_strides = [2**level for level in range(len(plan.widths))]
        self.middle_channels = width

    def _note(self, width: int, stride: int, times: int) -> None:
        self.skip_channels += [width] * times
        self.skip_strides += [stride] * times

    def condition(self, times: Tensor, label: Tensor | None) -> Tensor:
        """Give the vector that steers every block.

        Raises:
            FieldError: labels where there are no classes, or the other way round.
        """
        code: Tensor = self.time(times)
        if (self.label is None) != (label is None):
            raise FieldError(
                "this U-Net knows no classes, and labels were given"
                if self.label is None
                else "this U-Net is steered by classes, and no labels were given"
            )
        if self.label is not None and label is not None:
            code = code + self.label(label)
        return code

    def forward(
        self,
        x: Tensor,
        condition: Tensor,
        context: Tensor | None = None,
        *,
        hint: Tensor | None = None,
        levels: Sequence[Tensor] = (),
    ) -> tuple[list[Tensor], Tensor]:
        """Give what is handed to the decoder, and the middle.

        Args:
            x: noisy pictures.
            condition: from `condition`.
            context: the text, (n, t, context).
            hint: added after the first convolution (ControlNet).
            levels: added to the last feature of each size (T2I-Adapter).

        Raises:
            ShapeError: levels in another number or shape than this encoder has.
        """
        if levels and len(levels) != len(self.level_ends):
            raise ShapeError(
                f"this U-Net has {len(self.level_ends)} levels, the adapter gave {len(levels)}"
            )
        # Samplers keep more digits than a network of 16 bits, and an adapter may have others.
        own = self.stem.weight.dtype
        context = None if context is None else context.to(own)
        x = self.stem(x.to(own))
        if hint is not None:
            x = x + hint
        skips = [x]
        for k, block in enumerate(self.blocks):
            x = block(x, condition, context) if isinstance(block, UNetBlock) else block(x)
            if levels and k in self.level_ends:
                x = added(x, levels[self.level_ends.index(k)])
            skips.append(x)
        for block in self.middle:
            x = block(x, condition, context)
        return skips, x


class UNetDecoder(nn.Module):
    """The other half: takes the skips back, the last first.

    Args:
        plan: how blocks are built.
        skip_channels: what the encoder hands over.
        channels_out: of the answer.
    """

    def __init__(self, plan: Plan, skip_channels: Sequence[int], channels_out: int) -> None:
        super().__init__()
        waiting, blocks, width = list(skip_channels), list[nn.Module](), plan.widths[-1]
        for level in reversed(range(len(plan.widths))):
            for k in range(plan.blocks + 1):
                block = plan.block(width + waiting.pop(), level)
                width = plan.widths[level]
                if level > 0 and k == plan.blocks:
                    grown = plan.block(width, level, "up") if plan.resample_blocks else None
                    block.grow = Upsample(width) if grown is None else grown.residual
                blocks.append(block)
        self.blocks = nn.ModuleList(blocks)
        self.norm = group_norm(width, plan.groups)
        self.out = zeroed(nn.Conv2d(width, channels_out, 3, padding=1))

    def forward(
        self, x: Tensor, skips: Sequence[Tensor], condition: Tensor, context: Tensor | None
    ) -> Tensor:
        """Give the answer."""
        context = None if context is None else context.to(self.out.weight.dtype)
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            x = block(torch.cat([x, skip], dim=1), condition, context)
        y: Tensor = self.out(functional.silu(self.norm(x)))
        return y


def added(x: Tensor, feature: Tensor) -> Tensor:
    """Add what an adapter gives to a feature of a U-Net.

    Raises:
        ShapeError: it is of another width or size.
    """
    if x.shape[1:] != feature.shape[1:]:
        raise ShapeError(
            f"an adapter gave {tuple(feature.shape[1:])} where this U-Net has {tuple(x.shape[1:])}",
            hint="hint and picture must have one size, and the adapter be made for this U-Net",
        )
    return x + feature.to(x.dtype)
