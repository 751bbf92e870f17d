"""A convolution with what usually follows it, and layers that start as nothing."""

from __future__ import annotations

from typing import Literal, TypeVar

from sfumato.core.tensors import nn
from sfumato.errors import ShapeError

__all__ = ["ConvBlock", "group_norm", "zeroed"]

Layer = TypeVar("Layer", bound=nn.Module)


def zeroed(layer: Layer) -> Layer:
    """Set every parameter of a layer to zero and return the layer.

    A residual branch that ends in such a layer adds nothing at first, and still learns: the
    gradient of its own weights is not zero.
    """
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def group_norm(channels: int, groups: int) -> nn.GroupNorm:
    """Normalise over groups of channels.

    Raises:
        ShapeError: the channels cannot be cut into so many groups.
    """
    if groups < 1 or channels % groups:
        fitting = [n for n in range(1, channels + 1) if channels % n == 0]
        raise ShapeError(
            f"group norm: {channels} channels cannot be cut into {groups} groups",
            hint=f"possible are {', '.join(map(str, fitting))}",
        )
    return nn.GroupNorm(groups, channels)


class ConvBlock(nn.Sequential):
    """Convolve, normalise, bend.

    The convolution has a bias only where no normalisation takes it away again.

    Args:
        channels_in: channels that come in.
        channels_out: channels that go out.
        kernel_px: side of the kernel, odd.
        stride: step of the convolution.
        padded: keep height and width (at stride 1); False uses whole windows only.
        norm: over groups of channels, over the batch, or none.
        activation: SiLU or ReLU.
        groups: of the group norm.

    Shape:
        (n, channels_in, h, w) to (n, channels_out, h', w').

    Raises:
        ShapeError: the groups do not divide the channels.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        kernel_px: int = 3,
        stride: int = 1,
        padded: bool = True,
        norm: Literal["group", "batch", "none"] = "group",
        activation: Literal["silu", "relu"] = "silu",
        groups: int = 8,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(
                channels_in,
                channels_out,
                kernel_px,
                stride=stride,
                padding=kernel_px // 2 if padded else 0,
                bias=norm == "none",
            )
        ]
        if norm == "group":
            layers.append(group_norm(channels_out, groups))
        elif norm == "batch":
            layers.append(nn.BatchNorm2d(channels_out))
        layers.append(nn.SiLU() if activation == "silu" else nn.ReLU(inplace=True))
        super().__init__(*layers)
