"""How key points come, how they leave, and which of them stay."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._declare import Bilingual
from sfumato.augment._table_loops import keep_points
from sfumato.augment._tables import numbers, rows_back
from sfumato.augment._vocabulary import as_tuple
from sfumato.errors import RangeError

__all__ = ["KeypointParams"]

COLUMNS = {
    "xy": (0, 1), "yx": (1, 0), "xya": (0, 1, 2), "xys": (0, 1, 3), "xyas": (0, 1, 2, 3),
    "xysa": (0, 1, 3, 2), "xyz": (0, 1, None),
}  # fmt: skip
"""Where each number of a format stands in the table of `Targets`; a depth is left alone."""
ANGLE, SCALE = 2, 3
RIM = 1e-6


class KeypointParams(Bilingual):
    """How `Compose` reads key points, and which it drops after they moved.

    A point at (0, 0) lies in the center of the upper left pixel. Angles are measured from the
    x axis towards the y axis, so clockwise as seen.

    Args:
        format: the order of x, y, angle (a), size (s) and depth (z): ``xy``, ``yx``, ``xya``,
            ``xys``, ``xyas``, ``xysa`` or ``xyz``.
        label_fields: names of lists that run along with the points and lose what they lose.
        remove_invisible: drop points that leave the picture, and refuse those that come in
            outside; else both are kept.
        angle_in_degrees: angles are degrees, else radians.
        check_each_transform: drop after every transform, not only at the end.
    """

    format: Literal["xy", "yx", "xya", "xys", "xyas", "xysa", "xyz"]
    label_fields: tuple[str, ...] | None = None
    remove_invisible: bool = True
    angle_in_degrees: bool = True
    check_each_transform: bool = True

    shorthand = {"label_fields": as_tuple}
    _example = {"format": "xy"}

    @property
    def drops_at_once(self) -> bool:
        """Whether a point may be dropped that nothing has moved: only the rim is judged anew."""
        return False

    def table(self, given: Any, size: tuple[int, int], who: str) -> NDArray[np.float64]:
        """Read points into the table of `Targets`.

        Raises:
            RangeError: a point is no number, or outside; the message names it.
            ShapeError: the points are not rows of as many numbers as the format has.
        """
        places = COLUMNS[self.format]
        rows = numbers(given, len(places), who)
        table = np.zeros((len(rows), 5))
        if len(rows) == 0:
            return table
        if self.format == "xy":
            table[:, :2] = rows
        else:
            for column, place in enumerate(places):
                if place is not None:
                    table[:, place] = rows[:, column]
        if ANGLE not in places and SCALE not in places:
            table[:, ANGLE] = np.nan  # nothing to turn
        elif self.angle_in_degrees and ANGLE in places:
            np.deg2rad(table[:, ANGLE], out=table[:, ANGLE])
        table[:, 4] = np.arange(len(rows))
        height, width = size
        # As far as half a pixel out a point still lies in the picture's outer pixels.
        low, right, bottom = (-0.5, float(width), float(height))
        if not self.remove_invisible:
            low, right, bottom = -np.inf, np.inf, np.inf
        if keep_points(table, low, right, bottom, np.empty_like(table)) < len(table):
            xy = table[:, :2]
            valid = (xy >= low) & (xy < (right, bottom))
            row = int(np.flatnonzero(~valid.all(axis=1))[0])
            x, y = xy[row]
            raise RangeError(
                f"{who}: point {row} at x={x:g}, y={y:g} is outside the picture of "
                f"{width} x {height} px",
                hint="KeypointParams(remove_invisible=False) keeps points outside",
            )
        return table

    def keep(self, table: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """Drop the points that left the picture, if that is wanted."""
        if not self.remove_invisible or len(table) == 0:
            return table
        kept = np.empty_like(table)
        # The tolerance forgives rounding at the rim.
        count = keep_points(table, -RIM, size[1] - RIM, size[0] - RIM, kept)
        return table if count == len(table) else kept[:count]

    def rows(self, given: Any, table: NDArray[np.float64], size: tuple[int, int]) -> Any:
        """Write the table in the format, and in the kind of list or array, that came in."""
        places = COLUMNS[self.format]
        if self.format == "xy":
            moved = table[:, :2].copy()
        elif None in places:
            old = numbers(given, 3, "")[table[:, 4].astype(np.intp)]
            moved = np.column_stack([table[:, :2], old[:, 2]])
        else:
            moved = table[:, [place for place in places if place is not None]]
        if self.angle_in_degrees and ANGLE in places:
            column = places.index(ANGLE)
            moved[:, column] = np.mod(np.rad2deg(moved[:, column]), 360.0)
        return rows_back(given, moved, table[:, 4])
