"""The map from one frame to another, coarse by key points or ECC, then exact by patches."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._frame_views import FrameView, ToneMap, tone_map
from sfumato.capture._lie_together import offset_of_blurred
from sfumato.capture._patches import Shifts, measure_shifts
from sfumato.core.opencv import cv2
from sfumato.errors import AlignmentError
from sfumato.features.homography import (
    MapModel,
    check_homography,
    estimate_homography,
    map_points,
    refine_homography,
    transfer_error,
)
from sfumato.features.match import match_keypoints

__all__ = [
    "STRONG_PATCHES",
    "Registration",
    "Searching",
    "corner_shift_px",
    "refined",
    "refuse_implausible",
    "register",
]

Matrix = NDArray[np.float64]
NO_POINTS = np.zeros((0, 2), np.float32)

IDENTITY_PX = 0.1
"""Frames whose corners move less (rms) stay as they are: resampling would cost more
sharpness than so small a shift."""
SCALE_RANGE = (0.7, 1.4)
"""Frames of one series are not zoomed farther than this."""
MIN_OVERLAP = 0.3
SAME_EV = 0.1
BLUR_PX = 1.5
"""Smoothing before agreement is measured, or the smoothing of the warp itself would win."""
COARSE_PX = 1.5
"""Inlier threshold of key points, in pixels of the small picture."""
MIN_SHARE = 0.04
"""Below this share of all matches, agreement is chance."""
MIN_PATCHES = 12
STRONG_PATCHES = 40
"""So many patches are evidence enough by themselves."""
CLEARLY = 0.6
MIN_PATCH_SHARE = 0.35
MAX_PATCHES = 240
CELLS = (32, 24)
ROUNDS = 8
ECC_LONG_SIDE_PX = 800
ECC_LEVELS = 3
MODELS: tuple[MapModel, ...] = ("translation", "similarity", "affine", "homography")
FREEDOM = {"identity": 0, "translation": 2, "similarity": 4, "affine": 6, "homography": 8}
PASSES = ((20, 3.0, 8.0), (15, 1.0, 3.0))
"""Radius, smoothing and farthest shift of the patches: first far, then sharp."""


@dataclass(frozen=True, slots=True)
class Searching:
    """How the map between two frames is sought; the settings of `AlignFrames`."""

    model: MapModel
    ratio: float
    min_inliers: int
    ecc_fallback: bool


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """The map from a frame to another one and what it rests on.

    ``patches`` is the number of patches at full size that agree, 0 where none could be
    measured and the key points alone decide.
    """

    matrix: Matrix
    method: Literal["sift", "ecc", "identity"]
    matches: int
    inliers: int
    patches: int
    residual_px: float
    points_frame: NDArray[np.float32]
    points_reference: NDArray[np.float32]


def register(
    view: FrameView,
    view_other: FrameView,
    how: Searching,
) -> Registration:
    """Find the map that carries the frame onto the other one.

    Raises:
        AlignmentError: neither key points nor ECC give a plausible map.
    """
    try:
        coarse = _by_keypoints(view, view_other, how)
        better = refined(view, view_other, coarse, how)
        # Many key points carry a map alone; few need the patches to confirm them.
        if better is not None or coarse.inliers >= 2 * how.min_inliers:
            return _never_worse(better or coarse, view, view_other)
        failure = AlignmentError(
            f"{coarse.inliers} matches agree, and the pictures differ where they say"
        )
    except AlignmentError as error:
        failure = error
    if how.ecc_fallback:
        by_ecc = _by_ecc(view, view_other, how)
        if by_ecc is not None:
            return _never_worse(by_ecc, view, view_other)
        offset_px = offset_of_blurred(view, view_other)
        if offset_px is not None:
            return Registration(np.eye(3), "identity", 0, 0, 0, offset_px, NO_POINTS, NO_POINTS)
        raise AlignmentError(f"{failure.message}; ECC finds nothing either")
    raise failure


def refined(
    view: FrameView,
    view_other: FrameView,
    coarse: Registration,
    how: Searching,
) -> Registration | None:
    """Make a map exact by patches at full size; None where too few can be measured."""
    matrix, shifts = coarse.matrix, None
    tones = _tones(view, view_other)
    for radius, sigma, limit_px in PASSES:
        centres = _centres(view, view_other, matrix, radius + 3)
        if len(centres) < MIN_PATCHES:
            return None
        found = measure_shifts(
            view.pixels,
            view_other.pixels,
            matrix,
            centres,
            radius=radius,
            sigma=sigma,
            limit_px=limit_px,
            tones=tones,
        )
        if len(found) < MIN_PATCHES:
            return None
        matrix, inliers = _robust_fit(found, matrix, how.model)
        if inliers.sum() < max(MIN_PATCHES, MIN_PATCH_SHARE * len(found)):
            return None
        shifts = found.only(inliers)
    assert shifts is not None
    name, matrix = _simplest(shifts, how.model)
    refuse_implausible(matrix, view.size)
    if name == "identity" or corner_shift_px(matrix, view.size) < IDENTITY_PX:
        name, matrix = "identity", np.eye(3)
    error = transfer_error(matrix, shifts.frame, shifts.reference)
    return Registration(
        matrix=matrix,
        method="identity" if name == "identity" else coarse.method,
        matches=coarse.matches,
        inliers=coarse.inliers,
        patches=len(shifts),
        residual_px=float(np.sqrt((error**2).mean())),
        points_frame=coarse.points_frame,
        points_reference=coarse.points_reference,
    )


def _never_worse(found: Registration, view: FrameView, view_other: FrameView) -> Registration:
    """Keep a frame as it is where the pictures agree better without the map."""
    moved = corner_shift_px(found.matrix, view.size)
    # Many patches that leave clearly less than the map removes need no second opinion.
    proven = found.patches >= STRONG_PATCHES and found.residual_px < CLEARLY * moved
    if found.method == "identity" or proven:
        return found
    if _agreement_gain(found.matrix, view, view_other) > 0.0:
        return found
    return replace(found, matrix=np.eye(3), method="identity")


def _agreement_gain(matrix: Matrix, view: FrameView, view_other: FrameView) -> float:
    """Give how much the correlation of the evened pictures gains by a map."""
    grow = _enlargement(*view.scale)
    small = np.linalg.inv(grow) @ matrix @ grow
    seen, own = (cv2.GaussianBlur(v.even, (0, 0), BLUR_PX) for v in (view, view_other))
    size = own.shape[::-1]
    moved = cv2.warpPerspective(seen, small, size)
    inside = cv2.warpPerspective(np.ones_like(seen), small, size) > 0
    with_map, without = (np.corrcoef(own[inside], p[inside])[0, 1] for p in (moved, seen))
    return float(np.nan_to_num(with_map)) - float(np.nan_to_num(without))


def _tones(view: FrameView, view_other: FrameView) -> tuple[ToneMap | None, ToneMap | None]:
    if abs(view.exposure - view_other.exposure) < SAME_EV:
        return None, None
    if view.exposure < view_other.exposure:
        return tone_map(view, view_other), None
    return None, tone_map(view_other, view)


def corner_shift_px(matrix: NDArray[Any], size: tuple[int, int]) -> float:
    """Give how far a map moves the corners of a picture, root mean square."""
    corners = _corners(size)
    return float(np.sqrt(((map_points(matrix, corners) - corners) ** 2).sum(axis=1).mean()))


def _corners(size: tuple[int, int]) -> Matrix:
    right, bottom = size[1] - 1.0, size[0] - 1.0
    return np.array([(0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom)])


def _by_keypoints(view: FrameView, view_other: FrameView, how: Searching) -> Registration:
    a, b = view.keypoints, view_other.keypoints
    pairs = match_keypoints(a, b, ratio=how.ratio)
    src, dst = a.points[pairs[:, 0]], b.points[pairs[:, 1]]
    wanted = max(how.min_inliers, int(MIN_SHARE * len(pairs)))
    if len(pairs) < wanted:
        raise AlignmentError(f"{len(pairs)} matches, at least {wanted} are needed")
    fit = estimate_homography(
        src,
        dst,
        threshold_px=COARSE_PX * max(view.scale),
        min_inliers=wanted,
        size=view.size,
    )
    matrix, kept = fit.matrix, fit.inliers
    if how.model != "homography":
        matrix = refine_homography(src[kept], dst[kept], model=how.model)
    refuse_implausible(matrix, view.size)
    error = transfer_error(matrix, src[kept], dst[kept])
    return Registration(
        matrix=matrix,
        method="sift",
        matches=len(pairs),
        inliers=int(kept.sum()),
        patches=0,
        residual_px=float(np.sqrt((error**2).mean())),
        points_frame=src[kept],
        points_reference=dst[kept],
    )


def refuse_implausible(matrix: Matrix, size: tuple[int, int]) -> None:
    """Refuse a map between frames that no series of one scene has.

    Raises:
        AlignmentError: the map folds, mirrors or zooms, or hardly anything is shared.
    """
    check_homography(matrix, size, scale_range=SCALE_RANGE)
    quad = map_points(matrix, _corners(size)).astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(quad, _corners(size).astype(np.float32))
    overlap = shared / max(1.0, (size[0] - 1) * (size[1] - 1))
    if overlap < MIN_OVERLAP:
        raise AlignmentError(
            f"the frames would share {100 * max(overlap, 0):.0f} % of their area only"
        )


def _by_ecc(view: FrameView, view_other: FrameView, how: Searching) -> Registration | None:
    matrix = _ecc_matrix(view, view_other, how.model)
    if matrix is None:
        return None
    coarse = Registration(matrix, "ecc", 0, 0, 0, 0.0, NO_POINTS, NO_POINTS)
    try:
        refuse_implausible(matrix, view.size)
        return refined(view, view_other, coarse, how)
    except AlignmentError:
        return None


def _ecc_matrix(view: FrameView, view_other: FrameView, model: MapModel) -> Matrix | None:
    """Maximise the correlation of the evened pictures, coarse to fine."""
    kind = {"translation": cv2.MOTION_TRANSLATION, "similarity": cv2.MOTION_EUCLIDEAN}.get(
        model, cv2.MOTION_AFFINE
    )
    height, width = view.even.shape
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)
    warp = np.eye(3)
    for level in reversed(range(ECC_LEVELS)):
        shrink = min(1.0, ECC_LONG_SIDE_PX / max(height, width)) / 2**level
        size = (max(16, round(width * shrink)), max(16, round(height * shrink)))
        seen, own = (
            cv2.GaussianBlur(cv2.resize(v.even, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
            for v in (view, view_other)
        )
        grow = _enlargement(width / size[0], height / size[1])
        start = (np.linalg.inv(grow) @ warp @ grow)[:2].astype(np.float32)
        try:
            _, found = cv2.findTransformECC(own, seen, start, kind, stop, None, 5)
        except cv2.error:
            # OpenCV has no other way to say that the pictures do not correlate.
            return None
        warp = grow @ np.vstack([found, [0.0, 0.0, 1.0]]) @ np.linalg.inv(grow)
    full = _enlargement(*view.scale)
    return np.asarray(full @ np.linalg.inv(warp) @ np.linalg.inv(full))


def _enlargement(x: float, y: float) -> Matrix:
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])


def _centres(
    view: FrameView,
    view_other: FrameView,
    matrix: Matrix,
    margin: int,
) -> NDArray[np.int64]:
    """Pick strong corners all over the picture that both frames show well."""
    shape = view_other.even.shape[::-1]
    grow = _enlargement(*view.scale)
    small = np.linalg.inv(grow) @ matrix @ grow
    window = max(5, round(2 * margin / max(view.scale))) | 1
    seen = cv2.warpPerspective(_cornerness(view, window), small, shape)
    strength = np.minimum(seen, _cornerness(view_other, window))
    at = _spread_out(strength)
    centres = np.rint(map_points(grow, at)).astype(np.int64)
    far = np.array(view.size[::-1]) - 1 - margin
    back = map_points(np.linalg.inv(matrix), centres)
    inside = (centres >= margin) & (centres <= far) & (back >= margin) & (back <= far)
    return centres[inside.all(axis=1)]


def _spread_out(strength: NDArray[np.float32]) -> NDArray[np.float64]:
    """Take the strongest pixel of each small cell, at first one in every large cell."""
    height, width = strength.shape
    across, down = (-(-width // CELLS[0]), -(-height // CELLS[1]))
    padded = np.zeros((CELLS[1] * down, CELLS[0] * across), np.float32)
    padded[:height, :width] = strength
    blocks = padded.reshape(CELLS[1], down, CELLS[0], across).transpose(0, 2, 1, 3)
    flat = blocks.reshape(CELLS[0] * CELLS[1], -1)
    best, where = flat.max(axis=1), flat.argmax(axis=1)
    row, column = np.divmod(np.arange(len(flat)), CELLS[0])
    order = np.argsort(-best, kind="stable")
    order = order[best[order] > 0.0]
    large = (row[order] // 2) * CELLS[0] + column[order] // 2
    by_cell = np.argsort(large, kind="stable")
    starts = np.searchsorted(large[by_cell], large[by_cell])
    turn = np.empty(len(order), int)
    turn[by_cell] = np.arange(len(order)) - starts
    chosen = np.sort(order[np.argsort(turn, kind="stable")][:MAX_PATCHES])
    x = column[chosen] * across + where[chosen] % across
    y = row[chosen] * down + where[chosen] // across
    return np.stack([x, y], axis=1).astype(np.float64)


def _cornerness(view: FrameView, window: int) -> NDArray[np.float32]:
    return np.asarray(cv2.cornerMinEigenVal(view.even, window))


def _robust_fit(
    shifts: Shifts, matrix: Matrix, model: MapModel
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Fit with Tukey's weights: moving things pull no longer once they are far off."""
    centre = np.median(shifts.reference - map_points(matrix, shifts.frame), axis=0)
    matrix = np.array([[1, 0, centre[0]], [0, 1, centre[1]], [0, 0, 1]]) @ matrix
    scale = 1.0
    for _ in range(ROUNDS):
        error = transfer_error(matrix, shifts.frame, shifts.reference) / shifts.spread
        # The median of a Rayleigh distribution is 1.177 times its scale.
        scale = max(float(np.median(error)) / 1.177, 0.3)
        tukey = np.clip(1.0 - (error / (4.7 * scale)) ** 2, 0.0, None) ** 2
        used = tukey > 0
        if used.sum() < MIN_PATCHES:
            break
        picked = shifts.only(used)
        matrix = refine_homography(
            picked.frame,
            picked.reference,
            matrix,
            weights=tukey[used] / picked.spread**2,
            model=model,
        )
    error = transfer_error(matrix, shifts.frame, shifts.reference) / shifts.spread
    return matrix, error < 3.5 * scale


def _simplest(shifts: Shifts, most: MapModel) -> tuple[str, Matrix]:
    """Choose the least free map that explains the shifts (Bayesian information criterion)."""
    weights = 1.0 / shifts.spread**2
    count = 2 * len(shifts)

    def score(matrix: Matrix, freedom: int) -> float:
        error = transfer_error(matrix, shifts.frame, shifts.reference)
        # Copies of one frame leave no error at all: the floor keeps the logarithm finite.
        misfit = float((weights * error**2).sum()) / count + 1e-6
        return count * math.log(misfit) + freedom * math.log(count)

    candidates: list[tuple[float, str, Matrix]] = [(score(np.eye(3), 0), "identity", np.eye(3))]
    for model in MODELS[: MODELS.index(most) + 1]:
        fit = refine_homography(shifts.frame, shifts.reference, weights=weights, model=model)
        candidates.append((score(fit, FREEDOM[model]), model, fit))
    _, name, matrix = min(candidates, key=lambda item: item[0])
    return name, matrix
