"""Features of a hint, as wide and as small as those of a U-Net's levels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.core.bounds import Between
from sfumato.core.tensors import Tensor, functional, nn
from sfumato.errors import ShapeError, SpecError
from sfumato.generate.asked import Asked
from sfumato.generate.residuals import Residuals
from sfumato.generate.unet import UNet

__all__ = ["FeaturePyramid", "Form", "Stage"]

Form = Literal["full", "light", "xl"]

LIGHT_SHARE = 4
"""The light form works at a quarter of each width, with twice as many blocks."""


class _Block(nn.Module):
    """Convolve, bend, convolve, and add: no normalisation, no time."""

    def __init__(self, channels: int, last_px: int) -> None:
        super().__init__()
        self.block1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.block2 = nn.Conv2d(channels, channels, last_px, padding=last_px // 2)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = x + self.block2(functional.relu(self.block1(x)))
        return answer


class Stage(nn.Module):
    """The blocks of one level: halve the size, widen, refine.

    Args:
        channels_in: from the level before.
        channels_out: of this level.
        light: refine at a quarter of the width, with four blocks in place of two.
        halved: begin with a mean over 2 x 2; an odd row or column gets a mean of its own.
    """

    def __init__(self, channels_in: int, channels_out: int, *, light: bool, halved: bool) -> None:
        super().__init__()
        self.halve = nn.AvgPool2d(2, ceil_mode=True) if halved else nn.Identity()
        inner = channels_out // LIGHT_SHARE if light else channels_out
        widen = light or channels_in != channels_out
        self.in_conv = nn.Conv2d(channels_in, inner, 1) if widen else nn.Identity()
        count, last_px = (4, 3) if light else (2, 1)
        self.blocks = nn.ModuleList(_Block(inner, last_px) for _ in range(count))
        self.out_conv = nn.Conv2d(inner, channels_out, 1) if light else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.in_conv(self.halve(x))
        for block in self.blocks:
            x = block(x)
        answer: Tensor = self.out_conv(x)
        return answer


class FeaturePyramid(HintAdapter):
    """Read a hint once, and give a feature for each level of a U-Net's encoder.

    The hint is folded (pixel unshuffle) to the size of the U-Net's first level, brought to
    its width, and refined level by level. No attention, no time: the features are worked
    out once a picture. The trained adapters that were published have two blocks a level,
    the second convolution of 1 x 1, and mean pooling.

    Args:
        widths: of the U-Net's levels.
        hint_channels: 1 for drawings, 3 for depth pictures and color, as published.
        unshuffle: how far the hint is folded: 8 for latents of an eighth, 16 for the
            XL form, 1 for pixels.
        form: ``full``; ``light`` (color), a quarter as wide inside; ``xl``, which halves
            only once more, before its third level.

    Shape:
        see `HintAdapter`; ``levels`` of the residuals is filled, level k of width
        ``widths[k]``, its size rounded up where a side is odd.

    Raises:
        ShapeError: when called, a hint whose sides are no multiples of ``unshuffle``, or
            of another number of channels.

    References:
        C. Mou et al. T2I-Adapter: Learning Adapters to Dig out More Controllable Ability
        for Text-to-Image Diffusion Models. AAAI, 2024. arXiv:2302.08453

    Example:
        >>> import torch
        >>> pyramid = FeaturePyramid(widths=(8, 16), hint_channels=1, unshuffle=1)
        >>> levels = pyramid.levels(torch.zeros(1, 1, 12, 12))
        >>> [tuple(level.shape) for level in levels]
        [(1, 8, 12, 12), (1, 16, 6, 6)]
    """

    once = True
    _example = {"widths": (16, 32), "unshuffle": 1}

    def __init__(
        self,
        *,
        widths: Annotated[tuple[int, ...], Between(1, 100_000)] = (320, 640, 1280, 1280),
        hint_channels: Annotated[int, Between(1, 1000)] = 1,
        unshuffle: Annotated[int, Between(1, 64)] = 8,
        form: Form = "full",
    ) -> None:
        super().__init__()
        if not widths:
            raise ShapeError("FeaturePyramid.widths: a U-Net has at least one level")
        if form == "xl" and unshuffle % 2:
            raise ShapeError("FeaturePyramid.unshuffle: the XL form folds twice as far as latents")
        self.hint_channels, self.multiple_of = hint_channels, unshuffle
        # The first feature of the XL form is added behind the first halving of its U-Net.
        self.reduction = unshuffle // 2 if form == "xl" else unshuffle
        folded = hint_channels * unshuffle**2
        light = form == "light"
        before = folded if light else widths[0]
        self.conv_in = nn.Identity() if light else nn.Conv2d(folded, widths[0], 3, padding=1)
        stages = []
        for k, width in enumerate(widths):
            halved = k == 2 if form == "xl" else k > 0
            stages.append(Stage(before, width, light=light, halved=halved))
            before = width
        self.stages = nn.ModuleList(stages)

    @classmethod
    def of(
        cls, unet: UNet, *, hint_channels: int = 1, unshuffle: int = 1, form: Form = "full"
    ) -> FeaturePyramid:
        """Make one for a U-Net, our own or a published one, with weights of its own."""
        widths = tuple(unet.encoder.level_channels)
        if form == "xl":  # its last feature is added behind the middle
            widths = (*widths, widths[-1])
        return cls(widths=widths, hint_channels=hint_channels, unshuffle=unshuffle, form=form)

    @classmethod
    def from_published(cls, file: str | Path, *, entry: str | None = None, **settings: Any) -> Self:
        """See `sfumato.adapt.load_t2i_adapter`: everything is read from the weights."""
        from sfumato.adapt.published_pyramid import (  # noqa: PLC0415 (it builds this)
            load_t2i_adapter,
        )

        if entry is not None or settings:
            raise SpecError(
                "adapt.FeaturePyramid: published weights tell everything",
                hint="leave out settings and entry",
            )
        found: Any = load_t2i_adapter(file)
        return found  # type: ignore[no-any-return]

    def levels(self, hint: Tensor) -> tuple[Tensor, ...]:
        """Give the features of a hint, (n, hint_channels, h, w), values in 0..1."""
        folding = self.multiple_of
        if hint.shape[-1] % folding or hint.shape[-2] % folding:
            raise ShapeError(
                f"FeaturePyramid: sides of the hint must be multiples of {folding}, "
                f"got {tuple(hint.shape[-2:])}",
                hint="pad or resize picture and hint alike",
            )
        own = next(self.parameters()).dtype
        x = self.conv_in(functional.pixel_unshuffle(hint.to(own), folding))
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return tuple(found)

    def forward(self, hint: Tensor, asked: Asked) -> Residuals:
        self.check_hint(hint, asked.x)
        return Residuals(levels=self.levels(hint))
