"""Half and double the size of feature maps."""

from __future__ import annotations

from typing import Literal

from sfumato.core.tensors import Tensor, functional, nn
from sfumato.errors import ShapeError

__all__ = ["Downsample", "ShuffleUp", "UnshuffleDown", "Upsample"]


class UnshuffleDown(nn.Module):
    """Half the size and double the channels: 3 x 3 to half the channels, then unshuffle by 2.

    Nothing is thrown away: the four pixels of a square become four channels.

    Args:
        channels: channels that come in, even.

    Shape:
        (n, channels, h, w) to (n, 2 channels, h / 2, w / 2); h and w even.

    Raises:
        ShapeError: an odd number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        _need_even(channels, "UnshuffleDown")
        self.conv = nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give the smaller map."""
        return functional.pixel_unshuffle(self.conv(x), 2)


class ShuffleUp(nn.Module):
    """Double the size and half the channels: 3 x 3 to twice the channels, then shuffle by 2.

    Args:
        channels: channels that come in, even.

    Shape:
        (n, channels, h, w) to (n, channels / 2, 2 h, 2 w).

    Raises:
        ShapeError: an odd number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        _need_even(channels, "ShuffleUp")
        self.conv = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give the larger map."""
        return functional.pixel_shuffle(self.conv(x), 2)


class Downsample(nn.Module):
    """Half the size by a 3 x 3 convolution of stride 2, or by the mean of 2 x 2 pixels.

    Args:
        channels: channels that come in.
        channels_out: channels that go out; None keeps them. The mean cannot change them.
        kind: ``conv`` learns, ``mean`` has no parameters.

    Shape:
        (n, channels, h, w) to (n, channels_out, ceil(h / 2), ceil(w / 2)); the mean rounds down.

    Raises:
        ShapeError: the mean is to change the channels.
    """

    def __init__(
        self,
        channels: int,
        channels_out: int | None = None,
        *,
        kind: Literal["conv", "mean"] = "conv",
    ) -> None:
        super().__init__()
        channels_out = channels if channels_out is None else channels_out
        if kind == "mean" and channels_out != channels:
            raise ShapeError(
                f"Downsample: a mean keeps the {channels} channels, {channels_out} were asked for",
                hint="kind='conv' can change them",
            )
        self.resample: nn.Module = (
            nn.Conv2d(channels, channels_out, 3, stride=2, padding=1)
            if kind == "conv"
            else nn.AvgPool2d(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Give the smaller map."""
        y: Tensor = self.resample(x)
        return y


class Upsample(nn.Module):
    """Double the size by repeating pixels, then convolve 3 x 3.

    Args:
        channels: channels that come in.
        channels_out: channels that go out; None keeps them.
        conv: whether a convolution follows; without it the channels stay.

    Shape:
        (n, channels, h, w) to (n, channels_out, 2 h, 2 w).

    Raises:
        ShapeError: the channels are to change without a convolution.
    """

    def __init__(
        self, channels: int, channels_out: int | None = None, *, conv: bool = True
    ) -> None:
        super().__init__()
        channels_out = channels if channels_out is None else channels_out
        if not conv and channels_out != channels:
            raise ShapeError(
                f"Upsample: repeating keeps the {channels} channels, {channels_out} were asked for",
                hint="conv=True can change them",
            )
        self.conv = nn.Conv2d(channels, channels_out, 3, padding=1) if conv else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Give the larger map."""
        y: Tensor = self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return y


def _need_even(channels: int, who: str) -> None:
    if channels % 2:
        raise ShapeError(f"{who}: needs an even number of channels, got {channels}")
