"""Replace single pixels."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import draw_seed, uniform_field
from sfumato.augment._dropout import Number, drop_tables, fill_value, random_values
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import Transform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["PixelDropout"]


class PixelDropout(Transform):
    """Replace single pixels, each by chance.

    Args:
        dropout_prob: the chance of each pixel.
        per_channel: each channel has its own chance.
        drop_value: what is put there, in units of the picture, one value or one a channel;
            none for a random color.
        mask_drop_value: what is put there in masks, where it is one plane that is dropped;
            none leaves masks alone.

    Example:
        >>> out = PixelDropout(0.25, p=1)(np.full((64, 64, 1), 9, np.uint8), rng=0)
        >>> bool(abs((out == 0).mean() - 0.25) < 0.03)
        True
    """

    dropout_prob: Annotated[float, Between(0.0, 1.0)] = 0.01
    per_channel: bool = False
    drop_value: Number | tuple[Number, ...] | None = 0.0
    mask_drop_value: Number | tuple[Number, ...] | None = None

    wants_unit_range = True
    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"seed": draw_seed(rng)}

    def _hidden(self, params: Params, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        height, width = shape[:2]
        planes = shape[2] if self.per_channel and len(shape) > 2 else 1
        drawn = uniform_field(params["seed"], (height, width, planes))
        return drawn < np.float32(self.dropout_prob)

    def change_image(self, image: Image, params: Params) -> Image:
        hidden = self._hidden(params, image.shape)
        if self.drop_value is None:
            rng = np.random.default_rng(params["seed"])
            value = random_values(rng, (image.shape[2],), image)
        else:
            value = fill_value(self.drop_value, image)
        out = image.copy(order="C")
        if self.per_channel:
            np.copyto(out, np.broadcast_to(value, image.shape), where=hidden)
        else:
            places = np.flatnonzero(hidden)
            out.reshape(-1, image.shape[2])[places] = value
        return out

    def change_mask(self, mask: NDArray[Any], params: Params) -> NDArray[Any]:
        if self.mask_drop_value is None:
            return mask
        hidden = self._hidden(params, mask.shape)
        out = mask.copy()
        value = np.asarray(self.mask_drop_value, mask.dtype)
        if hidden.shape[2] > 1:
            np.copyto(out, np.broadcast_to(value, mask.shape), where=hidden)
        else:
            out[hidden[..., 0]] = value
        return out

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        targets.change_images(lambda image: self.change_image(image, params))
        if targets.masks:
            targets.change_masks(lambda mask: self.change_mask(mask, params))
        if targets.boxes or targets.keypoints:
            shape = (*targets.size, targets.image.shape[2])
            drop_tables(targets, np.asarray(self._hidden(params, shape).all(axis=2)))
