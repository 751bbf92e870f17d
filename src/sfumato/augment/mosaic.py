"""Mosaic: a grid of pictures, seen through a window."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Resampling
from sfumato.augment._partners import Partner, inside, join, least_visible, planes_of, within
from sfumato.augment._resampled import FillValue, Interpolation, as_fill
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import interpolation_word
from sfumato.augment.mix_transform import MixTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import FULL_RANGE
from sfumato.errors import RangeError

__all__ = ["Mosaic"]

Count = Annotated[int, Between(1, 64)]
Side = Annotated[int, Between(1, 1 << 15)]
Share = Annotated[float, Between(0.0, 1.0)]
Window = tuple[int, int, int, int]


class Mosaic(MixTransform):
    """Lay several pictures into a grid of cells, and cut a view out of it.

    The view has ``target_size`` and its center is drawn from ``center_range`` of the whole grid.
    The picture of the call gets the cell of which most is seen, partners by chance the others;
    where they do not suffice, the picture is repeated. Each is scaled to its cell, centered.
    Boxes are cut to what is seen of their cell, and dropped by ``min_visibility`` of a `Compose`;
    key points beyond it are dropped.

    From Bochkovskiy, Wang, Liao, "YOLOv4: Optimal Speed and Accuracy of Object Detection", 2020,
    section 3.3; settings as in albumentations 2.0.8.

    Args:
        grid_yx: rows and columns.
        target_size: height and width of the view.
        cell_shape: height and width of a cell.
        center_range: the center of the view, as shares of the height and width of the grid.
        fit_mode: ``cover`` fills a cell and cuts what is too much, ``contain`` shows all.
        fill: the value, or one a channel, where no picture is.
        fill_mask: the same for masks.

    Raises:
        FieldError: the call does not have the name ``metadata_key``, or a partner lacks what the
            picture has.
        RangeError: ``center_range`` is empty, or a fill value does not suit.

    Example:
        >>> from sfumato.core import Sample
        >>> pieces = [Sample(np.full((8, 8, 1), v, np.uint8)) for v in (1, 2, 3, 4)]
        >>> op = Mosaic(target_size=(8, 8), cell_shape=(8, 8), p=1)
        >>> np.unique(op(pieces, 0).image).tolist()
        [1, 2, 3, 4]
    """

    least: ClassVar[int] = 0

    grid_yx: tuple[Count, Count] = (2, 2)
    target_size: tuple[Side, Side] = (512, 512)
    cell_shape: tuple[Side, Side] = (512, 512)
    center_range: tuple[Share, Share] = (0.3, 0.7)
    fit_mode: Literal["cover", "contain"] = "cover"
    interpolation: Interpolation = "linear"
    mask_interpolation: Interpolation = "nearest"
    fill: FillValue = 0.0
    fill_mask: FillValue = 0.0
    metadata_key: str = "mosaic_metadata"

    order = ("grid_yx", "target_size", "cell_shape", "center_range", "fit_mode", "interpolation",
             "mask_interpolation", "fill", "fill_mask", "metadata_key", "p")  # fmt: skip
    shorthand = {"interpolation": interpolation_word, "mask_interpolation": interpolation_word,
                 "fill": as_fill, "fill_mask": as_fill}  # fmt: skip
    _example = {"target_size": (24, 30), "cell_shape": (20, 26)}

    def check(self) -> None:
        low, high = self.center_range
        if low > high:
            raise RangeError(f"Mosaic.center_range: ({low}, {high}) is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        center = [float(v) for v in rng.uniform(*self.center_range, 2)]
        seen = self._cells_seen(center)
        order = rng.permutation(len(self.others(targets))).tolist()
        areas = [(x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1) in seen]
        main = int(np.argmax(areas)) if seen else -1
        cells = []
        for k, (cell, _) in enumerate(seen):
            which = -1 if k == main or not order else order.pop()
            cells.append([*cell, which])
        return {"center": center, "cells": cells}

    def mix(self, targets: Targets, params: Params) -> None:
        who = type(self).__name__
        windows = dict(self._cells_seen(params["center"]))
        given = {name: (group, plane) for group, name, plane in planes_of(targets, who)}
        pieces = {which: self.partner(targets, which) for *_, which in params["cells"]}
        canvases = {
            name: self._canvas(plane, self.fill_mask if group is targets.masks else self.fill)
            for name, (group, plane) in given.items()
        }
        how = Resampling(self.interpolation)
        word = targets.mask_interpolation or self.mask_interpolation
        masks = dict.fromkeys(targets.masks, Resampling(word))
        for tables in (targets.boxes, targets.keypoints):
            tables.update({name: np.zeros((0, 5)) for name in tables})
        for row, column, which in params["cells"]:
            piece = pieces[which].scaled(self._fitted_size(pieces[which].size), how, masks)
            corner = self._corner(params["center"], (row, column), piece.size)
            self._place(targets, canvases, piece, corner, windows[row, column])
        for name, (group, _) in given.items():
            group[name] = canvases[name]
        targets.size = self.target_size

    def _origin(self, center: list[float]) -> tuple[int, int]:
        """Give x and y of the view in the grid."""
        whole = np.multiply(self.grid_yx, self.cell_shape)
        y, x = np.rint(center * whole - np.divide(self.target_size, 2)).astype(int).tolist()
        return x, y

    def _cells_seen(self, center: list[float]) -> list[tuple[tuple[int, int], Window]]:
        """Give row and column of every cell that is seen, and its window in the view."""
        left, top = self._origin(center)
        height, width = self.cell_shape
        seen = []
        for row in range(self.grid_yx[0]):
            for column in range(self.grid_yx[1]):
                x, y = column * width - left, row * height - top
                x0, y0 = max(x, 0), max(y, 0)
                x1 = min(x + width, self.target_size[1])
                y1 = min(y + height, self.target_size[0])
                if x1 > x0 and y1 > y0:
                    seen.append(((row, column), (x0, y0, x1, y1)))
        return seen

    def _fitted_size(self, size: tuple[int, int]) -> tuple[int, int]:
        scales = [cell / side for cell, side in zip(self.cell_shape, size, strict=True)]
        scale = max(scales) if self.fit_mode == "cover" else min(scales)
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

    def _corner(
        self, center: list[float], cell: tuple[int, int], size: tuple[int, int]
    ) -> tuple[int, int]:
        """Give x and y in the view of a picture that is centered in its cell."""
        left, top = self._origin(center)
        (height, width), (row, column) = self.cell_shape, cell
        x = column * width - left + (width - size[1]) // 2
        return x, row * height - top + (height - size[0]) // 2

    def _place(
        self,
        targets: Targets,
        canvases: dict[str, NDArray[Any]],
        piece: Partner,
        corner: tuple[int, int],
        cell: Window,
    ) -> None:
        x, y = corner
        x0, y0 = max(x, cell[0]), max(y, cell[1])
        x1, y1 = min(x + piece.size[1], cell[2]), min(y + piece.size[0], cell[3])
        if x1 <= x0 or y1 <= y0:
            return
        for name, plane in piece.planes.items():
            canvases[name][y0:y1, x0:x1] = plane[y0 - y : y1 - y, x0 - x : x1 - x]
        window = (x0, y0, x1, y1)
        for name, table in piece.boxes.items():
            seen = within(np.add(table, (x, y, x, y, 0)), window, least_visible(targets))
            join(targets, "boxes", name, seen, piece)
        for name, table in piece.keypoints.items():
            moved = np.add(table, (x, y, 0, 0, 0))
            join(targets, "keypoints", name, moved[inside(moved, window)], piece)

    def _canvas(self, plane: NDArray[Any], fill: FillValue) -> NDArray[Any]:
        values = np.asarray(fill)
        channels = plane.shape[2] if plane.ndim == 3 else 1
        if values.ndim and len(values) != channels:
            raise RangeError(
                f"Mosaic: {len(values)} fill values for {channels} channels",
                hint="give one number, or one a channel",
            )
        top = FULL_RANGE.get(plane.dtype)
        if plane.dtype.kind == "u" and top is not None:
            values = np.clip(np.rint(values), 0, top)
        canvas = np.empty((*self.target_size, *plane.shape[2:]), plane.dtype)
        canvas[...] = values if plane.ndim == 3 else values.reshape(())
        return canvas
