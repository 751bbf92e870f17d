"""Replace whole channels by one value."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import RangeError, ShapeError

__all__ = ["ChannelDropout"]


class ChannelDropout(PixelTransform):
    """Replace whole channels by one value.

    Args:
        channel_drop_range: how many are replaced is drawn from here.
        fill: the value, in units of the picture.

    Raises:
        ShapeError: the picture has not more channels than may be dropped.

    Example:
        >>> out = ChannelDropout(p=1)(np.full((1, 1, 3), 7, np.uint8), rng=0)
        >>> int((out == 0).sum())
        1
    """

    channel_drop_range: Annotated[tuple[int, int], Between(1, 512)] = (1, 1)
    fill: Annotated[float, Between(0.0, 65535.0)] = 0.0

    channels = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    legacy = {"fill_value": "fill"}

    def check(self) -> None:
        low, high = self.channel_drop_range
        if low > high:
            raise RangeError(f"ChannelDropout.channel_drop_range: ({low}, {high}) is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        channels = targets.image.shape[2]
        low, high = self.channel_drop_range
        if high >= channels:
            raise ShapeError(
                f"ChannelDropout: up to {high} channels are to be dropped, the picture "
                f"has {channels}"
            )
        count = int(rng.integers(low, high + 1))
        return {"channels": sorted(rng.permutation(channels)[:count].tolist())}

    def change_image(self, image: Image, params: Params) -> Image:
        out = image.copy(order="C")
        for channel in params["channels"]:
            out[..., channel] = np.asarray(self.fill, image.dtype)
        return out
