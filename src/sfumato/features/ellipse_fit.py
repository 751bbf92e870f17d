"""An ellipse through points, with what the points leave uncertain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import RangeError
from sfumato.features._grey_fit import fit_grey
from sfumato.features.curve_fits import check_points, noise_variance
from sfumato.features.edge_points import EdgePoints
from sfumato.features.grey_step import GreyStep

__all__ = ["EllipseFit", "fit_ellipse"]

Array = NDArray[np.float64]

STEPS = 60
SETTLED = 1e-11
FOOT_STEPS = 40
FLAT = 1e-10
"""Of the shorter axis squared: what lies nearer to an axis lies on it."""
SINGULAR = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class EllipseFit:
    """An ellipse.

    Args:
        center: x and y in pixels.
        semi_axes_px: the longer and the shorter half axis.
        angle_rad: direction of the longer axis, -pi/2 to pi/2, from x towards y.
        covariance: of centre x, centre y, both half axes and angle, (5, 5). The angle
            of a circle is not determined, its variance is then huge.
        rms_px: root of the weighted mean square of the distances to the ellipse.
        step: of the fit to the grey values, where a picture was given.
    """

    center: tuple[float, float]
    semi_axes_px: tuple[float, float]
    angle_rad: float
    covariance: Array
    rms_px: float
    step: GreyStep | None = None


def fit_ellipse(
    points: EdgePoints | NDArray[Any],
    weights: NDArray[Any] | None = None,
    *,
    image: NDArray[Any] | None = None,
) -> EllipseFit:
    """Fit an ellipse: least squares of the distances to it.

    Levenberg-Marquardt in float64 on the distances to the nearest points of the
    ellipse, from the algebraic ellipse of Halíř and Flusser. The covariance is that of
    `fit_line`. With the picture, the ellipse is then fitted to the grey values, as
    `fit_line` does; its smallest radius of curvature must be four blurs and more.

    Args:
        points: edge points, or x and y.
        weights: of each point; all 1 without it.
        image: the picture that the points were found in; uint8, uint16 or float32.

    Shape:
        points (k, 2), k ≥ 5; weights (k,); image (h, w), (h, w, 1) or (h, w, 3).

    Raises:
        ShapeError: not such points or picture, or too few of them.
        DtypeError: a picture of another dtype.
        RangeError: NaN, a negative weight, points on no ellipse, as on a line, or a
            picture without a clear step along the ellipse.

    Example:
        >>> angle = np.linspace(0, 6, 30)
        >>> ellipse = fit_ellipse(np.c_[5 + 4 * np.cos(angle), 7 + 2 * np.sin(angle)])
        >>> [round(v, 6) for v in (*ellipse.center, *ellipse.semi_axes_px)]
        [5.0, 7.0, 4.0, 2.0]

    References:
        R. Halíř, J. Flusser. Numerically Stable Direct Least Squares Fitting of
        Ellipses. WSCG, 1998.
        S. J. Ahn, W. Rauh, H.-J. Warnecke. Least-Squares Orthogonal Distances Fitting.
        Pattern Recognition, 2001. doi:10.1016/S0031-3203(00)00152-7
    """
    places, weight = check_points(points, weights, "fit_ellipse", 5)
    origin = weight @ places / weight.sum()
    scale = math.sqrt(float(weight @ ((places - origin) ** 2).sum(axis=1) / weight.sum()))
    if not scale > 0.0:
        raise RangeError("fit_ellipse: the points lie all in one place")
    near = (places - origin) / scale
    theta, residual, jacobian = _refine(_algebraic(near, weight), near, weight)
    information = (jacobian * weight[:, None]).T @ jacobian
    # A circle says nothing about the angle: a trace of curvature keeps the inverse finite.
    information += np.diag(np.full(5, 1e-14 * np.trace(information)))
    units = np.array([scale, scale, scale, scale, 1.0])
    variance = noise_variance(residual, weight, 5)
    inverse = np.asarray(np.linalg.inv(information), np.float64)
    covariance = inverse * variance * np.outer(units, units)
    theta = theta * units
    theta[:2] += origin
    step = None
    if image is not None:
        theta, covariance, step = fit_grey(
            theta, _disc, places, edges=points, image=image, who="fit_ellipse"
        )
        residual = _distances(theta, places)[0] / scale
    if theta[3] > theta[2]:
        swap = [0, 1, 3, 2, 4]
        theta, covariance = theta[swap], covariance[np.ix_(swap, swap)]
        theta[4] += math.pi / 2
    angle = math.remainder(float(theta[4]), math.pi)
    rms = scale * math.sqrt(float(weight @ residual**2 / weight.sum()))
    center, axes = (float(theta[0]), float(theta[1])), (float(theta[2]), float(theta[3]))
    return EllipseFit(center, axes, angle, covariance, rms, step)


def _algebraic(p: Array, weight: Array) -> Array:
    """Give centre, half axes and angle of the ellipse whose polynomial is least on the points."""
    x, y = p.T
    root = np.sqrt(weight)[:, None]
    square, straight = np.c_[x * x, x * y, y * y] * root, np.c_[x, y, np.ones_like(x)] * root
    s2, s3 = square.T @ straight, straight.T @ straight
    if np.linalg.cond(s3) > 1 / SINGULAR:
        raise RangeError("fit_ellipse: the points lie on a line", hint="use fit_line")
    back = -np.linalg.solve(s3, s2.T)
    reduced = square.T @ square + s2 @ back
    # The constraint 4 a c - b² = 1 keeps the conic an ellipse.
    system = np.array([reduced[2] / 2, -reduced[1], reduced[0] / 2])
    values, vectors = (np.real(part) for part in np.linalg.eig(system))
    kind = 4 * vectors[0] * vectors[2] - vectors[1] ** 2
    if not (kind > 0).any():
        raise RangeError("fit_ellipse: no ellipse passes near the points")
    conic = vectors[:, int(np.argmin(np.where(kind > 0, np.abs(values), np.inf)))]
    a, b, c = conic
    d, e, f = back @ conic
    center = np.linalg.solve(np.array([[2 * a, b], [b, 2 * c]]), [-d, -e])
    level = -(f + 0.5 * (d * center[0] + e * center[1]))
    inverse_squares, axes = np.linalg.eigh(np.array([[a, b / 2], [b / 2, c]]) / level)
    if not (inverse_squares > 0).all():
        raise RangeError("fit_ellipse: no ellipse passes near the points")
    longer, shorter = 1 / np.sqrt(inverse_squares)
    return np.array([*center, longer, shorter, math.atan2(axes[1, 0], axes[0, 0])])


def _refine(theta: Array, p: Array, weight: Array) -> tuple[Array, Array, Array]:
    damping = 1e-4
    residual, jacobian = _distances(theta, p)
    cost = float(weight @ residual**2)
    for _ in range(STEPS):
        information = (jacobian * weight[:, None]).T @ jacobian
        slope = jacobian.T @ (weight * residual)
        damped = information + damping * np.diag(np.diag(information) + 1e-12)
        step = np.linalg.solve(damped, -slope)
        trial = theta + step
        if (trial[2:4] <= 0.0).any():
            damping *= 10.0
            continue
        new_residual, new_jacobian = _distances(trial, p)
        new_cost = float(weight @ new_residual**2)
        if new_cost > cost:
            damping *= 10.0
            if damping > 1e12:
                break
            continue
        done = float(np.abs(step).max()) < SETTLED
        theta, residual, jacobian, cost = trial, new_residual, new_jacobian, new_cost
        damping = max(damping / 10.0, 1e-12)
        if done:
            break
    return theta, residual, jacobian


def _distances(theta: Array, p: Array) -> tuple[Array, Array]:
    """Give signed distances to the ellipse, outside positive, and how they change."""
    away, moves, _, _ = _disc(theta, p)
    return -away, -moves


def _disc(theta: Array, p: Array) -> tuple[Array, Array, Array, Array]:
    """Give distances into the ellipse, their Jacobian, normals to its inside, and curvatures."""
    cx, cy, a, b, angle = theta
    cos, sin = math.cos(angle), math.sin(angle)
    u = (p[:, 0] - cx) * cos + (p[:, 1] - cy) * sin
    v = -(p[:, 0] - cx) * sin + (p[:, 1] - cy) * cos
    fu, fv = _feet(u, v, float(a), float(b))
    normal_u, normal_v = fu / a**2, fv / b**2
    length = np.hypot(normal_u, normal_v)
    normal_u, normal_v = normal_u / length, normal_v / length
    distance = (u - fu) * normal_u + (v - fv) * normal_v
    # The foot moves with the ellipse; only its way along the normal counts.
    jacobian = np.stack(
        [
            normal_u * cos - normal_v * sin,
            normal_u * sin + normal_v * cos,
            normal_u * fu / a,
            normal_v * fv / b,
            normal_v * u - normal_u * v,
        ],
        axis=1,
    )
    bend = 1.0 / (a * a * b * b * length**3)
    return -distance, jacobian, -jacobian[:, :2], bend


def _feet(u: Array, v: Array, a: float, b: float) -> tuple[Array, Array]:
    """Give the nearest points of an ellipse in its own axes, by bisection and Newton.

    The foot is (a² u / (t + a²), b² v / (t + b²)) where t solves
    (a u / (t + a²))² + (b v / (t + b²))² = 1; the left side falls in t.
    """
    least = min(a, b) ** 2
    floor = FLAT * least
    au, bv = (np.where(w < floor, 0.0, w) for w in (a * np.abs(u), b * np.abs(v)))
    smaller = bv if b <= a else au
    low = np.maximum(au - a * a, bv - b * b)
    high = np.hypot(au, bv) - least
    t = low.copy()
    for _ in range(FOOT_STEPS):
        wide, narrow = np.maximum(t + a * a, floor), np.maximum(t + b * b, floor)
        p, q = au / wide, bv / narrow
        value = p * p + q * q - 1.0
        slope = -2.0 * (p * p / wide + q * q / narrow)
        low, high = np.where(value > 0, t, low), np.where(value > 0, high, t)
        newton = t - value / np.minimum(slope, -1e-300)
        inside = (newton >= low) & (newton <= high)
        t = np.where(inside, newton, 0.5 * (low + high))
    fu = np.sign(u) * a * au / np.maximum(t + a * a, floor)
    fv = np.sign(v) * b * bv / np.maximum(t + b * b, floor)
    # On the axis between the centres of curvature the shorter coordinate is left to the curve.
    on_axis = (smaller == 0.0) & (t <= -least + floor)
    if b <= a:
        fv = np.where(on_axis, b * np.sqrt(np.maximum(1 - (fu / a) ** 2, 0.0)), fv)
    else:
        fu = np.where(on_axis, a * np.sqrt(np.maximum(1 - (fv / b) ** 2, 0.0)), fu)
    return fu, fv
