"""Lines and circles through points, with what the points leave uncertain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import RangeError, ShapeError
from sfumato.features._grey_fit import fit_grey
from sfumato.features.edge_points import EdgePoints
from sfumato.features.grey_step import GreyStep

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
        step: of the fit to the grey values, where a picture was given.
    """

    angle_rad: float
    distance_px: float
    center: tuple[float, float]
    covariance: Array
    rms_px: float
    step: GreyStep | None = None

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
        step: of the fit to the grey values, where a picture was given.
    """

    center: tuple[float, float]
    radius_px: float
    covariance: Array
    rms_px: float
    step: GreyStep | None = None


def fit_line(
    points: EdgePoints | NDArray[Any],
    weights: NDArray[Any] | None = None,
    *,
    image: NDArray[Any] | None = None,
) -> LineFit:
    """Fit a line: least squares of the distances across it, in closed form.

    The covariance takes the errors of the points as independent, equal across the line
    for equal weights (variance in proportion to 1 / weight), and as large as the
    residuals say. Neighbouring edge points share pixels, so their errors are not quite
    independent and the covariance is somewhat too small.

    With the picture, that line is only the start: line, both grey values and blur are
    fitted to the pixels around the points, each the exact area integral of a blurred
    step. Under even white noise this is the most likely line; its error is that of the
    bound of Cramér and Rao, and the covariance is that bound. It wants values in
    proportion to light, even ground within 2 px + 3 blurs on both sides, and no other
    edge there.

    Args:
        points: edge points, or x and y.
        weights: of each point; all 1 without it.
        image: the picture that the points were found in; uint8, uint16 or float32.

    Shape:
        points (k, 2), k ≥ 2; weights (k,); image (h, w), (h, w, 1) or (h, w, 3).

    Raises:
        ShapeError: not such points or picture, or too few of them.
        DtypeError: a picture of another dtype.
        RangeError: NaN, a negative weight, points all in one place, or a picture
            without a clear step along the line.

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
    middle = float(center[0]), float(center[1])
    angle, distance = math.atan2(normal[1], normal[0]), float(center @ normal)
    rms = math.sqrt(float(weight @ residual**2 / total))
    line = LineFit(angle, distance, middle, covariance, rms)
    return line if image is None else _grey_line(line, places, weight, points, image)


def _grey_line(
    line: LineFit, places: Array, weight: Array, points: Any, image: NDArray[Any]
) -> LineFit:
    """Refine a line on the picture, about its centre."""
    center = np.array(line.center)

    def shape(theta: Array, p: Array) -> tuple[Array, Array, Array, Array]:
        normal = np.array([math.cos(theta[0]), math.sin(theta[0])])
        away = p - center
        moves = np.stack([away @ [-normal[1], normal[0]], np.full(len(p), -1.0)], axis=1)
        return away @ normal - theta[1], moves, np.tile(normal, (len(p), 1)), np.zeros(len(p))

    start = np.array([line.angle_rad, 0.0])
    theta, covariance, step = fit_grey(
        start, shape, places, edges=points, image=image, who="fit_line"
    )
    normal = np.array([math.cos(theta[0]), math.sin(theta[0])])
    turn = np.array([[1.0, 0.0], [float(center @ [-normal[1], normal[0]]), 1.0]])
    residual = (places - center) @ normal - theta[1]
    x, y = center + theta[1] * normal
    return LineFit(
        math.remainder(float(theta[0]), 2.0 * math.pi),
        float(center @ normal + theta[1]),
        (float(x), float(y)),
        np.asarray(turn @ covariance @ turn.T),
        math.sqrt(float(weight @ residual**2 / weight.sum())),
        step,
    )


def fit_circle(
    points: EdgePoints | NDArray[Any],
    weights: NDArray[Any] | None = None,
    *,
    image: NDArray[Any] | None = None,
) -> CircleFit:
    """Fit a circle: least squares of the distances to it.

    Gauss-Newton in float64 from Taubin's algebraic circle, whose own error is small
    even on short arcs. The covariance is that of `fit_line`. With the picture, the
    circle is then fitted to the grey values, as `fit_line` does; the radius must be
    four blurs and more.

    Args:
        points: edge points, or x and y.
        weights: of each point; all 1 without it.
        image: the picture that the points were found in; uint8, uint16 or float32.

    Shape:
        points (k, 2), k ≥ 3; weights (k,); image (h, w), (h, w, 1) or (h, w, 3).

    Raises:
        ShapeError: not such points or picture, or too few of them.
        DtypeError: a picture of another dtype.
        RangeError: NaN, a negative weight, points on a line, or a picture without a
            clear step along the circle.

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
    theta = scale * theta
    theta[:2] += origin
    grey = None
    if image is not None:
        theta, covariance, grey = fit_grey(
            theta, _disc, places, edges=points, image=image, who="fit_circle"
        )
        residual = _circle_residual(theta, places)[0] / scale
    rms = scale * math.sqrt(float(weight @ residual**2 / weight.sum()))
    center = float(theta[0]), float(theta[1])
    return CircleFit(center, float(theta[2]), covariance, rms, grey)


def _disc(theta: Array, p: Array) -> tuple[Array, Array, Array, Array]:
    """Give distances into a disc, their Jacobian, normals to its inside, and its curvature."""
    residual, jacobian = _circle_residual(theta, p)
    return -residual, -jacobian, jacobian[:, :2], np.full(len(p), 1.0 / theta[2])


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
