"""Small pictures for the report: thumbnails, matches, maps, as data for a page."""

from __future__ import annotations

import base64
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.color.transfer import linear_to_srgb
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.raster.resize import resize_image

__all__ = ["colored_map", "data_uri", "draw_matches", "marked", "shrunk", "to_display"]

Codes: TypeAlias = NDArray[np.uint8]
JPEG_QUALITY = 86
MOST_LINES = 60
GHOST_COLOR = np.array([235, 64, 52], np.float32)


def to_display(image: Image, space: str) -> Codes:
    """Give 8-bit sRGB of grey or colour, without alpha."""
    colors = image[..., : 3 if image.shape[2] >= 3 else 1]
    if space == "linear":
        return np.asarray(linear_to_srgb(to_unit(colors), np.uint8))
    return np.asarray(from_unit(to_unit(colors), np.uint8))


def shrunk(image: NDArray[Any], long_side_px: int) -> NDArray[Any]:
    """Give a smaller copy, or the picture itself where it is small already."""
    height, width = image.shape[:2]
    scale = long_side_px / max(height, width)
    if scale >= 1.0:
        return image
    return resize_image(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def data_uri(codes: Codes) -> str:
    """Pack a picture into the text of a page."""
    color = cv2.COLOR_GRAY2BGR if codes.shape[2] == 1 else cv2.COLOR_RGB2BGR
    _, packed = cv2.imencode(
        ".jpg", cv2.cvtColor(codes, color), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    return "data:image/jpeg;base64," + base64.b64encode(packed.tobytes()).decode("ascii")


def colored_map(values: NDArray[Any], low: float, high: float, *, scheme: str = "heat") -> Codes:
    """Show a plane of numbers in colours.

    Args:
        values: any numbers.
        low: shown as the first colour.
        high: shown as the last colour.
        scheme: ``heat`` for amounts, ``depth`` for places.

    Shape:
        (h, w) to (h, w, 3).
    """
    unit = (np.asarray(values, np.float32) - low) / max(high - low, 1e-6)
    codes = np.rint(255 * np.clip(unit, 0.0, 1.0)).astype(np.uint8)
    table = cv2.COLORMAP_INFERNO if scheme == "heat" else cv2.COLORMAP_TURBO
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(codes, table), cv2.COLOR_BGR2RGB))


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
    shift = np.array([frame.shape[1], 0])
    hues = np.linspace(0, 179, max(1, len(order))).astype(np.uint8)
    table = np.stack([hues, np.full_like(hues, 190), np.full_like(hues, 255)], axis=-1)
    colors = cv2.cvtColor(table[None], cv2.COLOR_HSV2RGB)[0]
    for color, k in zip(colors, order, strict=False):
        ends = [
            np.rint((place[k] + 0.5) * scale - 0.5 + moved).astype(int)
            for place, moved in zip(points, (0, shift), strict=True)
        ]
        shade = tuple(int(c) for c in color)
        cv2.line(canvas, tuple(ends[0]), tuple(ends[1]), shade, 1, cv2.LINE_AA)
        for end in ends:
            cv2.circle(canvas, tuple(end), 3, shade, 1, cv2.LINE_AA)
    return canvas


def _evened(codes: Codes) -> Codes:
    """Bring a dark or bright frame to middle brightness, so that its places are seen."""
    colors = codes if codes.shape[2] == 3 else np.repeat(codes, 3, axis=2)
    unit = colors.astype(np.float32) / 255.0
    mean = float(np.clip(unit.mean(), 0.01, 0.99))
    gamma = np.log(0.42) / np.log(mean)
    return np.asarray(np.rint(255.0 * unit ** np.float32(gamma)), np.uint8)
