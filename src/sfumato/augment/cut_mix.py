"""CutMix: a rectangle of one picture in another."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from sfumato.augment._partners import Table, inside, join, planes_of, within
from sfumato.augment._targets import Params, Targets
from sfumato.augment.mix_transform import MixTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = ["CutMix"]


class CutMix(MixTransform):
    """Put a rectangle of another picture in the place of the same rectangle.

    A share is drawn from Beta(alpha, alpha); the rectangle has the shape of the picture, an area
    of 1 - share and its center anywhere, and is cut at the edge. The partner is scaled to the
    size of the picture. ``cutmix`` in the result (in ``meta`` of a sample) holds ``shares``, the
    exact shares of pixels of each picture after the cut, and ``labels``, what each had under
    ``label_key``. Boxes of the picture lose what is covered, where a whole side is; boxes of the
    partner are cut to the rectangle; key points follow their pixel.

    From Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with
    Localizable Features", ICCV 2019, section 3.

    Args:
        alpha: 1 makes every share equally likely.
        min_visibility: the share of a box that must be seen for it to stay.
        label_key: the name of the label of a whole picture.

    Raises:
        FieldError: there is no partner, or it lacks what the picture has.

    Example:
        >>> from sfumato.core import Sample
        >>> dark, light = (Sample(np.full((9, 9, 1), v, np.uint8)) for v in (0, 200))
        >>> mixed = CutMix(p=1)([dark, light], 3)
        >>> bool(abs((mixed.image == 200).mean() - mixed.meta["cutmix"]["shares"][1]) < 1e-12)
        True
    """

    alpha: Annotated[float, Between(1e-3, 1e3)] = 1.0
    min_visibility: Annotated[float, Between(0.0, 1.0)] = 0.1
    label_key: str = "label"
    metadata_key: str = "cutmix_metadata"

    def draw(self, rng: Rng, targets: Targets) -> Params:
        number = int(rng.integers(len(self.others(targets))))
        part = math.sqrt(1.0 - rng.beta(self.alpha, self.alpha))
        height, width = targets.size
        tall, wide = round(height * part), round(width * part)
        y = int(rng.integers(height)) - tall // 2
        x = int(rng.integers(width)) - wide // 2
        window = [max(x, 0), max(y, 0), min(x + wide, width), min(y + tall, height)]
        return {"partner": number, "window": window}

    def mix(self, targets: Targets, params: Params) -> None:
        x0, y0, x1, y1 = window = tuple(params["window"])
        other = self.fitted(targets, params["partner"])
        for group, name, own in planes_of(targets, type(self).__name__):
            mixed = own.copy()
            mixed[y0:y1, x0:x1] = other.planes[name][y0:y1, x0:x1]
            group[name] = mixed
        for name, table in other.boxes.items():
            targets.boxes[name] = _uncovered(targets.boxes[name], window, self.min_visibility)
            seen = within(table, window, self.min_visibility)
            join(targets, "boxes", name, seen, other)
        for name, table in other.keypoints.items():
            own_points = targets.keypoints[name]
            targets.keypoints[name] = own_points[~inside(own_points, window)]
            join(targets, "keypoints", name, table[inside(table, window)], other)
        share = (x1 - x0) * (y1 - y0) / (targets.size[0] * targets.size[1])
        labels = (targets.extras.get(self.label_key), other.fields.get(self.label_key))
        targets.facts["cutmix"] = {"shares": (1.0 - share, share), "labels": labels}


def _uncovered(table: Table, window: tuple[int, int, int, int], visible: float) -> Table:
    """Give the bound of what a window leaves of boxes, and drop those of which too little is."""
    low, high = np.subtract(window[:2], 0.5), np.subtract(window[2:], 0.5)
    kept = []
    for given in table:
        row = given.copy()
        first, last = np.maximum(row[:2], low), np.minimum(row[2:4], high)
        covered = float((last - first).clip(0).prod())
        whole = float((row[2:4] - row[:2]).prod())
        rest = 1.0 - covered / whole if whole > 0 else 1.0
        if rest <= 1e-9 or rest < visible:
            continue
        for axis in (0, 1) if covered else ():
            across = 1 - axis
            if low[across] > row[across] or high[across] < row[2 + across]:
                continue  # something is left beside the window, along the whole side
            if low[axis] <= row[axis]:
                row[axis] = last[axis]
            elif high[axis] >= row[2 + axis]:
                row[2 + axis] = first[axis]
            break
        kept.append(row)
    return np.array(kept).reshape(-1, 5)
