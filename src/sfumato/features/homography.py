"""The one perspective map that carries the points of a picture onto another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import AlignmentError, RangeError, ShapeError

__all__ = [
    "HomographyFit",
    "MapModel",
    "check_homography",
    "estimate_homography",
    "map_points",
    "refine_homography",
    "transfer_error",
]

MapModel: TypeAlias = Literal["homography", "affine", "similarity", "translation"]
"""How freely the map may bend a picture: 8, 6, 4 or 2 numbers."""
Matrix: TypeAlias = NDArray[np.float64]
Array: TypeAlias = NDArray[np.float64]

MIN_PAIRS = {"homography": 4, "affine": 3, "similarity": 2, "translation": 1}
ROUNDS = 3
"""Inliers and matrix settle on each other in two or three rounds."""
LM_STEPS = 30
LM_DONE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class HomographyFit:
    """A homography and the pairs that it rests on.

    Args:
        matrix: float64 (3, 3), last element 1, from source to destination points.
        inliers: bool (m,), which pairs agree with it.
        residual_px: root mean square distance of the inliers after mapping, the mean
            of both directions.
    """

    matrix: Matrix
    inliers: NDArray[np.bool_]
    residual_px: float


def map_points(matrix: NDArray[Any], points: NDArray[Any]) -> Array:
    """Carry points over by a homography.

    Shape:
        matrix (3, 3); points (k, 2), x then y; returns (k, 2) float64.

    Example:
        >>> map_points(np.diag([2.0, 2.0, 1.0]), np.array([[1.0, 3.0]])).tolist()
        [[2.0, 6.0]]
    """
    x, y = np.asarray(points, np.float64).T
    ahead, down, depth = (row[0] * x + row[1] * y + row[2] for row in np.asarray(matrix))
    return np.stack([ahead / depth, down / depth], axis=1)


def transfer_error(matrix: NDArray[Any], src: NDArray[Any], dst: NDArray[Any]) -> Array:
    """Give the distance in pixels of each pair: root mean square of there and back.

    Shape:
        matrix (3, 3); src, dst (m, 2); returns (m,).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        there = map_points(matrix, src) - dst
        back = map_points(np.linalg.inv(matrix), dst) - src
        error = np.sqrt(((there**2).sum(axis=1) + (back**2).sum(axis=1)) / 2)
    return np.asarray(np.nan_to_num(error, nan=np.inf))


def estimate_homography(
    src: NDArray[Any],
    dst: NDArray[Any],
    *,
    threshold_px: float = 3.0,
    method: Literal["magsac", "ransac"] = "magsac",
    min_inliers: int = 8,
    size: tuple[int, int] | None = None,
) -> HomographyFit:
    """Find the homography on which most pairs of points agree.

    A robust search that survives wrong pairs comes first, then Levenberg-Marquardt
    in float64 on the pairs within the threshold, which are looked up again with each
    better matrix. A result that no camera could have seen is refused.

    Args:
        src: points of the one picture, x then y.
        dst: the same points in the other picture.
        threshold_px: a pair farther off than this is no inlier.
        method: the robust search.
        min_inliers: with fewer agreeing pairs there is no result.
        size: height and width of the source picture, whose outline must stay a
            convex quadrilateral; without it the extent of the points counts.

    Shape:
        src, dst (m, 2).

    Raises:
        AlignmentError: too few pairs, too few inliers, or a folded, mirrored or
            absurdly scaled picture; the message says which.
        ShapeError: the points are not pairs.
        RangeError: the threshold is not positive, the method is unknown, NaN.

    Example:
        >>> x, y = np.meshgrid(np.arange(5.0), np.arange(4.0))
        >>> src = np.stack([x.ravel(), y.ravel()], axis=1) * 10
        >>> fit = estimate_homography(src, src + (3, -2))
        >>> fit.matrix.round(6)[:, 2].tolist(), int(fit.inliers.sum())
        ([3.0, -2.0, 1.0], 20)

    References:
        D. Barath, J. Noskova, M. Ivashechkin, J. Matas. MAGSAC++, a Fast, Reliable
        and Accurate Robust Estimator. CVPR, 2020. arXiv:1912.05909
        R. Hartley, A. Zisserman. Multiple View Geometry in Computer Vision, chapter 4.
        Cambridge, 2004.
    """
    source, target = _pairs(src, dst, "estimate_homography")
    if not threshold_px > 0.0 or method not in ("magsac", "ransac"):
        raise RangeError(
            f"estimate_homography: expected a positive threshold and 'magsac' or 'ransac', "
            f"got {threshold_px} and {method!r}"
        )
    wanted = max(min_inliers, MIN_PAIRS["homography"])
    if len(source) < wanted:
        raise AlignmentError(
            f"estimate_homography: {len(source)} pairs of points, at least {wanted} are needed"
        )
    matrix, inliers = _agreed(source, target, threshold_px, method, wanted)
    try:
        _check_shape(matrix, _outline(source, size))
    except AlignmentError as refusal:
        said = f"{int(inliers.sum())} of {len(source)} pairs agree on one map, but"
        raise AlignmentError(f"{said} {refusal.message}") from refusal
    error = transfer_error(matrix, source[inliers], target[inliers])
    return HomographyFit(matrix, inliers, float(np.sqrt((error**2).mean())))


def _agreed(
    source: Array, target: Array, threshold_px: float, method: str, wanted: int
) -> tuple[Matrix, NDArray[np.bool_]]:
    flag = cv2.USAC_MAGSAC if method == "magsac" else cv2.RANSAC
    matrix, _ = cv2.findHomography(source, target, flag, threshold_px, None, 5000, 0.9999)
    if matrix is None or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
        raise AlignmentError(f"estimate_homography: no map fits any of the {len(source)} pairs")
    inliers = transfer_error(matrix, source, target) < threshold_px
    for _ in range(ROUNDS):
        if inliers.sum() < wanted:
            break
        matrix = refine_homography(source[inliers], target[inliers], matrix)
        before, inliers = inliers, transfer_error(matrix, source, target) < threshold_px
        if (before == inliers).all():
            break
    if inliers.sum() < wanted:
        raise AlignmentError(
            f"estimate_homography: {int(inliers.sum())} of {len(source)} pairs agree on one map, "
            f"at least {wanted} are needed"
        )
    return matrix, inliers


def refine_homography(
    src: NDArray[Any],
    dst: NDArray[Any],
    initial: NDArray[Any] | None = None,
    *,
    weights: NDArray[Any] | None = None,
    model: MapModel = "homography",
) -> Matrix:
    """Fit a map to pairs that are all right, by least squares there and back.

    Levenberg-Marquardt on the symmetric transfer error, both sets of points moved to
    their centroids and divided by one common spread, so that pixels stay comparable.

    Args:
        src: points of the one picture.
        dst: the same points in the other.
        initial: where to start; an affine least squares fit without it.
        weights: weight of each pair, all 1 without it.
        model: which family of maps.

    Shape:
        src, dst (m, 2); initial (3, 3); weights (m,); returns (3, 3) float64 with
        last element 1.

    Raises:
        AlignmentError: too few pairs, or they lie so that the map is not determined.
        ShapeError: the points are not pairs.

    Example:
        >>> src = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], float)
        >>> refine_homography(src, src + 1, model="translation").round(6).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]
    """
    source, target = _pairs(src, dst, "refine_homography")
    if len(source) < MIN_PAIRS[model]:
        raise AlignmentError(
            f"refine_homography: {len(source)} pairs of points, a {model} needs {MIN_PAIRS[model]}"
        )
    weight = np.ones(len(source)) if weights is None else np.asarray(weights, np.float64)
    root = np.sqrt(weight / weight.mean())
    to_src, to_dst, scale = _common_frame(source, target, weight)
    p, q = (source - to_src) * scale, (target - to_dst) * scale
    basis, offset = _basis(model)
    start = _start(p, q, root, model)
    if initial is not None and model == "homography":
        start = _moved(np.asarray(initial, np.float64), to_src, to_dst, scale, forth=True)
        start = start / start[2, 2]
    theta = np.linalg.lstsq(basis, start.ravel() - offset, rcond=None)[0]
    theta = _levenberg_marquardt(np.asarray(theta), (basis, offset), p, q, root)
    matrix = _moved((offset + basis @ theta).reshape(3, 3), to_src, to_dst, scale, forth=False)
    if not np.isfinite(matrix).all() or abs(matrix[2, 2]) < 1e-12:
        raise AlignmentError("refine_homography: the points do not determine a map")
    return np.asarray(matrix / matrix[2, 2])


def check_homography(
    matrix: NDArray[Any],
    size: tuple[int, int],
    *,
    scale_range: tuple[float, float] = (0.1, 10.0),
) -> None:
    """Refuse a map that folds, mirrors or absurdly scales a picture.

    Args:
        matrix: from the picture to another one.
        size: height and width of the picture.
        scale_range: bounds of the square root of the area ratio.

    Raises:
        AlignmentError: the outline does not stay a convex quadrilateral of the same
            orientation, or its size is out of the range; the message says which.

    Example:
        >>> check_homography(np.diag([-1.0, 1.0, 1.0]), (10, 10))
        Traceback (most recent call last):
        ...
        sfumato.errors.AlignmentError: the map mirrors the picture
    """
    _check_shape(np.asarray(matrix, np.float64), _outline(np.zeros((1, 2)), size), scale_range)


def _check_shape(
    matrix: Matrix, outline: Array, scale_range: tuple[float, float] = (0.1, 10.0)
) -> None:
    depth = outline @ matrix[2, :2] + matrix[2, 2]
    if not np.isfinite(matrix).all() or depth.min() * depth.max() <= 0.0:
        raise AlignmentError("the map sends a part of the picture through infinity")
    if np.linalg.det(matrix / (np.sign(depth[0]) or 1.0)) <= 0.0:
        raise AlignmentError("the map mirrors the picture")
    quad = map_points(matrix, outline)
    edge = np.roll(quad, -1, axis=0) - quad
    following = np.roll(edge, -1, axis=0)
    turn = edge[:, 0] * following[:, 1] - edge[:, 1] * following[:, 0]
    if (turn <= 0.0).any():
        raise AlignmentError("the map folds the picture: its outline is not convex any more")
    scale = float(np.sqrt(_area(quad) / _area(outline)))
    if not scale_range[0] <= scale <= scale_range[1]:
        raise AlignmentError(
            f"the map scales the picture by {scale:.3g}, "
            f"between {scale_range[0]:g} and {scale_range[1]:g} is plausible"
        )


def _area(quad: Array) -> float:
    x, y = quad.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _outline(points: Array, size: tuple[int, int] | None) -> Array:
    if size is None:
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    else:
        x0, y0, x1, y1 = 0.0, 0.0, max(size[1] - 1.0, 1.0), max(size[0] - 1.0, 1.0)
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def _pairs(src: NDArray[Any], dst: NDArray[Any], who: str) -> tuple[Array, Array]:
    source, target = np.asarray(src, np.float64), np.asarray(dst, np.float64)
    if source.ndim != 2 or source.shape[1] != 2 or source.shape != target.shape:
        raise ShapeError(
            f"{who}: expected two arrays (m, 2), got {source.shape} and {target.shape}"
        )
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise RangeError(f"{who}: the points hold NaN or infinity")
    return source, target


def _common_frame(p: Array, q: Array, weight: Array) -> tuple[Array, Array, float]:
    centre_p = np.average(p, axis=0, weights=weight)
    centre_q = np.average(q, axis=0, weights=weight)
    spread = np.hypot(*(p - centre_p).T).mean() + np.hypot(*(q - centre_q).T).mean()
    return centre_p, centre_q, float(2.0 * np.sqrt(2.0) / max(spread, 1e-9))


def _moved(matrix: Matrix, src: Array, dst: Array, scale: float, *, forth: bool) -> Matrix:
    into_src = np.array([[scale, 0, -scale * src[0]], [0, scale, -scale * src[1]], [0, 0, 1]])
    into_dst = np.array([[scale, 0, -scale * dst[0]], [0, scale, -scale * dst[1]], [0, 0, 1]])
    if forth:
        return np.asarray(into_dst @ matrix @ np.linalg.inv(into_src))
    return np.asarray(np.linalg.inv(into_dst) @ matrix @ into_src)


def _basis(model: MapModel) -> tuple[Array, Array]:
    """Write the nine elements as offset + basis @ parameters; the last element stays 1."""
    offset = np.zeros(9)
    offset[8] = 1.0
    if model == "translation":
        offset[[0, 4]] = 1.0
        return np.eye(9)[:, [2, 5]], offset
    if model == "similarity":
        basis = np.zeros((9, 4))
        basis[[0, 4], 0] = 1.0
        basis[1, 1], basis[3, 1] = -1.0, 1.0
        basis[2, 2], basis[5, 3] = 1.0, 1.0
        return basis, offset
    return np.eye(9)[:, : 6 if model == "affine" else 8], offset


def _start(p: Array, q: Array, root: Array, model: MapModel) -> Matrix:
    basis, offset = _basis("affine" if model == "homography" else model)
    ones = np.c_[p, np.ones(len(p))]
    blocks = np.zeros((2, len(p), 9))
    blocks[0, :, 0:3] = ones
    blocks[1, :, 3:6] = ones
    rows = (blocks * root[:, None]).reshape(-1, 9)
    wanted = (q.T * root).reshape(-1) - rows @ offset
    theta = np.linalg.lstsq(rows @ basis, wanted, rcond=None)[0]
    return np.asarray((offset + basis @ theta).reshape(3, 3))


def _levenberg_marquardt(
    theta: Array, family: tuple[Array, Array], p: Array, q: Array, root: Array
) -> Array:
    basis, offset = family
    damping = 1e-4
    residual, slope = _symmetric(offset + basis @ theta, p, q, root)
    cost = float(residual @ residual)
    for _ in range(LM_STEPS):
        jacobian = slope @ basis
        normal = jacobian.T @ jacobian
        grade = jacobian.T @ residual
        damped = normal + damping * np.diag(np.diag(normal) + 1e-12)
        trial = theta - np.linalg.lstsq(damped, grade, rcond=None)[0]
        new_residual, new_slope = _symmetric(offset + basis @ trial, p, q, root)
        new_cost = float(new_residual @ new_residual)
        if not new_cost < cost:
            damping *= 10.0
            if damping > 1e8:
                break
            continue
        done = cost - new_cost <= LM_DONE * cost
        theta, residual, slope, cost = trial, new_residual, new_slope, new_cost
        damping = max(damping / 10.0, 1e-12)
        if done:
            break
    return theta


def _symmetric(elements: Array, p: Array, q: Array, root: Array) -> tuple[Array, Array]:
    """Give the residuals there and back and their slopes by the nine elements."""
    matrix = elements.reshape(3, 3)
    if abs(np.linalg.det(matrix)) < 1e-12:
        return np.full(4 * len(p), np.inf), np.zeros((4 * len(p), 9))
    inverse = np.asarray(np.linalg.inv(matrix), np.float64)
    eye = np.broadcast_to(np.eye(3), (len(p), 3, 3))
    there = _one_way(matrix, p, q, eye, np.c_[p, np.ones(len(p))])
    through = np.c_[q, np.ones(len(q))] @ inverse.T
    # d(inverse) = -inverse d(matrix) inverse
    back = _one_way(inverse, q, p, np.broadcast_to(-inverse, (len(p), 3, 3)), through)
    residual = np.concatenate([there[0], back[0]])
    slope = np.concatenate([there[1], back[1]])
    weights = np.concatenate([root, root])
    return (residual * weights[:, None]).ravel(), (slope * weights[:, None, None]).reshape(-1, 9)


def _one_way(
    matrix: Matrix, start: Array, goal: Array, left: Array, right: Array
) -> tuple[Array, Array]:
    image = np.c_[start, np.ones(len(start))] @ matrix.T
    depth = image[:, 2:]
    reached = image[:, :2] / depth
    # The image moves by left @ dH @ right; the quotient rule does the rest.
    tilt = (left[:, :2, :] - reached[:, :, None] * left[:, 2:, :]) / depth[:, :, None]
    slope = tilt[:, :, :, None] * right[:, None, None, :]
    return reached - goal, slope.reshape(len(start), 2, 9)
