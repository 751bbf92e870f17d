"""Some validation pictures side by side: what was asked, what was answered, what was wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.sample import Sample
from sfumato.core.shapes import to_unit

__all__ = ["sample_sheet"]

GAP_PX = 4
PAPER = 255
LEAST_PX, MOST_PX = 96, 512
"""Smaller pictures are enlarged by repetition, larger ones thinned out."""


def sample_sheet(
    pairs: Sequence[tuple[Sample, Sample]], *, labels: bool = False
) -> NDArray[np.uint8]:
    """Lay pictures out on white paper, one row a sample.

    A row shows the hint and the image that were asked, the answer, and what was wanted.

    Args:
        pairs: samples as they were asked and answered.
        labels: the answer are labels, shown as colours.

    Shape:
        returns (h, w, 3).
    """
    rows = [[_shown(picture) for picture in _pictures(*pair, labels)] for pair in pairs]
    height = max(picture.shape[0] for row in rows for picture in row)
    width = max(picture.shape[1] for row in rows for picture in row)
    columns = max(len(row) for row in rows)
    size = (len(rows) * (height + GAP_PX) + GAP_PX, columns * (width + GAP_PX) + GAP_PX, 3)
    sheet = np.full(size, PAPER, np.uint8)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            top, left = GAP_PX + r * (height + GAP_PX), GAP_PX + c * (width + GAP_PX)
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def _pictures(asked: Sample, given: Sample, labels: bool) -> list[NDArray[Any]]:
    row = [asked.image, given.image]
    if labels:
        row = [asked.image, _colours(given.mask)]
        if asked.mask is not None:
            row.append(_colours(asked.mask))
    row = row if asked.hint is None else [asked.hint, *row]
    return row if asked.target is None else [*row, asked.target]


def _shown(picture: NDArray[Any]) -> NDArray[np.uint8]:
    values = np.rint(255 * np.clip(np.nan_to_num(to_unit(picture)), 0, 1)).astype(np.uint8)
    channels = values.shape[2]
    values = np.repeat(values[..., :1], 3, axis=2) if channels < 3 else values[..., :3]
    longest = max(values.shape[:2])
    thin, times = -(-longest // MOST_PX), max(1, LEAST_PX // longest)
    return np.repeat(np.repeat(values[::thin, ::thin], times, 0), times, 1)


def _colours(mask: Any) -> NDArray[np.uint8]:
    """Give each label a colour of its own, far from its neighbours' colours; 0 is black."""
    label = np.asarray(mask, np.int64)
    turns = (label[..., None] * np.array([0.618034, 0.754878, 0.569840])) % 1.0
    return np.where(label[..., None] == 0, 0, 55 + 200 * turns).astype(np.uint8)
