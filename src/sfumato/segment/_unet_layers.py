"""The layers of the U-Net: down, across and up again."""

from __future__ import annotations

from typing import Literal

from sfumato.core.tensors import Tensor, functional, nn, torch
from sfumato.errors import ShapeError
from sfumato.nn.convolution import ConvBlock

__all__ = ["UNetLayers", "pad_to", "whole_window_size"]


def whole_window_size(wanted: int, levels: int) -> tuple[int, int]:
    """Give the sides in and out of an unpadded U-Net that answers at least ``wanted`` pixels.

    From b pixels after the lowest convolutions, ``out = 2^N b - 4 (2^N - 1)`` and
    ``in = 2^N (b + 4) + 4 (2^N - 1)``: every size of this form halves without a rest.

    Example:
        >>> whole_window_size(388, 4)
        (572, 388)
    """
    factor = 2**levels
    lost = 4 * (factor - 1)
    lowest = -(-(wanted + lost) // factor)
    return factor * (lowest + 4) + lost, factor * lowest - lost


def pad_to(x: Tensor, height: int, width: int, margin_px: int = 0) -> Tensor:
    """Pad a margin at the top and the left, and the rest at the bottom and the right.

    By reflection about the outermost pixels; where the picture is too small for that, the
    outermost pixels are repeated. Nothing to pad gives the very same tensor.

    Shape:
        (n, c, h, w) to (n, c, height, width).
    """
    bottom, right = height - x.shape[-2] - margin_px, width - x.shape[-1] - margin_px
    if not (margin_px or bottom or right):
        return x
    fits = max(margin_px, bottom) < x.shape[-2] and max(margin_px, right) < x.shape[-1]
    pads = (margin_px, right, margin_px, bottom)
    return functional.pad(x, pads, mode="reflect" if fits else "replicate")


class _Up(nn.Module):
    """Double the size, join the skip, and convolve twice."""

    def __init__(
        self,
        channels: int,
        *,
        skip: Literal["concat", "add"],
        up: Literal["transposed", "bilinear"],
        padded: bool,
        norm: Literal["batch", "none"],
    ) -> None:
        super().__init__()
        half = channels // 2
        self.up: nn.Module = (
            nn.ConvTranspose2d(channels, half, 2, stride=2)
            if up == "transposed"
            else nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                nn.Conv2d(channels, half, 1),
            )
        )
        self.adds = skip == "add"
        self.convs = _double(half if self.adds else channels, half, padded=padded, norm=norm)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up(x)
        edges = [(a - b) // 2 for a, b in zip(skip.shape[-2:], x.shape[-2:], strict=True)]
        skip = skip[..., edges[0] : edges[0] + x.shape[-2], edges[1] : edges[1] + x.shape[-1]]
        y: Tensor = self.convs(x + skip if self.adds else torch.cat([skip, x], dim=1))
        return y


def _double(
    channels_in: int, channels_out: int, *, padded: bool, norm: Literal["batch", "none"]
) -> nn.Sequential:
    return nn.Sequential(
        ConvBlock(channels_in, channels_out, padded=padded, norm=norm, activation="relu"),
        ConvBlock(channels_out, channels_out, padded=padded, norm=norm, activation="relu"),
    )


class UNetLayers(nn.Module):
    """Scores of the same height and width for pictures of any.

    Padded, a picture is continued to a multiple of ``2^levels`` at the bottom and the right and
    the scores are cropped back. Unpadded, it is continued on all sides by what the convolutions
    lose.

    Shape:
        (n, channels_in, h, w) to (n, channels_out, h, w).
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        width: int,
        levels: int,
        norm: Literal["batch", "none"],
        padded: bool,
        skip: Literal["concat", "add"],
        up: Literal["transposed", "bilinear"],
    ) -> None:
        super().__init__()
        self.channels_in, self.levels, self.padded = channels_in, levels, padded
        widths = [width * 2**level for level in range(levels + 1)]
        steps = zip([channels_in, *widths], widths, strict=False)
        self.down = nn.ModuleList(_double(a, b, padded=padded, norm=norm) for a, b in steps)
        self.up = nn.ModuleList(
            _Up(channels, skip=skip, up=up, padded=padded, norm=norm)
            for channels in reversed(widths[1:])
        )
        self.head = nn.Conv2d(width, channels_out, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Give the scores."""
        if x.ndim != 4 or x.shape[1] != self.channels_in:
            raise ShapeError(
                f"UNet: expected pictures of {self.channels_in} channels "
                f"(n, {self.channels_in}, h, w), got {tuple(x.shape)}",
                hint="build it with channels_in=..., or convert the pictures",
            )
        height, width = x.shape[-2:]
        if self.padded:
            factor = 2**self.levels
            x = pad_to(x, height + -height % factor, width + -width % factor)
        else:
            (tall, _), (wide, _) = (whole_window_size(n, self.levels) for n in (height, width))
            x = pad_to(x, tall, wide, margin_px=6 * 2**self.levels - 4)  # half of what is lost
        # Channels last is the order that convolutions are quickest in, by a fifth on CPUs.
        x = x.contiguous(memory_format=torch.channels_last)
        return self.whole_windows(x)[..., :height, :width]

    def whole_windows(self, x: Tensor) -> Tensor:
        """Give the scores of a picture whose sides need no padding."""
        skips = []
        for level, convs in enumerate(self.down):
            x = convs(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for step, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = step(x, skip)
        y: Tensor = self.head(x)
        return y
