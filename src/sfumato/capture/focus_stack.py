"""Make one picture that is sharp throughout from a focus series."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np

from sfumato.capture._focus_blend import blend_bands, blend_layers, confine
from sfumato.capture._focus_depth import (
    confidence_of,
    depth_between_frames,
    fill_depth,
    majority,
)
from sfumato.capture._focus_measure import Contest, FocusMeasure, Survey, luminance
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import FloatImage, Image, Mask, Stack, from_unit
from sfumato.errors import RangeError, ShapeError
from sfumato.raster.pyramid import max_levels

__all__ = ["FocusStack"]


class FocusStack(Operator):
    """Make one picture that is sharp throughout from a focus series.

    Each Laplacian band of the result takes each coefficient from the frame with
    the highest focus score there. The score is the band's local energy above the
    noise; finer detail counts in the coarser bands, and every sharp structure
    speaks for its surroundings as far as its own blur could reach in the other
    frames: so a bright edge brings no halo onto a background that is nowhere in
    focus. A majority vote then removes strays from the maps of winners.

    The result also says where everything lies: ``depth`` is the place in the
    series, in fractions of a frame (0 is the first frame), filled from the
    surroundings where nothing is in focus; ``meta["focus_confidence"]`` says how
    far to trust it; ``meta["focus_index"]`` is the frame that gave the finest
    detail. The frames must be aligned and of equal brightness.

    Args:
        method: ``pyramid`` chooses band by band, which keeps crossing structures
            of different depth; ``depth_map`` takes all bands of a pixel from the
            frame nearest to its depth, which keeps surfaces in one piece.
        window_px: width of the window in which sharpness is measured, odd.
        bands: Laplacian bands; by default down to about eight pixels.
        reach: weight with which a sharp structure still speaks at twice the
            distance; 0 lets every pixel decide alone, and brings halos.
        majority_px: width of the window of the majority vote, odd; 1 for none.
        smoothness: confidence below which depth follows the surroundings rather
            than the pixel; 0 fills only what is unknown.
        clamp: keep every value within the range that the frames have at its
            pixel, so that nothing overshoots.
        highlights: how firmly a frame is set back where clipped highlights, out of
            focus, have spread their light in it: 1 removes the discs of light that
            lamps and glints leave on the dark, 0.3 is a mild dose, 0 is off. It
            compares brightness, so that in frames of unequal exposure, and at 1 on
            bright surfaces, it may prefer a darker frame that is out of focus.

    Shape:
        reads ``stack`` (n, h, w, c), aligned, in the order of focus, c = 1 or 3;
        writes in place of the frames ``image`` (h, w, c), ``depth`` and, in ``meta``,
        ``focus_confidence`` and ``focus_index`` (h, w).

    Raises:
        ShapeError: the frames have an alpha channel.
        RangeError: a frame has values that are not finite.

    Example:
        >>> chart = np.zeros((32, 64, 1), np.uint8)
        >>> chart[::4] = 200
        >>> near, far = chart.copy(), chart.copy()
        >>> near[:, 32:] = far[:, :32] = 50
        >>> bool((FocusStack()([near, far]) == chart).mean() > 0.9)
        True

    References:
        P. Burt, R. Kolczynski. Enhanced Image Capture Through Fusion. ICCV, 1993.
        doi:10.1109/ICCV.1993.378222
        B. Forster et al. Complex Wavelets for Extended Depth-of-Field. Microscopy
        Research and Technique, 2004. doi:10.1002/jemt.20092
    """

    reads: ClassVar[tuple[str, ...]] = ("stack",)
    writes: ClassVar[tuple[str, ...]] = ("image", "depth", "meta")

    method: Literal["pyramid", "depth_map"] = "pyramid"
    window_px: Annotated[int, Between(3, 31)] = 5
    bands: Annotated[int, Between(1, 16)] | None = None
    reach: Annotated[float, Between(0.0, 0.9)] = 0.3
    majority_px: Annotated[int, Between(1, 11)] = 5
    smoothness: Annotated[float, Between(0.0, 1.0)] = 0.1
    clamp: bool = True
    highlights: Annotated[float, Between(0.0, 1.0)] = 0.0

    def check(self) -> None:
        for name in ("window_px", "majority_px"):
            width = getattr(self, name)
            if width % 2 == 0:
                raise RangeError(
                    f"FocusStack.{name}: {width} is even",
                    hint=f"a window has a middle: {width - 1} or {width + 1}",
                )

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        stack: Stack = sample.require("stack", "FocusStack")
        if stack.shape[3] not in (1, 3):
            raise ShapeError(
                f"FocusStack: expected 1 or 3 channels, got {stack.shape[3]}",
                hint="leave the alpha channel out: stack[..., :3]",
            )
        wanted = self.bands or max(1, max_levels(stack.shape[1:3]) - 2)
        bands = min(wanted, max_levels(stack.shape[1:3]))
        winners, depth, confidence = self._compete(stack, sample.space, bands)
        image, index = self._blend(stack, winners, depth)
        meta = {**sample.meta, "focus_confidence": confidence, "focus_index": index}
        return sample.but(image=image, depth=depth, stack=None, meta=meta)

    def _compete(
        self, stack: Stack, space: str, bands: int
    ) -> tuple[list[Mask], FloatImage, FloatImage]:
        survey = Survey.of(stack, space)
        measure = FocusMeasure(
            bands=bands, window_px=self.window_px, reach=self.reach, noise=survey.noise
        )
        contest = Contest()
        for k, frame in enumerate(stack):
            grey = luminance(frame, space, f"FocusStack: frame {k + 1}")
            scores = measure.scores(grey)
            if self.highlights > 0:
                shapes = [score.shape for score in scores]
                factors = survey.spill_penalties(grey, self.highlights, shapes)
                scores = [s * f for s, f in zip(scores, factors, strict=True)]
            contest.enter(scores)
        winners = [majority(index, len(stack), self.majority_px) for index in contest.winner]
        confidence = confidence_of(contest, winners[0], survey.noise)
        depth = fill_depth(depth_between_frames(contest), confidence, self.smoothness)
        return winners, depth, confidence

    def _blend(self, stack: Stack, winners: list[Mask], depth: FloatImage) -> tuple[Image, Mask]:
        index = winners[0]
        if self.method == "depth_map":
            index = np.rint(depth).astype(np.uint16)
            blended = blend_layers(stack, index, len(winners))
        else:
            blended = blend_bands(stack, winners)
        if self.clamp:
            blended = confine(blended, stack)
        return from_unit(blended, stack.dtype), index
