"""The faint and thin parts of a moving thing: strings, twigs, rims."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._codes import Codes
from sfumato.capture._ghost_mask import scaled_excess, share_of_cells
from sfumato.capture._outlook import Outlook, shrink_factor
from sfumato.core.opencv import cv2

__all__ = ["add_threads"]

Flags: TypeAlias = NDArray[np.uint8]

FINE = (0.25, 0.35, 0.5)
"""Parts of the tolerance that are tried: what exceeds them and hangs on a ghost belongs to it."""
SLACKS = (0.1, 0.4, 1.0)
"""Parts of the way to its neighbours' extremes in which a pixel may lie; half a pixel is 0.5."""
CALM = 0.002
"""More of the static parts, but for what hangs on ghosts, must not exceed what is tried."""
MOST = 0.04
"""Of the static parts: more than this is no string but frames that do not fit."""
AROUND = 12
"""Cells around a ghost that are not taken for static."""
LONGEST = 0.2
"""So far from a ghost, in parts of the longer side, a string may reach."""
_SQUARE = np.ones((3, 3), np.uint8)
_LINK = np.ones((7, 7), np.uint8)


def add_threads(cells: Flags, codes: Codes, outlook: Outlook, floor: float) -> Flags:
    """Add to ghosts what hangs on them and is too faint or thin to be found by itself.

    The frame must lie in the expected interval, and the interval in the frame's values:
    only the second shows a string that the neighbour has and the frame has not. How fine
    this may be looked at, and how far the two may lie apart, the rest of the picture
    tells: the strictest test is taken that static parts pass. Where none is passed,
    nothing is added.

    Args:
        cells: the ghosts found so far, in cells.
        codes: the frame that is judged.
        outlook: what to expect of it.
        floor: tolerance without noise, in codes.

    Shape:
        cells as those of `merge_evidence`; codes (h, w, c).
    """
    side = 2 * AROUND + 1
    static = cv2.dilate(cells, np.ones((side, side), np.uint8)) == 0
    if not static.any():
        return cells
    factor = shrink_factor((codes.shape[0], codes.shape[1]))
    sides = _Sides.of(codes, outlook)

    def tried(slack: float, part: float) -> Flags | None:
        excess = scaled_excess(sides.excess(slack), outlook, part * floor)
        fine = share_of_cells(excess > part * floor, factor)
        added = _hanging(cells, fine)
        rest = (fine > 0) & (added == 0) & static
        calm = rest.mean() <= CALM and (added[static] > 0).mean() <= MOST
        return added if calm else None

    loosest = tried(SLACKS[-1], FINE[-1])
    if loosest is None:
        return cells
    for slack, part in list(product(SLACKS, FINE))[:-1]:
        added = tried(slack, part)
        if added is not None:
            return _joined(cells, added)
    return _joined(cells, loosest)


@dataclass(frozen=True, eq=False)
class _Sides:
    """A frame and the interval expected of it, each with the extremes of the neighbours."""

    codes: Codes
    outlook: Outlook
    least: Codes
    most: Codes
    bottom: Codes
    top: Codes

    @classmethod
    def of(cls, codes: Codes, outlook: Outlook) -> _Sides:
        planes = (outlook.low, outlook.high, codes, codes)
        morphs = (cv2.erode, cv2.dilate, cv2.erode, cv2.dilate)
        ends = [m(p, _SQUARE).reshape(codes.shape) for m, p in zip(morphs, planes, strict=True)]
        return cls(codes, outlook, *(np.asarray(end, np.uint8) for end in ends))

    def excess(self, slack: float) -> Codes:
        """Say how far the frame and the interval lie apart, each beyond the other."""
        frame, low, high = self.codes, self.outlook.low, self.outlook.high
        pairs = [(frame, high, self.most), (low, frame, self.top)]
        gaps = [cv2.subtract(more, _towards(less, end, slack)) for more, less, end in pairs]
        pairs = [(low, self.least, frame), (frame, self.bottom, high)]
        gaps += [cv2.subtract(_towards(more, end, slack), less) for more, end, less in pairs]
        widest = cv2.max(cv2.max(gaps[0], gaps[1]), cv2.max(gaps[2], gaps[3]))
        return np.asarray(widest, np.uint8).reshape(frame.shape)


def _towards(plane: Codes, end: Codes, slack: float) -> NDArray[np.uint8]:
    mixed = cv2.addWeighted(plane, 1.0 - slack, end, slack, 0.0)
    return np.asarray(mixed, np.uint8).reshape(plane.shape)


def _hanging(cells: Flags, fine: Flags) -> Flags:
    """Give the fine parts that are connected with a ghost and not too far from it."""
    together = cv2.dilate(cv2.bitwise_or(fine, cells), _LINK)
    count, labels = cv2.connectedComponents(together, connectivity=8)
    hangs = np.zeros(count, bool)
    hangs[np.unique(labels[cells > 0])] = True
    hangs[0] = False
    near = cv2.distanceTransform(1 - cells, cv2.DIST_L2, 3) <= LONGEST * max(cells.shape)
    return np.asarray((fine > 0) & hangs[labels] & near).view(np.uint8)


def _joined(cells: Flags, added: Flags) -> Flags:
    """Put ghosts and strings together: an edge of the ground may hide a string for some pixels."""
    closed = cv2.morphologyEx(cv2.bitwise_or(cells, added), cv2.MORPH_CLOSE, _LINK)
    return np.asarray(cells | closed, np.uint8)
