"""Render a picture wrongly, as a camera on a bad day does."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.color.transfer import linear_to_srgb, srgb_to_linear
from sfumato.core.bounds import Between
from sfumato.core.operator import ImageOperator, Rng
from sfumato.core.shapes import Image, from_unit

__all__ = ["Misrender"]

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


class Misrender(ImageOperator):
    """Render a picture wrongly: too dark, tinted, flat, dull; what to learn repairing from.

    Each setting is drawn once a picture. In linear light the exposure is changed and the
    channels are scaled against each other; what passes white is lost. Of the encoded values
    the contrast is flattened around middle grey, black is lifted and the colors are drawn
    towards grey. Every pixel is treated by itself, so a perfect repair short of what was
    clipped is a function of the picture as a whole.

    Args:
        exposure_ev_range: stops.
        cast_ev_range: stops between red and blue, half of it to each; green is shifted by
            up to a third of the limits.
        contrast_range: 1 keeps it, smaller is flatter.
        lift_range: what black becomes.
        saturation_range: 1 keeps it, 0 is grey.

    Shape:
        image (h, w, 1) or (h, w, 3); a grey picture has no cast and no colors.

    Example:
        >>> dark = Misrender(exposure_ev_range=(-1, -1), cast_ev_range=(0, 0),
        ...     contrast_range=(1, 1), lift_range=(0, 0), saturation_range=(1, 1))
        >>> dark(np.full((1, 1, 3), 188, np.uint8), 0).tolist()
        [[[137, 137, 137]]]
    """

    exposure_ev_range: Annotated[tuple[float, float], Between(-8.0, 8.0)] = (-2.0, 0.6)
    cast_ev_range: Annotated[tuple[float, float], Between(-3.0, 3.0)] = (-0.5, 0.5)
    contrast_range: Annotated[tuple[float, float], Between(0.05, 2.0)] = (0.6, 1.05)
    lift_range: Annotated[tuple[float, float], Between(0.0, 0.5)] = (0.0, 0.12)
    saturation_range: Annotated[tuple[float, float], Between(0.0, 2.0)] = (0.55, 1.05)

    def apply_image(self, image: Image, rng: Rng) -> Image:
        color = image.shape[2] == 3
        stops = float(rng.uniform(*self.exposure_ev_range))
        cast, tint = (float(rng.uniform(*self.cast_ev_range)) for _ in range(2))
        contrast = float(rng.uniform(*self.contrast_range))
        lift = float(rng.uniform(*self.lift_range))
        saturation = float(rng.uniform(*self.saturation_range))
        gains = np.array([stops + cast / 2, stops + tint / 3, stops - cast / 2])
        if not color:
            gains = np.full(image.shape[2], stops)
        light = srgb_to_linear(image) * np.exp2(gains).astype(np.float32)
        values: NDArray[Any] = linear_to_srgb(np.clip(light, 0.0, 1.0))
        values = (values - np.float32(0.5)) * np.float32(contrast) + np.float32(0.5)
        values = np.float32(lift) + np.clip(values, 0.0, 1.0) * np.float32(1.0 - lift)
        if color:
            grey = (values @ LUMA)[..., None]
            values = grey + np.float32(saturation) * (values - grey)
        return from_unit(np.clip(values, 0.0, 1.0), image.dtype)
