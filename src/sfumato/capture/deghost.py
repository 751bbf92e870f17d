"""Keep moving things from appearing several times in a fused picture."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._codes import CODES, Codes
from sfumato.capture._ghost_mask import median_bitmap_motion
from sfumato.capture._ghost_walk import Bench
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Stack, full_range
from sfumato.errors import RangeError, ShapeError

__all__ = ["Deghost"]

Masks: TypeAlias = NDArray[np.uint8]

MAX_FRAMES = 50
WELL_EXPOSED = (20, 235)
"""Codes in which a pixel shows something."""


class Deghost(Operator):
    """Make every frame of a bracket show the moving things where one frame shows them.

    The frames must be aligned. One frame is the reference; what disagrees with it
    is replaced in the other frames by the reference's content at the exposure of
    that frame, so that any fusion of the result is free of ghosts.

    ``consistency`` works outwards from the reference, from each exposure to the
    next darker or brighter one: a rising curve between the two is found
    (`match_intensity`), and a pixel that lies outside the interval which the
    curve allows is a ghost. Where the neighbour is clipped the interval is open,
    and everything that would clip there too is accepted.

    ``bitmap`` compares each frame with its own median and takes every moving
    region from the one frame that exposes it best. It is cheap and brittle: it
    sees only motion across the median brightness, and frames that are mostly
    black or white tell it nothing.

    Args:
        method: how ghosts are found.
        reference: index of the frame whose content stays; None takes
            ``meta["reference"]``, else the frame with most well exposed pixels.
        tolerance: difference from the expected value that is no ghost, as a
            fraction of white; noise raises it.
        feather_px: width of the seam around a replaced region.
        exclusion: ``bitmap`` ignores values closer to the median than this
            fraction of white.

    Shape:
        stack (n, h, w, c) with n up to 50 and 1 or 3 channels; the mask (h, w)
        is uint8, 1 where any frame was replaced; ``meta["ghost_masks"]`` is the
        same for each frame, (n, h, w); ``meta["reference"]`` the index.

    Raises:
        RangeError: the reference is not in the stack, or a value is not finite.
        ShapeError: more than 50 frames, or neither 1 nor 3 channels.

    Example:
        >>> scene = np.tile(np.linspace(0.02, 0.5, 64, dtype=np.float32), (64, 1))[..., None]
        >>> bracket = [scene, scene * 2]
        >>> bracket[0] = bracket[0].copy()
        >>> bracket[0][20:40, 20:40] = 0.9
        >>> result = Deghost(reference=1)(Sample(bracket[0], stack=np.stack(bracket)))
        >>> int(result.mask[30, 30]), int(result.mask[5, 5])
        (1, 0)
        >>> bool(abs(result.stack[0, 30, 30, 0] - scene[30, 30, 0]) < 0.01)
        True

    References:
        T. Grosch. Fast and Robust High Dynamic Range Image Generation with Camera
        and Object Movement. Vision, Modeling and Visualization, 2006.
        F. Pece, J. Kautz. Bitmap Movement Detection: HDR for Dynamic Scenes.
        Conference on Visual Media Production, 2010. doi:10.1109/CVMP.2010.8
    """

    reads: ClassVar[tuple[str, ...]] = ("stack",)
    writes: ClassVar[tuple[str, ...]] = ("stack", "image", "mask")

    method: Literal["consistency", "bitmap"] = "consistency"
    reference: Annotated[int | None, Between(0, MAX_FRAMES - 1)] = None
    tolerance: Annotated[float, Between(0.005, 0.5)] = 0.05
    feather_px: Annotated[float, Between(0.0, 200.0)] = 6.0
    exclusion: Annotated[float, Between(0.0, 0.5)] = 4 / 255

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        stack = sample.require("stack", "Deghost")
        _check(stack)
        linear = sample.space in ("linear", "raw")
        bench = Bench(
            frames=list(stack),
            masks=np.zeros(stack.shape[:3], np.uint8),
            white=_white(stack),
            linear=linear,
            floor=self.tolerance * (CODES - 1),
            feather_px=self.feather_px,
        )
        glances = [bench.glance(frame) for frame in stack]
        order = [int(k) for k in np.argsort([g.mean() for g in glances], kind="stable")]
        reference = self._reference(sample, glances)
        if self.method == "consistency":
            bench.walk(order, reference)
        else:
            self._replace_regions(bench, order, reference)
        result = np.stack(bench.frames)
        meta = {**sample.meta, "reference": reference, "ghost_masks": bench.masks}
        return sample.but(
            image=result[reference].copy(), stack=result, mask=bench.masks.max(axis=0), meta=meta
        )

    def _reference(self, sample: Sample, glances: list[Codes]) -> int:
        given = self.reference if self.reference is not None else sample.meta.get("reference")
        if given is None:
            return _best_exposed(glances)
        if not 0 <= int(given) < len(glances):
            raise RangeError(
                f"Deghost: reference {given} is not in a stack of {len(glances)} frames",
                hint="frames are counted from 0",
            )
        return int(given)

    def _replace_regions(self, bench: Bench, order: list[int], reference: int) -> None:
        codes = [bench.codes(frame) for frame in bench.frames]
        moved = median_bitmap_motion(codes, self.exclusion * (CODES - 1))
        owners = _best_frames(codes, moved, reference)
        for owner in sorted(set(owners.ravel().tolist()) - {-1}):
            bench.walk(order, owner, (owners == owner).view(np.uint8))


def _check(stack: Stack) -> None:
    if len(stack) > MAX_FRAMES:
        raise ShapeError(f"Deghost: takes up to {MAX_FRAMES} frames, got {len(stack)}")
    if stack.shape[3] not in (1, 3):
        raise ShapeError(
            f"Deghost: expected 1 or 3 channels, got {stack.shape[3]}",
            hint="an alpha channel is no light: leave it out with stack[..., :3]",
        )
    if stack.dtype == np.float32:
        for k, frame in enumerate(stack):
            if not np.isfinite(frame.min()) or not np.isfinite(frame.max()):
                raise RangeError(f"Deghost: frame {k + 1} has values that are not finite")


def _white(stack: Stack) -> float:
    white = full_range(stack.dtype)
    return max(white, *(float(f.max()) for f in stack)) if stack.dtype == np.float32 else white


def _best_exposed(glances: list[Codes]) -> int:
    """Name the frame with most well exposed pixels; white ones count against it.

    What is dark in the reference can be brightened, what is white is lost.
    """
    low, high = WELL_EXPOSED
    shares = []
    for codes in glances:
        brightest = codes.max(axis=2)
        shares.append(float((brightest >= low).mean() - 2.0 * (brightest > high).mean()))
    return int(np.argmax(shares))


def _best_frames(codes: list[Codes], moved: Masks, reference: int) -> NDArray[np.intp]:
    """Name for each cell the frame that exposes its moving region best, -1 where none moved."""
    count, labels = cv2.connectedComponents(moved, connectivity=8)
    size = (moved.shape[1], moved.shape[0])
    scores = []
    for frame in codes:
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA).reshape(*moved.shape, -1)
        away = (small / 255.0 - 0.5) / 0.2
        exposed = np.exp(-0.5 * away * away).prod(axis=2)
        scores.append(np.bincount(labels.ravel(), exposed.ravel(), minlength=count))
    table = np.stack(scores)
    # Equal frames are equally good; then the reference is as good as any.
    table[reference] *= 1.0 + 1e-9
    best = np.argmax(table, axis=0)
    best[0] = -1
    return np.asarray(best[labels], np.intp)
