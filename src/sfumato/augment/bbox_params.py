"""How boxes come, how they leave, and which of them stay."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._declare import Bilingual
from sfumato.augment._tables import numbers, rows_back
from sfumato.core.bounds import Between
from sfumato.errors import RangeError

__all__ = ["BboxParams"]

Share = Annotated[float, Between(0.0, 1.0)]
Size = Annotated[float, Between(0.0)]
TOLERANCE = 1e-5
"""Share of the picture by which rounding may carry a box over the edge."""


def _as_names(names: Any) -> Any:
    return tuple(names) if isinstance(names, (list, tuple, set)) else names


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

    shorthand = {"label_fields": _as_names}
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
        height, width = size
        if self.format in ("coco", "yolo"):
            spans = rows[:, 2:] * (0.5 if self.format == "yolo" else 1.0)
            np.add(rows[:, :2], spans, out=table[:, 2:4])
            table[:, :2] = rows[:, :2] - spans if self.format == "yolo" else rows[:, :2]
        else:
            table[:, :4] = rows
        if self.format in ("albumentations", "yolo"):
            table[:, :4] *= (width, height, width, height)
        table[:, 4] = np.arange(len(rows))
        checked: NDArray[np.float64] = self._checked(table, given, size, who) - _HALF
        return checked

    def _checked(
        self, table: NDArray[np.float64], given: Any, size: tuple[int, int], who: str
    ) -> NDArray[np.float64]:
        height, width = size
        if self.clip or self.filter_invalid_bboxes:
            np.clip(table[:, :4], 0.0, (width, height, width, height), out=table[:, :4])
        slack = TOLERANCE * max(size)
        low, high = table[:, :2], table[:, 2:4]
        valid = (low >= -slack) & (high <= (width + slack, height + slack)) & (high > low)
        if valid.all():  # written so that NaN is invalid
            return table
        good = valid.all(axis=1)
        if self.filter_invalid_bboxes:
            return table[good]
        row = int(np.flatnonzero(~good)[0])
        raise RangeError(
            f"{who}: box {row} {_written(given[row])} ({self.format}) {_fault(table[row], size)}",
            hint="BboxParams(clip=True) cuts boxes to the picture, "
            "BboxParams(filter_invalid_bboxes=True) drops invalid ones",
        )

    def keep(self, table: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """Cut moved boxes to the picture and drop those of which too little is left."""
        if len(table) == 0:
            return table
        limit = (size[1] - 0.5, size[0] - 0.5)
        low, high = table[:, :2], table[:, 2:4]
        kept = table.copy()
        np.maximum(low, -0.5, out=kept[:, :2])
        np.minimum(high, limit, out=kept[:, 2:4])
        sides = kept[:, 2:4] - kept[:, :2]
        good = sides.min(axis=1) > 0
        if self.min_width or self.min_height:
            good &= (sides >= (self.min_width - 1e-9, self.min_height - 1e-9)).all(axis=1)
        if self.min_area or self.min_visibility:
            area = sides[:, 0] * sides[:, 1]
            good &= area >= self.min_area - 1e-9
            whole = (high - low).prod(axis=1)
            good &= area >= self.min_visibility * whole * (1 - 1e-9)
        if self.max_accept_ratio is not None:
            good &= sides.max(axis=1) <= self.max_accept_ratio * sides.min(axis=1) * (1 + 1e-9)
        return kept if good.all() else kept[good]

    def rows(self, given: Any, table: NDArray[np.float64], size: tuple[int, int]) -> Any:
        """Write the table in the format, and in the kind of list or array, that came in."""
        height, width = size
        edges = table[:, :4] + 0.5
        if self.format in ("albumentations", "yolo"):
            edges /= (width, height, width, height)
        if self.format in ("coco", "yolo"):
            edges[:, 2:] -= edges[:, :2]
        if self.format == "yolo":
            edges[:, :2] += edges[:, 2:] / 2
        return rows_back(given, edges, table[:, 4])


_HALF = np.array([0.5, 0.5, 0.5, 0.5, 0.0])
"""From edges of pixels to coordinates with pixel centers at whole numbers."""


def _written(row: Any) -> str:
    return "(" + ", ".join(f"{float(v):g}" for v in list(row)[:4]) + ")"


def _fault(box: NDArray[np.float64], size: tuple[int, int]) -> str:
    if not np.isfinite(box).all():
        return "holds a value that is no number"
    if (box[2:4] <= box[:2]).any():
        return "is empty or inverted: its end must lie beyond its beginning"
    return f"reaches beyond the picture of {size[1]} x {size[0]} px"
