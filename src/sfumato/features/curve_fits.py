"""Lines and circles through points, with what the points leave uncertain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import RangeError, ShapeError
from sfumato.features.edge_points import EdgePoints

__all__ = ["CircleFit", "LineFit", "check_points", "fit_circle", "fit_line", "noise_variance"]

Array = NDArray[np.float64]

STEPS = 50
SETTLED = 1e-12
SINGULAR = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class LineFit:
    """The line through x cos a + y sin a = d.

    Args:
        angle_rad: direction a of the normal; for edges it points to the bright side.
        distance_px: d, from the origin along the normal.
        center: weighted mean of the points; it lies on the line.
        covariance: of angle and distance, (2, 2).
        rms_px: root of the weighted mean square of the distances to the line.
    """

    angle_rad: float
    distance_px: float
    center: tuple[float, float]
    covariance: Array
    rms_px: float

    @property
    def normal(self) -> tuple[float, float]:
        """Unit vector across the line."""
        return math.cos(self.angle_rad), math.sin(self.angle_rad)


@dataclass(frozen=True, slots=True, eq=False)
class CircleFit:
    """A circle.

    Args:
        center: x and y in pixels.
        radius_px: its radius.
        covariance: of centre x, centre y and radius, (3, 3).
        rms_px: root of the weighted mean square of the distances to the circle.
    """

    center: tuple[float, float]
    radius_px: float
    covariance: Array
    rms_px: float


def fit_line(points: EdgePoints | NDArray[Any], weights: NDArray[Any] | None = None) -> LineFit:
    """Fit a line: least squares of the distances across it, in closed form.

    The covariance takes the errors of the points as independent, equal across the line
    for equal weights (variance in proportion to 1 / weight), and as large as the
    residuals say. Neighbouring edge points share pixels, so their errors are not quite
    independent and the covariance is somewhat too small.

    Args:
        points: edge points, or x and y.
        weights: of each point; all 1 without it.

    Shape:
        points (k, 2), k ≥ 2; weights (k,).

    Raises:
        ShapeError: not such points, or too few of them.
        RangeError: NaN, a negative weight, or points all in one place.

    Example:
        >>> line = fit_line(np.array([[0, 1], [1, 2], [2, 3]]))
        >>> round(abs(line.distance_px), 6), round(line.rms_px, 6)
        (0.707107, 0.0)
    """
    places, weight = check_points(points, weights, "fit_line", 2)
    total = weight.sum()
    center = weight @ places / total
    away = places - center
    spread = (away * weight[:, None]).T @ away
    values, vectors = np.linalg.eigh(spread)
    if values[1] <= SINGULAR * max(1.0, float(np.abs(center).max())):
        raise RangeError("fit_line: the points lie all in one place")
    normal = vectors[:, 0]
    if isinstance(points, EdgePoints) and float((weight @ points.normals) @ normal) < 0.0:
        normal = -normal
    residual = away @ normal
    variance = noise_variance(residual, weight, 2)
    along = float(center @ np.array([-normal[1], normal[0]]))
    about_angle, about_shift = variance / values[1], variance / total
    # Turning about the centre of the points moves the distance from the origin.
    covariance = np.array(
        [
            [about_angle, about_angle * along],
            [about_angle * along, about_shift + about_angle * along**2],
        ]
    )
    return LineFit(
        math.atan2(normal[1], normal[0]),
        float(center @ normal),
        (float(center[0]), float(center[1])),
        covariance,
        math.sqrt(float(weight @ residual**2 / total)),
    )


def fit_circle(points: EdgePoints | NDArray[Any], weights: NDArray[Any] | None = None) -> CircleFit:
    """Fit a circle: least squares of the distances to it.

    Gauss-Newton in float64 from Taubin's algebraic circle, whose own error is small
    even on short arcs. The covariance is that of `fit_line`.

    Args:
        points: edge points, or x and y.
        weights: of each point; all 1 without it.

    Shape:
        points (k, 2), k ≥ 3; weights (k,).

    Raises:
        ShapeError: not such points, or too few of them.
        RangeError: NaN, a negative weight, or points on a line.

    Example:
        >>> angle = np.linspace(0, 3, 20)
        >>> circle = fit_circle(np.c_[5 + 4 * np.cos(angle), 7 + 4 * np.sin(angle)])
        >>> [round(v, 6) for v in (*circle.center, circle.radius_px)]
        [5.0, 7.0, 4.0]

    References:
        G. Taubin. Estimation of Planar Curves, Surfaces, and Nonplanar Space Curves.
        IEEE TPAMI, 1991. doi:10.1109/34.103273
    """
    places, weight = check_points(points, weights, "fit_circle", 3)
    origin = weight @ places / weight.sum()
    scale = math.sqrt(float(weight @ ((places - origin) ** 2).sum(axis=1) / weight.sum()))
    if not scale > 0.0:
        raise RangeError("fit_circle: the points lie all in one place")
    near = (places - origin) / scale
    theta = _taubin(near, weight)
    root = np.sqrt(weight)
    residual, jacobian = _circle_residual(theta, near)
    for _ in range(STEPS):
        step = np.linalg.lstsq(jacobian * root[:, None], -residual * root, rcond=None)[0]
        damping = 1.0
        cost = float(weight @ residual**2)
        while damping > 1e-6:
            trial = theta + damping * step
            new_residual, new_jacobian = _circle_residual(trial, near)
            if trial[2] > 0.0 and float(weight @ new_residual**2) <= cost:
                break
            damping *= 0.5
        else:
            break
        theta, residual, jacobian = trial, new_residual, new_jacobian
        if float(np.abs(damping * step).max()) < SETTLED * max(1.0, float(theta[2])):
            break
    normal_matrix = (jacobian * weight[:, None]).T @ jacobian
    variance = noise_variance(residual, weight, 3)
    inverse = np.asarray(np.linalg.pinv(normal_matrix, hermitian=True), np.float64)
    covariance = inverse * (variance * scale**2)
    cx, cy = origin + scale * theta[:2]
    rms = scale * math.sqrt(float(weight @ residual**2 / weight.sum()))
    return CircleFit((float(cx), float(cy)), float(scale * theta[2]), covariance, rms)


def _taubin(p: Array, weight: Array) -> Array:
    """Fit a circle algebraically to points about the origin: A z + B x + C y = const."""
    z = (p * p).sum(axis=1)
    mean = float(weight @ z / weight.sum())
    columns = np.c_[(z - mean) / (2.0 * math.sqrt(mean)), p] * np.sqrt(weight)[:, None]
    _, singular, rows = np.linalg.svd(columns, full_matrices=False)
    a, b, c = rows[-1]
    a = a / (2.0 * math.sqrt(mean))
    if singular[1] < SINGULAR * singular[0] or abs(a) < SINGULAR:
        raise RangeError("fit_circle: the points lie on a line", hint="use fit_line")
    center = np.array([-b, -c]) / (2.0 * a)
    radius = math.sqrt(float(center @ center) + mean)
    return np.array([center[0], center[1], radius])


def _circle_residual(theta: Array, p: Array) -> tuple[Array, Array]:
    away = p - theta[:2]
    distance = np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-300)
    jacobian = np.c_[-away / distance[:, None], -np.ones(len(p))]
    return distance - theta[2], jacobian


def check_points(
    points: EdgePoints | NDArray[Any], weights: NDArray[Any] | None, who: str, least: int
) -> tuple[Array, Array]:
    """Give points and weights of positive weight as float64, or refuse them.

    Raises:
        ShapeError: not (k, 2), weights of another length, or fewer points than ``least``.
        RangeError: NaN, infinity, or a negative weight.
    """
    given = points.points if isinstance(points, EdgePoints) else points
    places = np.asarray(given, np.float64)
    if places.ndim != 2 or places.shape[1] != 2:
        raise ShapeError(f"{who}: expected points (k, 2), got shape {places.shape}")
    weight = np.ones(len(places)) if weights is None else np.asarray(weights, np.float64)
    if weight.shape != (len(places),):
        raise ShapeError(f"{who}: {len(places)} points, but weights of shape {weight.shape}")
    if not (np.isfinite(places).all() and np.isfinite(weight).all()) or (weight < 0).any():
        raise RangeError(f"{who}: the points or weights hold NaN, infinity or negative weights")
    used = weight > 0
    if np.count_nonzero(used) < least:
        raise ShapeError(f"{who}: {np.count_nonzero(used)} points, {least} are needed")
    return places[used], weight[used]


def noise_variance(residual: Array, weight: Array, parameters: int) -> float:
    """Give the variance of a point of weight 1, from what a fit left over."""
    return float(weight @ residual**2) / max(len(residual) - parameters, 1)
