"""Color tables as pictures: HALD images, which any program can grade."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sfumato.color.color_table import ColorTable
from sfumato.core.shapes import Image, check_image, from_unit, to_unit
from sfumato.errors import RangeError, ShapeError

__all__ = ["hald_image", "table_from_hald"]

LEVELS = range(2, 12)


def hald_image(
    level: int = 8, dtype: DTypeLike = np.uint8, *, table: ColorTable | None = None
) -> NDArray[Any]:
    """Give the picture that holds every color of a lattice once.

    Grade it by any means that treat each pixel by itself, save it without loss, and
    `table_from_hald` makes a color table of it.

    Args:
        level: the picture is level^3 pixels wide and high, the lattice level^2 fine; 2 to 11.
        dtype: uint8, uint16 or float32.
        table: a table to show instead of the identity.

    Shape:
        returns (level^3, level^3, 3).

    Raises:
        RangeError: the level is another.

    Example:
        >>> hald_image(2)[0, :5].tolist()
        [[0, 0, 0], [85, 0, 0], [170, 0, 0], [255, 0, 0], [0, 85, 0]]

    References:
        E. Tschumperlé and others name the form after E. Bernon's Hald CLUT, 2003.
    """
    if level not in LEVELS:
        raise RangeError(f"hald_image: level is a whole number from 2 to 11, got {level!r}")
    colors = ColorTable.identity(level * level).values.reshape(level**3, level**3, 3)
    if table is not None:
        colors = table.look_up(colors)
    return from_unit(colors, dtype)


def table_from_hald(image: Image, *, title: str = "") -> ColorTable:
    """Make a color table of a graded HALD image.

    An 8-bit picture gives entries that are at most half a level wrong; use 16 bits
    where you can.

    Raises:
        ShapeError: not a square of 8, 27, 64, ... 1331 pixels a side, or not color.

    Example:
        >>> table_from_hald(hald_image(3)).size
        9
    """
    check_image(image, "table_from_hald")
    side, level = image.shape[0], round(image.shape[0] ** (1 / 3))
    if image.shape[1] != side or level**3 != side or level not in LEVELS or image.shape[2] < 3:
        raise ShapeError(
            f"table_from_hald: a HALD image is square with 8, 27, 64, 125, ... or 1331 pixels a "
            f"side and in color, got {image.shape}",
            hint="make one with hald_image, and keep its size while grading",
        )
    size = level * level
    return ColorTable(to_unit(image[..., :3]).reshape(size, size, size, 3), title=title)
