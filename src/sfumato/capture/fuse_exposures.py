"""Blend a bracketed series into one picture that is well exposed everywhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sfumato.capture._fuse_exact import Preference, fuse_exactly, weight_maps
from sfumato.capture._fuse_fast import fuse_fast, is_worthwhile
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, check_stack, from_unit, to_unit
from sfumato.errors import RangeError, ShapeError
from sfumato.raster.pyramid import max_levels

__all__ = ["FuseExposures"]

MAX_FRAMES = 50
FARTHEST = 1e6
"""Float values beyond this are no picture, and their squares would leave float32."""


class FuseExposures(Operator):
    """Blend a bracketed series into one picture that is well exposed everywhere.

    Each pixel of each frame is worth ``C^contrast * S^saturation * E^exposure``:
    C is the modulus of the Laplacian of grey, S the standard deviation over the
    channels, and E the product over the channels of
    ``exp(-(v - optimum)^2 / (2 sigma^2))``. The worths are normalised over the
    frames, and the Laplacian pyramids of the frames are blended level by level
    with the Gaussian pyramids of these weights, so every transition is as wide
    as the structures that it carries. Results are clipped, never stretched.

    The frames must be aligned. One frame gives itself back. Grey frames have no
    saturation term.

    Args:
        contrast: exponent of C; 0 switches the measure off.
        saturation: exponent of S; 0 switches the measure off.
        exposure: exponent of E; 0 switches the measure off.
        sigma: width of the preference for the optimum, in units of full range.
        optimum: the value that is exposed best, in units of full range.
        levels: pyramid levels, the residual included; None takes
            ``floor(log2(min(h, w)))`` as the paper's code does.
        border: what lies beyond the edge: ``symmetric`` repeats the edge pixel
            as the paper's code does, ``reflect`` mirrors about it as OpenCV does.
        mode: ``exact`` computes whole pictures in float64; ``fast`` works on
            tiles in float32 and differs from it by rounding only.

    Shape:
        reads ``stack`` (n, h, w, c), n from 1 to 50, c 1 or 3; writes ``image``
        (h, w, c) in place of the frames, in the dtype of the stack.

    Raises:
        ShapeError: more than 50 frames, or 2 or 4 channels.
        RangeError: a float frame holds NaN, infinity or values beyond a million.

    Example:
        >>> dark, bright = (np.full((8, 8, 3), v, np.float32) for v in (0.1, 0.5))
        >>> dark[2:6, 2:6, 0], bright[2:6, 2:6, 0] = 0.2, 1.0
        >>> fused = FuseExposures()(np.stack([dark, bright]))
        >>> fused.shape, fused.dtype, bool(0.1 < fused.mean() < 0.6)
        ((8, 8, 3), dtype('float32'), True)

    References:
        T. Mertens, J. Kautz, F. Van Reeth. Exposure Fusion. Pacific Graphics,
        2007. doi:10.1109/PG.2007.17
    """

    reads = ("stack",)
    writes = ("image",)

    contrast: Annotated[float, Between(0.0, 10.0)] = 1.0
    saturation: Annotated[float, Between(0.0, 10.0)] = 1.0
    exposure: Annotated[float, Between(0.0, 10.0)] = 1.0
    sigma: Annotated[float, Between(0.01, 10.0)] = 0.2
    optimum: Annotated[float, Between(0.0, 1.0)] = 0.5
    levels: Annotated[int, Between(1, 30)] | None = None
    border: Literal["symmetric", "reflect"] = "symmetric"
    mode: Literal["fast", "exact"] = "fast"

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        stack = self._checked(sample.require("stack", "FuseExposures"))
        fused = stack[0].copy() if len(stack) == 1 else self._fuse(stack, stack.dtype)
        return sample.but(image=fused, stack=None)

    def unclipped(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """Fuse without clipping: the pyramid over- and undershoots at strong edges.

        Shape:
            stack (n, h, w, c) to float32 (h, w, c) with white at 1.

        Raises:
            ShapeError: as for the fusion.
            RangeError: as for the fusion.
        """
        stack = self._checked(stack)
        return to_unit(stack[0]) if len(stack) == 1 else self._fuse(stack, np.float32, clip=False)

    def weights(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """Give the share of each frame at each pixel, before the pyramid smooths it.

        Shape:
            stack (n, h, w, c) to float32 (n, h, w); they add up to 1 over the frames.

        Raises:
            ShapeError: as for the fusion.
            RangeError: as for the fusion.
        """
        stack = self._checked(stack)
        return weight_maps(stack, self._preference(), self.border).astype(np.float32)

    def _fuse(self, stack: NDArray[Any], dtype: DTypeLike, *, clip: bool = True) -> Image:
        size = stack.shape[1], stack.shape[2]
        levels = self.levels or max_levels(size)
        preference = self._preference()
        if self.mode == "fast" and is_worthwhile(size, levels):
            return fuse_fast(stack, preference, levels, self.border, dtype, clip=clip)
        fused = fuse_exactly(stack, preference, levels, self.border)
        unit: Image = np.clip(fused, 0.0, 1.0) if clip else fused
        return from_unit(unit, dtype)

    def _preference(self) -> Preference:
        return Preference(self.contrast, self.saturation, self.exposure, self.sigma, self.optimum)

    def _checked(self, given: Any) -> NDArray[Any]:
        stack: NDArray[Any] = check_stack(given, "FuseExposures")
        count, channels = stack.shape[0], stack.shape[3]
        if count > MAX_FRAMES:
            raise ShapeError(
                f"FuseExposures: takes at most {MAX_FRAMES} frames, got {count}",
                hint="one frame per stop is enough: leave out some between darkest and brightest",
            )
        if channels not in (1, 3):
            alpha = " with alpha" if channels in (2, 4) else ""
            raise ShapeError(
                f"FuseExposures: takes gray or RGB frames, got {channels} channels{alpha}",
                hint="drop the last channel first: stack[..., :-1]" if alpha else None,
            )
        if stack.dtype == np.float32:
            for k, frame in enumerate(stack, start=1):
                _check_values(frame, f"FuseExposures: frame {k}")
        return stack


def _check_values(frame: NDArray[Any], who: str) -> None:
    low, high = float(frame.min()), float(frame.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RangeError(f"{who} holds NaN or infinite values", hint="mend or mask them first")
    if max(-low, high) > FARTHEST:
        raise RangeError(f"{who} reaches from {low:g} to {high:g}, expected about 0 to 1")
