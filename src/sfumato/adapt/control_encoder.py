"""The trainable copy of a U-Net's encoder that reads a hint."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any

from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.core.bounds import Between
from sfumato.core.tensors import Tensor, nn
from sfumato.errors import ShapeError
from sfumato.generate.asked import Asked
from sfumato.generate.residuals import Residuals
from sfumato.generate.unet import UNet
from sfumato.nn.convolution import zeroed

__all__ = ["ControlEncoder", "HintEncoder", "usual_widths"]

WIDTHS = (16, 32, 96, 256)
"""Of the hint's encoder as published, for latents of an eighth."""


def usual_widths(reduction: int) -> tuple[int, ...]:
    """Give the widths of a hint's encoder that makes hints so many times smaller.

    Example:
        >>> usual_widths(8), usual_widths(2), usual_widths(1)
        ((16, 32, 96, 256), (16, 32), (16,))
    """
    count = reduction.bit_length()
    return (*WIDTHS, *WIDTHS[-1:] * count)[:count]


class HintEncoder(nn.Sequential):
    """Bring a hint to the size and width of a U-Net's first features.

    Two convolutions for each width, the second of which halves the size; the last
    layer starts at zero, so that a new adapter says nothing.

    Args:
        channels_in: of the hint.
        widths: one more than there are halvings.
        channels_out: of the U-Net's first feature.

    Shape:
        (n, channels_in, h, w) to (n, channels_out, h / 2^k, w / 2^k), k halvings.
    """

    def __init__(self, channels_in: int, widths: tuple[int, ...], channels_out: int) -> None:
        layers: list[nn.Module] = [nn.Conv2d(channels_in, widths[0], 3, padding=1), nn.SiLU()]
        for width, wider in pairwise(widths):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.SiLU()]
            layers += [nn.Conv2d(width, wider, 3, padding=1, stride=2), nn.SiLU()]
        if len(widths) == 1:  # pictures without latents: still look further than one layer sees
            layers += [nn.Conv2d(widths[0], widths[0], 3, padding=1), nn.SiLU()]
        super().__init__(*layers, zeroed(nn.Conv2d(widths[-1], channels_out, 3, padding=1)))


class ControlEncoder(HintAdapter):
    """Copy the encoder of a U-Net, let the copy see a hint, and add what it finds.

    The copy starts with the weights of the U-Net (`of`), sees the same noisy picture
    and the hint, and its features go through 1 x 1 convolutions that start at zero to the
    frozen decoder: one for each skip and one for the middle. Before it has learned
    anything it changes nothing.

    Args:
        unet: the settings of the U-Net, as its ``config``.
        hint_channels: of the hint: 1 for drawings and depth, 3 for color.
        hint_widths: widths of the hint's encoder; each but the first halves the size.
            (16, 32, 96, 256) for latents of an eighth, one width for pixels.

    Shape:
        see `HintAdapter`; ``down`` and ``middle`` of the residuals are filled.

    Raises:
        ShapeError: when called, a hint of another size or number of channels.

    References:
        L. Zhang, A. Rao, M. Agrawala. Adding Conditional Control to Text-to-Image
        Diffusion Models. ICCV, 2023. arXiv:2302.05543
    """

    _example = {"unet": UNet._example, "hint_widths": (8,)}

    def __init__(
        self,
        *,
        unet: Mapping[str, Any],
        hint_channels: Annotated[int, Between(1, 1000)] = 1,
        hint_widths: Annotated[tuple[int, ...], Between(1, 10_000)] = WIDTHS,
    ) -> None:
        super().__init__()
        if not hint_widths:
            raise ShapeError("ControlEncoder.hint_widths: at least one width is needed")
        self.hint_channels = hint_channels
        self.reduction = 2 ** (len(hint_widths) - 1)
        like = UNet(**unet)
        self.encoder = like.encoder
        self.multiple_of = like.multiple_of * self.reduction
        self.hint = HintEncoder(hint_channels, hint_widths, self.encoder.skip_channels[0])
        skips = [zeroed(nn.Conv2d(c, c, 1)) for c in self.encoder.skip_channels]
        self.skips = nn.ModuleList(skips)
        middle = self.encoder.middle_channels
        self.middle = zeroed(nn.Conv2d(middle, middle, 1))

    @classmethod
    def of(
        cls, unet: UNet, *, hint_channels: int = 1, hint_widths: tuple[int, ...] = (16,)
    ) -> ControlEncoder:
        """Make one for a U-Net, with the weights of its encoder."""
        made = cls(unet=unet.config, hint_channels=hint_channels, hint_widths=hint_widths)
        made.encoder.load_state_dict(unet.encoder.state_dict())
        return made

    def forward(self, hint: Tensor, asked: Asked) -> Residuals:
        self.check_hint(hint, asked.x)
        told = self.encoder.condition(asked.times, asked.condition.label)
        hint = self.hint(hint.to(self.middle.weight.dtype))
        skips, middle = self.encoder(asked.x, told, asked.condition.context, hint=hint)
        down = tuple(layer(skip) for layer, skip in zip(self.skips, skips, strict=True))
        return Residuals(down=down, middle=self.middle(middle))
