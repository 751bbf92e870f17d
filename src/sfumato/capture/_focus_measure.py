"""How sharp each frame is at each pixel and scale, and which frame is the sharpest."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, Mask, Stack, to_unit
from sfumato.errors import RangeError
from sfumato.raster.pyramid import Plane, expand, max_levels, reduce

__all__ = ["Contest", "FocusMeasure", "Survey", "luminance"]

_NOISE_GAINS = (0.889, 0.0530, 0.0101)
"""Variance of white noise of variance 1 in the three finest Laplacian bands."""
_FAINT = 4.0
"""Energies below this many noise variances count less than their share."""
_FLOOR = {"uint8": 0.5 / 255, "uint16": 0.05 / 255, "float32": 0.05 / 255}
"""Least standard deviation assumed: rounding and compression are never better."""
_CELLS_LOG2 = 2
"""Spill is judged on a grid of about this many doublings over the shorter side."""
_NEAR_WHITE = 0.95
_CLIPPED_SHARE = 0.002
"""Where this share of a neighbourhood is near white, spill is believed in full."""
_SPILL = 0.005
"""More brightness than this, at full strength, halves a frame's score."""


def luminance(frame: Image, space: str, who: str) -> Plane:
    """Give the brightness of a frame in display values, float32 ``(h, w)``.

    Raises:
        RangeError: a value is not finite.
    """
    if frame.dtype == np.float32 and not np.isfinite(frame).all():
        raise RangeError(
            f"{who} has values that are not finite (NaN or infinity)",
            hint="replace them before stacking: they would spread over the picture",
        )
    unit = to_unit(frame)
    grey = unit[..., 0] if unit.shape[2] == 1 else cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY)
    # Linear light would let highlights outvote everything in the shade.
    grey = np.sqrt(np.maximum(grey, 0)) if space == "linear" else grey
    return np.ascontiguousarray(grey)


@dataclass
class Survey:
    """What must be known of all frames before the first can be judged.

    Args:
        noise: variance of white noise, in squares of full range.
        darkest: least coarse brightness of the frames, at `coarse_level`.
        clipped: share of pixels near white in any frame, at `coarse_level`.
        coarse_level: how many times these two are halved.
    """

    noise: float
    darkest: Plane
    clipped: Plane
    coarse_level: int

    @classmethod
    def of(cls, stack: Stack, space: str) -> Survey:
        """Look at every frame once.

        The tenth part of a frame that has least fine detail shows mostly noise, most
        purely so in the frame that is least in focus there.

        Raises:
            RangeError: a frame has values that are not finite.
        """
        level = max(0, max_levels(stack.shape[1:3]) - _CELLS_LOG2)
        noise, darkest, brightest = np.inf, np.zeros(0), np.zeros(0)
        for k, frame in enumerate(stack):
            grey = luminance(frame, space, f"FocusStack: frame {k + 1}")
            band = grey - expand(reduce(grey), grey.shape)
            energy = cv2.boxFilter(band * band, -1, (9, 9), borderType=cv2.BORDER_REFLECT)
            noise = min(noise, float(np.quantile(energy[::4, ::4], 0.1)) / _NOISE_GAINS[0])
            coarse = _reduce_times(grey, level)
            darkest = coarse if k == 0 else np.minimum(darkest, coarse)
            brightest = grey if k == 0 else np.maximum(brightest, grey)
        clipped = _reduce_times((brightest > _NEAR_WHITE).astype(np.float32), level)
        clipped = cv2.dilate(clipped, np.ones((3, 3), np.uint8))
        return cls(max(noise, _FLOOR[stack.dtype.name] ** 2), darkest, clipped, level)

    def spill_penalties(
        self, grey: Plane, strength: float, shapes: list[tuple[int, ...]]
    ) -> list[Plane]:
        """Give the factors that set a frame back where highlights spill, one plane per band.

        Blur leaves the mean brightness of a neighbourhood as it is, except where a
        highlight was clipped: the wider its light is spread, the less of it is cut
        off. So near clipped pixels the frame with the least light has the highlight
        in focus, and what the others have more is spill.
        """
        coarse = _reduce_times(grey, self.coarse_level)
        near = np.minimum(self.clipped / _CLIPPED_SHARE, 1)
        spill = (coarse - self.darkest) * near * np.float32(strength / _SPILL)
        factor = (1 / (1 + spill * spill)).astype(np.float32)
        chain = [grey.shape]
        while len(chain) <= max(self.coarse_level, len(shapes) - 1):
            height, width = chain[-1]
            chain.append(((height + 1) // 2, (width + 1) // 2))
        planes = {self.coarse_level: factor}
        for level in range(self.coarse_level - 1, -1, -1):
            planes[level] = expand(planes[level + 1], chain[level])
        for level in range(self.coarse_level + 1, len(shapes)):
            planes[level] = reduce(planes[level - 1])
        return [planes[level] for level in range(len(shapes))]


def _reduce_times(plane: Plane, times: int) -> Plane:
    for _ in range(times):
        plane = reduce(plane)
    return plane


@dataclass(frozen=True, kw_only=True)
class FocusMeasure:
    """Score the focus of a frame, once for each Laplacian band.

    Local energy of the band above the noise, ``e_l``, is first summed from fine to
    coarse, ``f_l = e_l + reduce(f_{l-1})``, so that fine detail decides for the coarse
    bands too; then from coarse to fine, ``s_l = f_l + reach * expand(s_{l+1})``, which
    makes every sharp structure speak for its surroundings with a weight that falls
    by ``reach`` per octave of distance. An edge blurred by any amount leaves at
    distance d no more energy than its sharp self times about 0.2/d^4. With a slower
    fall than that, the frame that holds the sharp edge outvotes the halos of the
    same edge in the other frames wherever nothing else is in focus.

    Args:
        bands: how many Laplacian bands.
        window_px: width of the local mean of the energy.
        reach: weight kept per octave.
        noise: variance of white noise in the frame.
    """

    bands: int
    window_px: int
    reach: float
    noise: float

    def scores(self, grey: Plane) -> list[Plane]:
        """Give the score of each band, finest first."""
        scores = self._energies(grey)
        for level in range(1, self.bands):
            scores[level] += reduce(scores[level - 1])
        for level in range(self.bands - 2, -1, -1):
            scores[level] += self.reach * expand(scores[level + 1], scores[level].shape)
        return scores

    def _energies(self, grey: Plane) -> list[Plane]:
        energies = []
        for level in range(self.bands):
            coarse = reduce(grey)
            band = grey - expand(coarse, grey.shape)
            np.multiply(band, band, out=band)
            window = (self.window_px, self.window_px)
            energy = cv2.GaussianBlur(band, window, 0, borderType=cv2.BORDER_REFLECT)
            noise = np.float32(self.noise * _noise_gain(level))
            np.maximum(energy - noise, 0, out=energy)
            energies.append(energy * (energy / (energy + _FAINT * noise)))
            grey = coarse
        return energies


def _noise_gain(level: int) -> float:
    last = len(_NOISE_GAINS) - 1
    return _NOISE_GAINS[min(level, last)] * 0.25 ** max(0, level - last)


@dataclass
class Contest:
    """Of the frames seen so far, who scored best at each pixel of each band.

    Beside the winners of the finest band it keeps the scores of the winner's two
    neighbours in the series and the sum of all scores, which is all that depth and
    confidence need: memory does not grow with the frames.
    """

    frames: int = 0
    best: list[Plane] = field(default_factory=list)
    winner: list[Mask] = field(default_factory=list)
    before: Plane = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    after: Plane = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    total: Plane = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _previous: Plane = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def enter(self, scores: list[Plane]) -> None:
        """Let the next frame of the series compete; draws go to the earlier frame."""
        if self.frames == 0:
            self._open(scores)
        else:
            self._compete(scores)
        self._previous = scores[0]
        self.frames += 1

    def _open(self, scores: list[Plane]) -> None:
        self.best = [score.copy() for score in scores]
        self.winner = [np.zeros(score.shape, np.uint16) for score in scores]
        # Negative: the winner has no such neighbour.
        self.before = np.full_like(scores[0], -1.0)
        self.after = np.full_like(scores[0], -1.0)
        self.total = scores[0].copy()

    def _compete(self, scores: list[Plane]) -> None:
        finest = scores[0]
        np.add(self.total, finest, out=self.total)
        np.copyto(self.after, finest, where=self.winner[0] == self.frames - 1)
        won = finest > self.best[0]
        np.copyto(self.before, self._previous, where=won)
        np.copyto(self.after, np.float32(-1.0), where=won)
        for score, best, winner in zip(scores, self.best, self.winner, strict=True):
            won = score > best
            np.copyto(best, score, where=won)
            np.copyto(winner, self.frames, where=won)
