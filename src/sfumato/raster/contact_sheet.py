"""Many pictures on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, check_image, from_unit, to_unit
from sfumato.errors import RangeError, ShapeError

__all__ = ["contact_sheet"]

PAPER = 0.12
"""Shade of what lies between the pictures."""


def contact_sheet(
    pictures: Sequence[Image],
    *,
    columns: int | None = None,
    gap_px: int = 4,
    cell_px: int | None = None,
) -> Image:
    """Put pictures side by side, row by row, in the dtype of the first.

    Args:
        pictures: of 1, 3 or 4 channels and any size; each is centered in a cell as large as
            the largest.
        columns: in a row; None makes the sheet about square.
        gap_px: between pictures and around them.
        cell_px: long side of a cell; larger pictures are reduced to it, None keeps all
            as they are.

    Shape:
        each (h, w, c); returns (H, W, 3), or (H, W, 1) if all pictures are gray.

    Raises:
        ShapeError: no pictures, or another number of channels.
        RangeError: a number below its least.

    Example:
        >>> gray = [np.full((2, 3, 1), k, np.uint8) for k in (50, 100, 150)]
        >>> contact_sheet(gray, columns=2, gap_px=1).shape
        (7, 9, 1)
    """
    if not pictures:
        raise ShapeError("contact_sheet: no pictures were given")
    if gap_px < 0 or (columns is not None and columns < 1) or (cell_px is not None and cell_px < 1):
        raise RangeError("contact_sheet: columns and cell_px are from 1 on, gap_px from 0 on")
    cells = [_cell(check_image(p, f"contact_sheet: picture {k + 1}"), cell_px)
             for k, p in enumerate(pictures)]  # fmt: skip
    channels = 1 if all(cell.shape[2] == 1 for cell in cells) else 3
    height, width = (max(cell.shape[axis] for cell in cells) for axis in (0, 1))
    across = min(columns or math.ceil(math.sqrt(len(cells))), len(cells))
    down = math.ceil(len(cells) / across)
    shape = (gap_px + down * (height + gap_px), gap_px + across * (width + gap_px), channels)
    sheet = np.full(shape, PAPER, np.float32)
    for k, cell in enumerate(cells):
        row, column = divmod(k, across)
        top = gap_px + row * (height + gap_px) + (height - cell.shape[0]) // 2
        left = gap_px + column * (width + gap_px) + (width - cell.shape[1]) // 2
        sheet[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
    return from_unit(sheet, pictures[0].dtype)


def _cell(picture: Image, most_px: int | None) -> np.ndarray:
    unit = to_unit(picture)
    if unit.shape[2] == 4:
        unit = unit[..., :3] * unit[..., 3:] + PAPER * (1.0 - unit[..., 3:])
    elif unit.shape[2] not in (1, 3):
        raise ShapeError(
            f"contact_sheet: expected 1, 3 or 4 channels, got {unit.shape[2]}",
            hint="pick the channels to show",
        )
    long_side = max(unit.shape[:2])
    if most_px is not None and long_side > most_px:
        scale = most_px / long_side
        size = tuple(max(1, round(scale * n)) for n in (unit.shape[1], unit.shape[0]))
        small = cv2.resize(unit, size, interpolation=cv2.INTER_AREA)
        unit = small if small.ndim == 3 else small[..., None]
    return np.asarray(unit, np.float32)
