"""Rearrange the channels."""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.compiled import compiled
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["ChannelShuffle"]

BLOCK = 3 * 2048
"""Bytes that are moved together, so many that their masks stay near the processor."""


class ChannelShuffle(PixelTransform):
    """Rearrange the channels at random.

    Example:
        >>> out = ChannelShuffle(p=1)(np.uint8([[[1, 2, 3]]]), rng=0)
        >>> sorted(out.ravel().tolist())
        [1, 2, 3]
    """

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"order": rng.permutation(targets.image.shape[2]).tolist()}

    def change_image(self, image: Image, params: Params) -> Image:
        order = params["order"]
        if len(order) == 1 or order == sorted(order):
            return image
        if len(order) == 3 and image.dtype == np.uint8 and image.shape[1] > 1:
            values = np.ascontiguousarray(image).reshape(-1)
            out = np.empty_like(values)
            steps, masks = _pattern(tuple(order))
            _move(values, *steps, masks, out)
            return out.reshape(image.shape)
        return np.take(image, order, axis=2)  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=8)
def _pattern(order: tuple[int, ...]) -> tuple[tuple[int, ...], NDArray[np.uint8]]:
    """Give how far off each byte of a pixel comes from, and masks of who takes which step."""
    steps = [source - c for c, source in enumerate(order)]
    masks = np.zeros((3, BLOCK), np.uint8)
    for c in range(3):
        masks[c, c::3] = 255
    return tuple(steps), masks


@compiled
def _move(values: Any, first: int, second: int, third: int, masks: Any, out: Any) -> None:
    # Three bytes a pixel are no shuffle for a vector; masked copies of shifted runs are.
    size, block = values.size, masks.shape[1]
    runs = max(size - 6, 0) // block
    for k in range(runs):
        start = 3 + k * block
        one, two = values[start + first :], values[start + second :]
        three = values[start + third :]
        to = out[start:]
        for x in range(block):
            to[x] = (one[x] & masks[0, x]) | (two[x] & masks[1, x]) | (three[x] & masks[2, x])
    done = 3 + runs * block
    # The first pixel, and those behind the last whole run.
    start = 0
    while start < size:
        out[start] = values[start + first]
        out[start + 1] = values[start + 1 + second]
        out[start + 2] = values[start + 2 + third]
        start = max(start + 3, done)
