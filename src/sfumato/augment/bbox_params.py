"""How boxes come, how they leave, and which of them stay."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._declare import Bilingual
from sfumato.augment._table_loops import keep_boxes, read_boxes, write_boxes
from sfumato.augment._tables import numbers, rows_back
from sfumato.augment._vocabulary import as_tuple
from sfumato.core.bounds import Between
from sfumato.errors import RangeError

__all__ = ["BboxParams"]

Share = Annotated[float, Between(0.0, 1.0)]
Size = Annotated[float, Between(0.0)]
TOLERANCE = 1e-5
"""Share of the picture by which rounding may carry a box over the edge."""


class BboxParams(Bilingual):
    """How `Compose` reads boxes, and which it drops after they moved.

    Edges are edges of pixels: a box around the upper left pixel alone is (0, 0, 1, 1) in
    ``pascal_voc``. What a box has beyond its four numbers comes back with it.

    Args:
        format: ``coco`` (x y width height, pixels), ``pascal_voc`` (x0 y0 x1 y1, pixels),
            ``albumentations`` (x0 y0 x1 y1, shares of the size) or ``yolo`` (center x, center y,
            width, height, shares of the size).
        label_fields: names of lists that run along with the boxes and lose what they lose.
        min_area: in square pixels, of what is left inside the picture.
        min_visibility: the share of a moved box that must lie inside the picture.
        min_width: in pixels, of what is left.
        min_height: in pixels, of what is left.
        check_each_transform: drop after every transform, not only at the end.
        clip: cut boxes that come in to the picture instead of refusing them.
        filter_invalid_bboxes: cut boxes that come in, and drop those that are invalid then.
        max_accept_ratio: of the longer side to the shorter.
    """

    format: Literal["coco", "pascal_voc", "albumentations", "yolo"]
    label_fields: tuple[str, ...] | None = None
    min_area: Size = 0.0
    min_visibility: Share = 0.0
    min_width: Size = 0.0
    min_height: Size = 0.0
    check_each_transform: bool = True
    clip: bool = False
    filter_invalid_bboxes: bool = False
    max_accept_ratio: Annotated[float, Between(1.0)] | None = None

    shorthand = {"label_fields": as_tuple}
    _example = {"format": "coco"}

    @property
    def drops_at_once(self) -> bool:
        """Whether a box may be dropped that nothing has moved."""
        limits = (self.min_area, self.min_visibility, self.min_width, self.min_height)
        return any(limits) or self.max_accept_ratio is not None

    def table(self, given: Any, size: tuple[int, int], who: str) -> NDArray[np.float64]:
        """Read boxes into the table of `Targets`.

        Raises:
            RangeError: a box is no number, outside, inverted or empty; the message names it.
            ShapeError: the boxes are not rows of four numbers.
        """
        rows = numbers(given, 4, who)
        table = np.empty((len(rows), 5))
        if len(rows) == 0:
            return table
        clip = self.clip or self.filter_invalid_bboxes
        height, width = size
        slack = TOLERANCE * max(size)
        bad = read_boxes(rows, *self._form(size), float(width), float(height), slack, clip, table)
        if bad < 0:
            return table
        if self.filter_invalid_bboxes:  # cut already, so an empty one is all that can be wrong
            return np.ascontiguousarray(table[(table[:, 2:4] > table[:, :2]).all(axis=1)])
        raise RangeError(
            f"{who}: box {bad} {_written(rows[bad])} ({self.format}) "
            f"{_fault(table[bad, :4], size)}",
            hint="BboxParams(clip=True) cuts boxes to the picture, "
            "BboxParams(filter_invalid_bboxes=True) drops invalid ones",
        )

    def _form(self, size: tuple[int, int]) -> tuple[bool, bool, float, float]:
        """Say what stands in a row: centers, spans instead of ends, and the unit of x and of y."""
        shares = self.format in ("albumentations", "yolo")
        x_unit, y_unit = (float(size[1]), float(size[0])) if shares else (1.0, 1.0)
        return self.format == "yolo", self.format in ("coco", "yolo"), x_unit, y_unit

    def keep(self, table: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """Cut moved boxes to the picture and drop those of which too little is left."""
        if len(table) == 0:
            return table
        kept = np.empty_like(table)
        limits: NDArray[np.float64] = self.__dict__["_limits"]
        return kept[: keep_boxes(table, limits, float(size[1]), float(size[0]), kept)]

    def check(self) -> None:
        ratio = np.inf if self.max_accept_ratio is None else self.max_accept_ratio
        limits = (self.min_area, self.min_visibility, self.min_width, self.min_height, ratio)
        object.__setattr__(self, "_limits", np.array(limits))

    def rows(self, given: Any, table: NDArray[np.float64], size: tuple[int, int]) -> Any:
        """Write the table in the format, and in the kind of list or array, that came in."""
        edges = np.empty((len(table), 4))
        write_boxes(table, *self._form(size), edges)
        return rows_back(given, edges, table[:, 4])


def _written(row: Any) -> str:
    return "(" + ", ".join(f"{float(v):g}" for v in list(row)[:4]) + ")"


def _fault(box: NDArray[np.float64], size: tuple[int, int]) -> str:
    if not np.isfinite(box).all():
        return "holds a value that is no number"
    if (box[2:4] <= box[:2]).any():
        return "is empty or inverted: its end must lie beyond its beginning"
    return f"reaches beyond the picture of {size[1]} x {size[0]} px"
