"""Cut a grid of rectangles out of a picture."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

from sfumato.augment._chance import draw_seed
from sfumato.augment._dropout import Fill, HoleDropout, Number
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import RangeError

__all__ = ["GridDropout"]


class GridDropout(HoleDropout):
    """Cut a grid of rectangles out of a picture: one hole in each cell.

    Args:
        ratio: side of a hole over side of its cell.
        random_offset: each hole lies anywhere in its cell; else all at ``shift_xy``.
        unit_size_range: side of a square cell in pixels, drawn from here.
        holes_number_xy: how many cells go side by side and one above the other, instead; none
            of both stands for ten by ten.
        shift_xy: where in their cells the holes begin, in pixels.

    Raises:
        RangeError: an empty range, or cells larger than the picture.

    Example:
        >>> op = GridDropout(0.5, random_offset=False, holes_number_xy=(2, 2), p=1)
        >>> op(np.full((4, 4), 9, np.uint8))[0]
        array([0, 9, 0, 9], dtype=uint8)

    References:
        P. Chen, S. Liu, H. Zhao, J. Jia. GridMask Data Augmentation. 2020. arXiv:2001.04086
    """

    ratio: Annotated[float, Between(1e-3, 1.0)] = 0.5
    random_offset: bool = True
    unit_size_range: Annotated[tuple[int, int] | None, Between(2, 1 << 20)] = None
    holes_number_xy: Annotated[tuple[int, int] | None, Between(1, 1 << 20)] = None
    shift_xy: Annotated[tuple[int, int], Between(0, 1 << 20)] = (0, 0)
    fill: Fill = 0.0
    fill_mask: Number | tuple[Number, ...] | None = None

    legacy = {
        "shift_x": ("shift_xy", 0),
        "shift_y": ("shift_xy", 1),
        "fill_value": "fill",
        "mask_fill_value": "fill_mask",
    }
    defaults_1_3 = {"random_offset": False}
    order_1_3 = (
        "ratio", "unit_size_min", "unit_size_max", "holes_number_x", "holes_number_y", "shift_x",
        "shift_y", "random_offset", "fill_value", "mask_fill_value", "p",
    )  # fmt: skip
    blind = True

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        pairs = (
            ("unit_size_range", "unit_size_min", "unit_size_max"),
            ("holes_number_xy", "holes_number_x", "holes_number_y"),
        )
        for new, first, second in pairs:
            if first not in settings and second not in settings:
                continue
            values = settings.pop(first, None), settings.pop(second, None)
            said = f"GridDropout: '{first}' and '{second}' are now '{new}'"
            warnings.warn(said, DeprecationWarning, stacklevel=4)
            if values != (None, None):
                known = next(v for v in values if v is not None)
                settings[new] = tuple(known if v is None else v for v in values)
        return settings

    def check(self) -> None:
        if self.unit_size_range is not None and self.unit_size_range[0] > self.unit_size_range[1]:
            raise RangeError(f"GridDropout.unit_size_range: {self.unit_size_range} is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        tall, wide = self._cell(rng, height, width)
        hole_height = min(max(int(tall * self.ratio), 1), max(tall - 1, 1))
        hole_width = min(max(int(wide * self.ratio), 1), max(wide - 1, 1))
        room_y, room_x = tall - hole_height, wide - hole_width
        rows, columns = range(0, height, tall), range(0, width, wide)
        count = len(rows) * len(columns)
        if self.random_offset:
            down = rng.integers(0, room_y + 1, count).tolist()
            right = rng.integers(0, room_x + 1, count).tolist()
        else:
            down = [min(self.shift_xy[1], room_y)] * count
            right = [min(self.shift_xy[0], room_x)] * count
        holes = []
        for k, (y, x) in enumerate((y, x) for y in rows for x in columns):
            y0, x0 = min(y + down[k], height), min(x + right[k], width)
            y1, x1 = min(y0 + hole_height, height), min(x0 + hole_width, width)
            holes.append([x0, y0, x1, y1])
        return {"holes": holes, "seed": draw_seed(rng)}

    def _cell(self, rng: Rng, height: int, width: int) -> tuple[int, int]:
        if self.holes_number_xy is not None:
            across, down = self.holes_number_xy
            if across > max(width // 2, 1) or down > max(height // 2, 1):
                raise RangeError(
                    f"GridDropout.holes_number_xy: {self.holes_number_xy} cells for {width} x "
                    f"{height} px",
                    hint="a cell has at least two pixels each way",
                )
            return max(height // down, 1), max(width // across, 1)
        if self.unit_size_range is not None:
            low, high = self.unit_size_range
            if high > min(height, width):
                raise RangeError(
                    f"GridDropout.unit_size_range: {high} px is more than the shorter side, "
                    f"{min(height, width)}"
                )
            side = int(rng.integers(low, high + 1))
            return side, side
        return max(height // 10, 2), max(width // 10, 2)
