"""Vary brightness, contrast, saturation and hue, in random order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from sfumato.augment._hsv import in_hsv, in_hsv_tables, refuse_other_channels
from sfumato.augment._levels import apply_table, levels_of, scale_by_channel
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["ColorJitter"]


def _about_one(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (max(0.0, 1.0 - value), 1.0 + value)
    return value


class ColorJitter(PixelTransform):
    """Vary brightness, contrast, saturation and hue, in random order.

    Brightness multiplies all values. Contrast mixes the picture with the mean of its gray
    values, saturation with its gray picture. Hue turns the hue of the HSV model.

    Args:
        brightness: the factor is drawn from here; a bare b stands for (1 - b, 1 + b).
        contrast: as ``brightness``.
        saturation: as ``brightness``.
        hue: turns of the color circle, drawn from here; a bare h stands for (-h, h).

    Raises:
        ShapeError: the picture has neither one nor three channels.

    Example:
        >>> op = ColorJitter(brightness=(2, 2), contrast=0, saturation=0, hue=0, p=1)
        >>> op(np.full((1, 1, 1), 50, np.uint8)).item()
        100
    """

    brightness: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.8, 1.2)
    contrast: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.8, 1.2)
    saturation: Annotated[tuple[float, float], Between(0.0, 1e3)] = (0.8, 1.2)
    hue: Annotated[tuple[float, float], Between(-0.5, 0.5)] = (-0.5, 0.5)

    channels = (1, 3)
    shorthand = {
        "brightness": _about_one,
        "contrast": _about_one,
        "saturation": _about_one,
        "hue": symmetric,
    }
    defaults_1_3 = {"hue": (-0.2, 0.2)}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {
            "brightness": rng.uniform(*self.brightness),
            "contrast": rng.uniform(*self.contrast),
            "saturation": rng.uniform(*self.saturation),
            "hue": rng.uniform(*self.hue),
            "order": rng.permutation(4).tolist(),
        }

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "ColorJitter")
        steps: tuple[tuple[Callable[[Image, float], Image], str, float], ...] = (
            (_brighten, "brightness", 1.0),
            (_contrast, "contrast", 1.0),
            (_saturate, "saturation", 1.0),
            (_turn, "hue", 0.0),
        )
        for k in params["order"]:
            step, name, idle = steps[k]
            if params[name] != idle:
                image = step(image, params[name])
        return image


def _brighten(image: Image, factor: float) -> Image:
    return scale_by_channel(image, np.array([factor], np.float32))


def _gray(image: Image) -> Image:
    return image if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _contrast(image: Image, factor: float) -> Image:
    mean = float(cv2.mean(_gray(image))[0])
    scale, shift = np.float32(factor), np.float32(mean * (1.0 - factor))
    white = full_range(image.dtype)
    if image.dtype == np.float32:
        return np.clip(image * scale + shift, 0.0, 1.0)  # type: ignore[no-any-return]
    table = np.clip(levels_of(image) * scale + shift, 0.0, white)
    return apply_table(image, table.astype(image.dtype))


def _saturate(image: Image, factor: float) -> Image:
    if image.shape[2] == 1:
        return image
    gray = cv2.cvtColor(_gray(image), cv2.COLOR_GRAY2RGB)
    mixed: Image = gray if factor == 0.0 else cv2.addWeighted(image, factor, gray, 1 - factor, 0)
    return np.clip(mixed, 0.0, 1.0) if image.dtype == np.float32 else mixed


def _turn(image: Image, turns: float) -> Image:
    if image.shape[2] == 1:
        return image
    if image.dtype == np.uint8:
        levels = np.arange(256)
        return in_hsv_tables(
            image, np.mod(levels + 180.0 * turns, 180.0), levels, levels, "ColorJitter"
        )
    return in_hsv(image, 360.0 * turns, 0.0, 0.0, "ColorJitter")
