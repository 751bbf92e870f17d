"""Small pictures for the report: what is shown, what moved, what matches."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.color.transfer import linear_to_srgb
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.features.drawing import join_places

__all__ = ["draw_matches", "marked", "to_display"]

Codes: TypeAlias = NDArray[np.uint8]
MOST_LINES = 60
GHOST_COLOR = np.array([235, 64, 52], np.float32)


def to_display(image: Image, space: str) -> Codes:
    """Give 8-bit sRGB of grey or colour, without alpha."""
    colors = image[..., : 3 if image.shape[2] >= 3 else 1]
    if space == "linear":
        return np.asarray(linear_to_srgb(to_unit(colors), np.uint8))
    return np.asarray(from_unit(to_unit(colors), np.uint8))


def marked(codes: Codes, mask: NDArray[Any]) -> Codes:
    """Tint the masked part of a picture and leave the rest in subdued grey."""
    height, width = codes.shape[:2]
    share = cv2.resize(
        np.asarray(mask > 0, np.float32), (width, height), interpolation=cv2.INTER_AREA
    )[..., None]
    grey = codes.mean(axis=2, keepdims=True) * 0.75 + 40.0
    tinted = 0.45 * grey + 0.55 * GHOST_COLOR
    mixed = grey * (1.0 - share) + tinted * share
    return np.asarray(np.rint(mixed), np.uint8)


def draw_matches(
    frame: Codes,
    reference: Codes,
    points: tuple[NDArray[Any], NDArray[Any]],
    scale: float,
) -> Codes:
    """Put two small frames side by side and join the places that agree.

    Args:
        frame: a small copy of the frame.
        reference: a small copy of the reference, of the same height.
        points: places in the frame and in the reference, in pixels at full size.
        scale: of the small copies.
    """
    canvas = np.concatenate([_evened(frame), _evened(reference)], axis=1)
    step = max(1, len(points[0]) // MOST_LINES)
    order = np.argsort(points[0][:, 1], kind="stable")[::step]
    hues = np.linspace(0, 179, max(1, len(order))).astype(np.uint8)
    table = np.stack([hues, np.full_like(hues, 190), np.full_like(hues, 255)], axis=-1)
    colors = cv2.cvtColor(table[None], cv2.COLOR_HSV2RGB)[0]
    starts, ends = (np.rint((place[order] + 0.5) * scale - 0.5) for place in points)
    shift = np.array([frame.shape[1], 0])
    return join_places(canvas, starts, ends + shift, colors[: len(order)].tolist())


def _evened(codes: Codes) -> Codes:
    """Bring a dark or bright frame to middle brightness, so that its places are seen."""
    colors = codes if codes.shape[2] == 3 else np.repeat(codes, 3, axis=2)
    unit = colors.astype(np.float32) / 255.0
    mean = float(np.clip(unit.mean(), 0.01, 0.99))
    gamma = np.log(0.42) / np.log(mean)
    return np.asarray(np.rint(255.0 * unit ** np.float32(gamma)), np.uint8)
