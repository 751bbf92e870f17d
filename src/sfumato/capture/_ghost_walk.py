"""Mend the frames of a bracket one after the other, outwards from one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._codes import Codes, encode
from sfumato.capture._ghost_mask import disagreement, merge_evidence, widen
from sfumato.capture._ghost_repair import repair
from sfumato.capture._ghost_threads import add_threads
from sfumato.capture._outlook import Known
from sfumato.capture.intensity_map import match_intensity
from sfumato.core.shapes import Image

__all__ = ["Bench"]

GLANCE = 250_000
"""Pixels that are enough to rank frames."""


@dataclass(eq=False)
class Bench:
    """The frames under work and how they are judged.

    Args:
        frames: the bracket; a mended frame takes the place of the old one.
        masks: what was replaced in each frame.
        white: the value that is code 255.
        linear: the values are linear light.
        floor: difference that is no ghost, in codes.
        feather_px: width of the seam.

    Shape:
        frames (h, w, c) each; masks (n, h, w).
    """

    frames: list[Image]
    masks: NDArray[np.uint8]
    white: float
    linear: bool
    floor: float
    feather_px: float

    def codes(self, frame: NDArray[Any]) -> Codes:
        """Encode a frame."""
        return encode(frame, white=self.white, linear=self.linear)

    def glance(self, frame: NDArray[Any]) -> Codes:
        """Encode a few pixels of a frame."""
        step = max(1, int(np.sqrt(frame.shape[0] * frame.shape[1] / GLANCE)))
        return self.codes(np.ascontiguousarray(frame[::step, ::step]))

    def walk(self, order: list[int], start: int, region: NDArray[np.uint8] | None = None) -> None:
        """Replace, in all frames but one, what that one shows otherwise.

        Args:
            order: the frames by exposure.
            start: the frame whose content stays.
            region: the cells to replace; None finds them.
        """
        at = order.index(start)
        for side in (order[at + 1 :], order[:at][::-1]):
            inner, source = self.frames[start], self.codes(self.frames[start])
            known = Known(source, source, np.zeros(source.shape[:2], np.uint8))
            for k in side:
                known, source = self._step(k, inner, source, known, region)
                inner = self.frames[k]

    def _step(
        self, k: int, inner: Image, source: Codes, known: Known, region: NDArray[np.uint8] | None
    ) -> tuple[Known, Codes]:
        frame = self.frames[k]
        curve = match_intensity(inner, frame, white=self.white, linear=self.linear)
        codes = self.codes(frame)
        outlook = known.seen_through(curve, source)
        cells = region
        if cells is None:
            cells = merge_evidence(disagreement(codes, outlook, self.floor), self.floor)
            if cells.any():
                cells = add_threads(cells, codes, outlook, self.floor)
        if not cells.any():
            return outlook.settled(codes), codes
        patch = widen(cells, (codes.shape[0], codes.shape[1]), self.feather_px)
        self.frames[k] = repair(frame, inner, outlook, patch)
        self.masks[k] |= patch.mask
        codes = self.codes(self.frames[k])
        return outlook.settled(codes, patch.core), codes
