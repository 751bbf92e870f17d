"""Cut rectangles out of the objects of a picture."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from sfumato.augment._chance import draw_seed
from sfumato.augment._dropout import Fill, HoleDropout, Number
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.errors import FieldError, RangeError

__all__ = ["ConstrainedCoarseDropout"]


class ConstrainedCoarseDropout(HoleDropout):
    """Cut rectangles out of the objects of a picture.

    Objects are the connected regions of some labels of the mask, or the boxes of some labels.
    Each gets as many holes as were drawn once for the call: centered on a pixel of the region
    and as large as a share of the root of its area, or anywhere in the box and as large as a
    share of its sides.

    Args:
        num_holes_range: how many an object gets is drawn from here.
        hole_height_range: the share is drawn from here, for each hole.
        hole_width_range: as ``hole_height_range``.
        mask_indices: labels of the mask; they win where both are given.
        bbox_labels: labels of boxes, as in the first of ``label_fields``.

    Raises:
        RangeError: an empty range, or neither labels of the mask nor of boxes.
        FieldError: the call has no mask, or no labels.

    Example:
        >>> image, mask = np.full((9, 9, 1), 7, np.uint8), np.zeros((9, 9), np.uint8)
        >>> mask[3:6, 3:6] = 2
        >>> op = ConstrainedCoarseDropout((1, 1), (0.4, 0.4), (0.4, 0.4), mask_indices=[2], p=1)
        >>> bool((op(image=image, mask=mask)["image"] == 0).any())
        True
    """

    num_holes_range: Annotated[tuple[int, int], Between(0, 100000)] = (1, 1)
    hole_height_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.1, 0.1)
    hole_width_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.1, 0.1)
    fill: Fill = 0.0
    fill_mask: Number | tuple[Number, ...] | None = None
    mask_indices: tuple[int, ...] | None = None
    bbox_labels: tuple[str | int | float, ...] | None = None

    order = (
        "num_holes_range", "hole_height_range", "hole_width_range", "fill", "fill_mask", "p",
        "mask_indices", "bbox_labels",
    )  # fmt: skip
    _example = {"bbox_labels": ("none",)}

    def check(self) -> None:
        for name in ("num_holes_range", "hole_height_range", "hole_width_range"):
            low, high = getattr(self, name)
            if low > high:
                raise RangeError(f"ConstrainedCoarseDropout.{name}: ({low}, {high}) is empty")
        if not self.mask_indices and not self.bbox_labels:
            raise RangeError("ConstrainedCoarseDropout: give mask_indices or bbox_labels")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        low, high = self.num_holes_range
        count = int(rng.integers(low, high + 1))
        holes: list[list[int]] = []
        if self.mask_indices:
            self._in_regions(rng, targets, count, holes)
        else:
            self._in_boxes(rng, targets, count, holes)
        return {"holes": holes, "seed": draw_seed(rng)}

    def _in_regions(self, rng: Rng, targets: Targets, count: int, holes: list[list[int]]) -> None:
        mask = targets.mask
        if mask is None:
            raise FieldError("ConstrainedCoarseDropout reads 'mask', which this call does not have")
        plane = mask if mask.ndim == 2 else mask[..., 0]
        for label in self.mask_indices or ():
            wanted = np.ascontiguousarray(plane == label).astype(np.uint8)
            number, regions, facts, _ = cv2.connectedComponentsWithStats(wanted)
            for k in range(1, number):
                rows, columns = np.nonzero(regions == k)
                side = math.sqrt(float(facts[k, cv2.CC_STAT_AREA]))
                for pick in rng.integers(0, len(rows), count):
                    center = (float(columns[pick]), float(rows[pick]))
                    self._cut(rng, center, (side, side), targets.size, holes)

    def _in_boxes(self, rng: Rng, targets: Targets, count: int, holes: list[list[int]]) -> None:
        wanted = set(self.bbox_labels or ())
        for table in targets.boxes.values():
            labels = _labels(targets)
            for x0, y0, x1, y1, row in table.tolist():
                if labels is None or labels[int(row)] not in wanted:
                    continue
                for _ in range(count):
                    center = (rng.uniform(x0, x1), rng.uniform(y0, y1))
                    self._cut(rng, center, (x1 - x0, y1 - y0), targets.size, holes)

    def _cut(
        self,
        rng: Rng,
        center: tuple[float, float],
        sides: tuple[float, float],
        size: tuple[int, int],
        holes: list[list[int]],
    ) -> None:
        wide = max(int(sides[0] * rng.uniform(*self.hole_width_range)), 1)
        tall = max(int(sides[1] * rng.uniform(*self.hole_height_range)), 1)
        left, top = round(center[0]) - wide // 2, round(center[1]) - tall // 2
        right, bottom = min(left + wide, size[1]), min(top + tall, size[0])
        if right > max(left, 0) and bottom > max(top, 0):
            holes.append([max(left, 0), max(top, 0), right, bottom])


def _labels(targets: Targets) -> list[Any] | None:
    """Give the labels of the boxes, in the order in which the boxes came."""
    rules = getattr(getattr(targets.tidy, "__self__", None), "boxes", None)
    fields = getattr(rules, "label_fields", None)
    name = fields[0] if fields else "bbox_labels"
    found = targets.extras.get(name)
    return None if found is None else list(found)
