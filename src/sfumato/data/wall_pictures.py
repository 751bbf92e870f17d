"""The flat pictures on the wall: a checkerboard with known corners, and a poster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.data.solids import Box, Vectors
from sfumato.data.texture import Values, blend, smoothstep
from sfumato.data.tracing import Paint

__all__ = ["BOARD", "POSTER", "board_corners", "paint_board", "paint_poster"]

BOARD = Box(center=(-1.79, 1.52, 4.985), half=(0.21, 0.28, 0.015))
BOARD_CELLS = (6, 8)
POSTER = Box(center=(1.40, 1.86, 4.985), half=(0.36, 0.46, 0.015))
POSTER_PX_PER_M = 700
BOARD_MARGIN = (0.03, 0.04)


def board_corners() -> NDArray[np.float64]:
    """Give the inner corners (k, 3) of the checkerboard, row by row from the upper left."""
    columns, rows = BOARD_CELLS
    (cx, cy, cz), (hx, hy, hz) = BOARD.center, BOARD.half
    wide, high = hx - BOARD_MARGIN[0], hy - BOARD_MARGIN[1]
    return np.array(
        [
            (cx - wide + 2 * wide * i / columns, cy - high + 2 * high * j / rows, cz - hz)
            for j in range(rows - 1, 0, -1)
            for i in range(1, columns)
        ]
    )


def paint_board(p: Vectors, n: Vectors, footprint: Values) -> Values:
    """Paint a checkerboard with a white margin; its corners are known points."""
    columns, rows = BOARD_CELLS
    wide, high = (h - m for h, m in zip(BOARD.half[:2], BOARD_MARGIN, strict=True))
    u = ((p[0] - BOARD.center[0]) / (2 * wide) + 0.5) * columns
    v = ((p[1] - BOARD.center[1]) / (2 * high) + 0.5) * rows
    wave = _square_wave(u, footprint * columns / (2 * wide))
    wave = wave * _square_wave(v, footprint * rows / (2 * high))
    inside = np.minimum(
        np.minimum(p[0] - BOARD.center[0] + wide, BOARD.center[0] + wide - p[0]),
        np.minimum(p[1] - BOARD.center[1] + high, BOARD.center[1] + high - p[1]),
    )
    share = np.clip(inside / footprint + 0.5, 0.0, 1.0) * (n[2] < -0.5)
    return blend((0.72, 0.72, 0.70), (0.03, 0.03, 0.03), (0.5 + 0.5 * wave) * share)


def _square_wave(x: Values, width: Values) -> Values:
    """Give the mean of a wave, +1 on even and -1 on odd unit cells, over a width around x."""

    def below(t: Values) -> Values:
        return np.abs(t - 2.0 * np.floor(t / 2.0 + 0.5))

    return np.asarray((below(x + width / 2) - below(x - width / 2)) / width)


def paint_poster() -> Paint:
    """Give the paint of the poster: its picture, halved until a sample covers its pixels."""
    pictures = [poster_picture()]
    while min(pictures[-1].shape[:2]) > 16:
        height, width = pictures[-1].shape[:2]
        half = cv2.resize(pictures[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        pictures.append(np.asarray(half, np.float32))

    def paint(p: Vectors, n: Vectors, footprint: Values) -> Values:
        u = (p[0] - POSTER.center[0]) / (2 * POSTER.half[0]) + 0.5
        v = 0.5 - (p[1] - POSTER.center[1]) / (2 * POSTER.half[1])
        level = np.rint(np.log2(np.maximum(footprint * POSTER_PX_PER_M, 1.0)))
        color = np.empty(p.shape, np.float32)
        for k in np.unique(level):
            at = level == k
            color[:, at] = _between_pixels(pictures[min(int(k), len(pictures) - 1)], u[at], v[at])
        return color

    return paint


def _between_pixels(picture: NDArray[np.float32], u: Values, v: Values) -> Values:
    """Look colours (3, n) up at shares of the width and the height."""
    height, width = picture.shape[:2]
    x, y = np.clip(u * width - 0.5, 0, width - 1.001), np.clip(v * height - 0.5, 0, height - 1.001)
    ix, iy = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - ix)[:, None], (y - iy)[:, None]
    top = picture[iy, ix] * (1 - fx) + picture[iy, ix + 1] * fx
    bottom = picture[iy + 1, ix] * (1 - fx) + picture[iy + 1, ix + 1] * fx
    return np.ascontiguousarray((top * (1 - fy) + bottom * fy).T, np.float32)


def poster_picture() -> NDArray[np.float32]:
    """Draw the poster: a title, circles that melt into each other, small print."""
    width, height = (round(2 * h * POSTER_PX_PER_M) for h in POSTER.half[:2])
    art = np.full((height, width, 3), (0.66, 0.60, 0.48), np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for cx, cy, radius, tint in (
        (0.38, 0.42, 0.25, (0.62, 0.13, 0.05)),
        (0.64, 0.36, 0.19, (0.04, 0.17, 0.24)),
        (0.60, 0.56, 0.14, (0.62, 0.38, 0.07)),
    ):
        away = np.hypot(x - cx * width, y - cy * height) / (radius * width)
        share = smoothstep(1.0, 0.985, away) * (0.25 + 0.75 * smoothstep(1.1, 0.1, away))
        art += (np.asarray(tint, np.float32) - art) * share[..., None]
    ink = np.zeros((height, width), np.uint8)
    font = cv2.FONT_HERSHEY_DUPLEX
    cv2.putText(ink, "SFUMATO", (36, 520), font, 2.55, 255, 6, cv2.LINE_AA)
    for k, line in enumerate(("light without lines or borders", "E F P T O Z   L P E D   0 1 2 3")):
        cv2.putText(ink, line, (40, 562 + 34 * k), font, 0.72, 255, 2 - k, cv2.LINE_AA)
    cv2.rectangle(ink, (0, 0), (width - 1, height - 1), 255, 22)
    art += (np.float32(0.03) - art) * (ink.astype(np.float32) / 255.0)[..., None]
    return art
