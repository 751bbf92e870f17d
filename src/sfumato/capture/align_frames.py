"""Bring the frames of a bracket, burst or focus series onto each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._common_area import common_area
from sfumato.capture._frame_views import FrameView, look_at
from sfumato.capture._register import (
    STRONG_PATCHES,
    Registration,
    Searching,
    refined,
    refuse_implausible,
    register,
)
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, Stack
from sfumato.errors import AlignmentError, RangeError, ShapeError
from sfumato.features.homography import map_points

__all__ = ["AlignFrames", "FrameAlignment"]

Rectangle = tuple[int, int, int, int]
WaysOut = Literal["error", "drop", "keep"]

BRACKET_EV = 0.4
"""Frames whose brightness differs by more than this are a bracket."""
MIN_COMMON = 0.25
"""Frames that share less of their area are no series."""
HINT = (
    "leave the frame out (--drop-unaligned, on_failure='drop'), fuse the frames as they "
    "are (--no-align), or photograph with more overlap"
)


def _no_points() -> NDArray[np.float32]:
    return np.zeros((0, 2), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class FrameAlignment:
    """How one frame was brought onto the reference.

    Args:
        frame: its place in the stack that came in.
        homography: float64 (3, 3), from pixels of the frame to pixels of the
            reference, before cropping.
        method: ``sift`` or ``ecc`` found the map; ``identity``: the frame already lay
            right and was not resampled; ``reference``: it is the reference;
            ``dropped`` and ``unaligned``: no map was found.
        matches: pairs of key points that passed the ratio test.
        inliers: how many of them agree with the map.
        residual_px: root mean square distance of what agrees, at full size.
        points_frame: float32 (m, 2), the agreeing key points in the frame.
        points_reference: float32 (m, 2), the same places in the reference.
        reason: why no map was found.
    """

    frame: int
    homography: NDArray[np.float64]
    method: Literal["sift", "ecc", "identity", "reference", "dropped", "unaligned"]
    matches: int = 0
    inliers: int = 0
    residual_px: float = 0.0
    points_frame: NDArray[np.float32] = field(default_factory=_no_points)
    points_reference: NDArray[np.float32] = field(default_factory=_no_points)
    reason: str = ""


class AlignFrames(Operator):
    """Bring the frames of a series onto a reference and cut to what all of them show.

    Exposure and contrast are evened out, SIFT key points matched and a homography
    found robustly at a reduced size. Then patches at full size, each with a gain of
    its own, are followed to a few hundredths of a pixel, and the least free map that
    explains them is taken (translation to homography). Frames that lie right already
    (corners within 0.1 px) are left bit for bit as they are. Where exposures
    lie too far apart the path leads through a frame between; where key points fail,
    ECC on the evened pictures is tried.

    The record is in ``meta``: ``alignment``, a tuple of `FrameAlignment` for every frame
    that came in; ``reference``, the place of the reference in the stack that comes
    out; ``crop``, (top, left, height, width) of the common area in the reference.
    Mask, depth, target and the like are taken to lie on the reference.

    Args:
        reference: place of the frame that stays; without it the one that ``meta`` names,
            else the best exposed frame of a bracket, else the middle one.
        chain: ``reference`` matches each frame with the reference; ``neighbors`` goes from
            frame to frame in their order, as focus series need it.
        model: the freest map that is allowed.
        ratio: nearest over second nearest descriptor distance of a match.
        min_inliers: fewer agreeing matches are no alignment.
        crop: cut to the largest rectangle that all frames cover; else the outside of
            a moved frame repeats its edge.
        on_failure: what happens with a frame that cannot be aligned: ``error``,
            ``drop`` it, or ``keep`` it as it is.
        ecc_fallback: try ECC where key points fail.

    Shape:
        reads ``stack`` (n, h, w, c), 1 to 4 channels; writes ``stack`` (m, h', w', c),
        ``image`` (the reference) and ``meta``.

    Raises:
        AlignmentError: a frame cannot be aligned, or the frames share too little.
        RangeError: ``reference`` is not in the stack, or a frame holds NaN.
        ShapeError: more than 4 channels.

    Example:
        >>> from sfumato.core.opencv import cv2
        >>> rng = np.random.default_rng(0)
        >>> scene = cv2.GaussianBlur(rng.random((240, 300, 3), np.float32), (0, 0), 2)
        >>> scene = (scene - scene.min()) / (scene.max() - scene.min())
        >>> bracket = np.stack([scene[4:204, 3:263], scene[:200, :260] * np.float32(0.25)])
        >>> out = AlignFrames(reference=0)(Sample(bracket[0], stack=bracket))
        >>> moved = out.meta["alignment"][1]
        >>> moved.homography[:2, 2].round(1).tolist(), out.stack.shape[1] < 200
        ([-3.0, -4.0], True)

    References:
        D. Lowe. Distinctive Image Features from Scale-Invariant Keypoints. IJCV, 2004.
        G. Evangelidis, E. Psarakis. Parametric Image Alignment Using Enhanced
        Correlation Coefficient Maximization. TPAMI, 2008. doi:10.1109/TPAMI.2008.113
    """

    reads = ("stack",)
    writes = ("stack", "image", "meta")
    _example = {"on_failure": "keep"}

    reference: Annotated[int, Between(0)] | None = None
    chain: Literal["reference", "neighbors"] = "reference"
    model: Literal["homography", "affine", "similarity", "translation"] = "homography"
    ratio: Annotated[float, Between(0.3, 1.0)] = 0.8
    min_inliers: Annotated[int, Between(4, 10_000)] = 12
    crop: bool = True
    on_failure: WaysOut = "error"
    ecc_fallback: bool = True

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        stack: Stack = sample.require("stack", "AlignFrames")
        if stack.shape[3] > 4:
            raise ShapeError(f"AlignFrames: up to 4 channels, got {stack.shape[3]}")
        names = _names(sample.meta, len(stack))
        views = [look_at(frame, name) for frame, name in zip(stack, names, strict=True)]
        reference = self._reference(sample.meta, views)
        records = self._register_all(views, reference, names)
        kept = [record.frame for record in records if record.method != "dropped"]
        if len(kept) < 2 <= len(stack):
            raise AlignmentError(
                f"AlignFrames: no frame can be aligned with {names[reference]}", hint=HINT
            )
        area = self._area([records[k] for k in kept], stack.shape[1:3])
        window = area if self.crop else (0, 0, *stack.shape[1:3])
        aligned = _warped(stack, [records[k] for k in kept], window)
        meta = dict(sample.meta)
        meta |= {"alignment": tuple(records), "reference": kept.index(reference), "crop": area}
        frames = sample.meta.get("frames")
        if frames is not None and len(frames) == len(stack):
            meta["frames"] = tuple(frames[k] for k in kept)
        chosen = aligned[kept.index(reference)].copy()
        cut = _cut_along(sample, stack.shape[1:3], window)
        return sample.but(stack=aligned, image=chosen, meta=meta, **cut)

    def _reference(self, meta: Mapping[str, Any], views: Sequence[FrameView]) -> int:
        wanted = self.reference if self.reference is not None else meta.get("reference")
        if wanted is not None:
            if not 0 <= wanted < len(views):
                raise RangeError(
                    f"AlignFrames: reference {wanted} is not one of {len(views)} frames",
                    hint="the first frame is 0",
                )
            return int(wanted)
        middle = (len(views) - 1) // 2
        exposures = [view.exposure for view in views]
        if max(exposures) - min(exposures) < BRACKET_EV:
            return middle
        ranked = range(len(views))
        return max(ranked, key=lambda k: (views[k].well_exposed, -abs(k - middle)))

    def _register_all(
        self, views: Sequence[FrameView], reference: int, names: Sequence[str]
    ) -> list[FrameAlignment]:
        done = {reference: FrameAlignment(reference, np.eye(3), "reference")}
        lost: dict[int, FrameAlignment] = {}
        order = [k for k in range(len(views)) if k != reference]
        order.sort(key=lambda k: self._distance(k, reference, views))
        for k in order:
            try:
                done[k] = self._register_one(k, views, reference, done)
            except AlignmentError as error:
                if self.on_failure == "error":
                    raise AlignmentError(
                        f"AlignFrames: {names[k]} cannot be aligned with "
                        f"{names[reference]}: {error.message}",
                        hint=HINT,
                    ) from error
                method: Any = "dropped" if self.on_failure == "drop" else "unaligned"
                lost[k] = FrameAlignment(k, np.eye(3), method, reason=error.message)
        return [(done | lost)[k] for k in range(len(views))]

    def _distance(self, k: int, other: int, views: Sequence[FrameView]) -> tuple[float, int]:
        steps = abs(k - other)
        if self.chain == "neighbors":
            return steps, 0
        # Frames that look alike match best; equal exposures go by their order.
        return round(abs(views[k].exposure - views[other].exposure), 1), steps

    def _register_one(
        self,
        k: int,
        views: Sequence[FrameView],
        reference: int,
        done: Mapping[int, FrameAlignment],
    ) -> FrameAlignment:
        how = Searching(self.model, self.ratio, self.min_inliers, self.ecc_fallback)
        through = sorted(done, key=lambda j: self._distance(k, j, views))
        if self.chain == "reference":
            through = [reference, *(j for j in through if j != reference)]
        best: Registration | None = None
        failure: AlignmentError | None = None
        for j in through[:3]:
            try:
                found = register(views[k], views[j], how)
                if j != reference:
                    found = _onwards(found, done[j].homography, views[k].size)
            except AlignmentError as error:
                failure = failure or error
                continue
            if j != reference and self.chain == "reference":
                found = _confirmed(views[k], views[reference], found, how) or found
            if best is None or found.patches > best.patches:
                best = found
            # With fewer patches a path through a frame of closer exposure is tried as well.
            if self.chain == "neighbors" or best.patches >= STRONG_PATCHES:
                break
        if best is None:
            raise failure or AlignmentError("there is nothing to align it with")
        return FrameAlignment(
            frame=k,
            homography=best.matrix,
            method=best.method,
            matches=best.matches,
            inliers=best.inliers,
            residual_px=best.residual_px,
            points_frame=best.points_frame,
            points_reference=best.points_reference,
        )

    def _area(self, records: Sequence[FrameAlignment], size: tuple[int, ...]) -> Rectangle:
        height, width = size
        moved = [None if _is_still(record) else record.homography for record in records]
        area = common_area(moved, (height, width))
        if area[2] * area[3] < MIN_COMMON * height * width:
            raise AlignmentError(
                f"AlignFrames: the frames share {area[3]} x {area[2]} of {width} x {height} "
                "pixels only",
                hint=HINT,
            )
        return area


def _names(meta: Mapping[str, Any], count: int) -> list[str]:
    frames = meta.get("frames") or ()
    files = [frame.get("file_name") for frame in frames] if len(frames) == count else []
    files += [None] * (count - len(files))
    return [f"frame {k + 1}" + (f" ({name})" if name else "") for k, name in enumerate(files)]


def _is_still(record: FrameAlignment) -> bool:
    return bool((record.homography == np.eye(3)).all())


def _onwards(
    found: Registration, matrix: NDArray[np.float64], size: tuple[int, int]
) -> Registration:
    """Carry a map to a frame between on to the reference."""
    onward = matrix @ found.matrix
    refuse_implausible(onward, size)
    return replace(
        found,
        matrix=onward / onward[2, 2],
        points_reference=map_points(matrix, found.points_reference).astype(np.float32),
    )


def _confirmed(
    view: FrameView, reference: FrameView, found: Registration, how: Searching
) -> Registration | None:
    """Measure a map that came through a frame between directly, where that works."""
    try:
        direct = refined(view, reference, found, how)
    except AlignmentError:
        return None
    return direct if direct is not None and direct.patches >= STRONG_PATCHES else None


def _warped(stack: Stack, records: Sequence[FrameAlignment], window: Rectangle) -> Stack:
    top, left, height, width = window
    out = np.empty((len(records), height, width, stack.shape[3]), stack.dtype)
    to_window = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    for aligned, record in zip(out, records, strict=True):
        frame = stack[record.frame]
        if _is_still(record):
            aligned[...] = frame[top : top + height, left : left + width]
        else:
            aligned[...] = _resampled(frame, to_window @ record.homography, (height, width))
    return out


def _resampled(frame: Image, matrix: NDArray[np.float64], size: tuple[int, int]) -> Image:
    height, width = size
    warped = cv2.warpPerspective(
        frame,
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(height, width, -1)
    if frame.dtype == np.float32:
        # Cubic interpolation overshoots at edges; integers are clipped by OpenCV already.
        np.clip(warped, frame.min(), frame.max(), out=warped)
    return np.asarray(warped)


def _cut_along(sample: Sample, size: tuple[int, ...], window: Rectangle) -> dict[str, Any]:
    top, left, height, width = window
    if sample.size != tuple(size):
        return {}
    cut: dict[str, Any] = {}
    for name in ("mask", "depth", "hint", "target"):
        plane = getattr(sample, name)
        if plane is not None and plane.shape[:2] == sample.size:
            cut[name] = plane[top : top + height, left : left + width].copy()
    for name, columns in (("keypoints", 2), ("boxes", 4)):
        table = getattr(sample, name)
        if table is not None:
            moved = table.copy()
            moved[:, :columns] -= np.tile([left, top], columns // 2).astype(table.dtype)
            cut[name] = moved
    return cut
