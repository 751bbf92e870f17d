"""Curves fitted to the grey values of a picture: the most likely edge under even noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError, ShapeError
from sfumato.features._grey_step import pixel_shares
from sfumato.features._plane import Plane, grey_plane
from sfumato.features.edge_points import EdgePoints
from sfumato.features.grey_step import GreyStep

__all__ = ["Shape", "fit_grey"]

Array = NDArray[np.float64]

Shape = Callable[[Array, Array], tuple[Array, Array, Array, Array]]
"""From parameters and places (k, 2): signed distances, their Jacobian, unit normals (k, 2) to
the positive side, and curvatures, positive where the positive side is round."""

STEPS = 40
SETTLED = 1e-7
"""Pixels: a step as small ends the fit."""
SHARPEST = 0.03
"""Blur in pixels below which an edge is as good as sharp."""
USUAL_BLUR = 0.7
"""Where the points do not tell their blur."""
FLAT_PX = 3.0
"""Flat ground on either side that takes part: it tells dark from bright."""
BLURS = 3.0
SPARE_PX = 1.0
"""Pixels beyond the last point of a piece of curve still belong to it."""


def fit_grey(
    theta: Array,
    shape: Shape,
    points: Array,
    *,
    edges: EdgePoints | NDArray[Any],
    image: NDArray[Any],
    who: str,
) -> tuple[Array, Array, GreyStep]:
    """Refine a curve by least squares of the pixels around it.

    Levenberg-Marquardt over the curve, both grey values and the square of the blur. A
    pixel takes part where its nearest point of the curve lies next to one of the points.

    Args:
        theta: parameters to begin with.
        shape: what the parameters mean.
        points: places on the curve, (k, 2).
        edges: what the user gave; edge points know their blur.
        image: the picture.
        who: whom errors name.

    Returns:
        The parameters, their covariance, and the step.

    Raises:
        ShapeError: not a picture, or too few pixels around the curve.
        RangeError: NaN in the picture, or no step there.
    """
    plane = grey_plane(image, who)
    blur = USUAL_BLUR
    if isinstance(edges, EdgePoints) and np.isfinite(edges.blur).any():
        blur = max(float(np.nanmedian(edges.blur)), SHARPEST)
    places, values = _band(theta, shape, points, plane, BLURS * blur + FLAT_PX)
    count = theta.size
    if len(places) < count + 4:
        raise ShapeError(
            f"{who}: {len(places)} pixels lie around the curve, {count + 4} are needed",
            hint="the points must come from this picture",
        )
    state = np.concatenate([theta, [0.0, 0.0, blur * blur]])
    share = _model(state, shape, places)[2]
    design = np.stack([np.ones_like(share), share], axis=1)
    state[count : count + 2] = np.linalg.lstsq(design, values, rcond=None)[0]
    state, jacobian, residual = _minimize(state, shape, places, values)
    # A blur at its bound is known: it takes no part in the uncertainty of the rest.
    free = np.ones(state.size, bool)
    free[-1] = state[-1] > SHARPEST**2
    sum_of_squares = float(residual @ residual)
    variance = sum_of_squares / max(len(values) - int(free.sum()), 1)
    if abs(state[count + 1]) < 4.0 * math.sqrt(variance):
        raise RangeError(
            f"{who}: the picture has no clear step along the curve",
            hint="the points must come from this picture; leave image= out to fit them alone",
        )
    used = jacobian[:, free]
    information = used.T @ used
    # A circle says nothing of the angle of its axes: a trace keeps the inverse finite.
    information += np.diag(np.full(len(information), 1e-14 * np.trace(information)))
    covariance = np.asarray(np.linalg.inv(information), np.float64) * variance
    ends = sorted((float(state[count]), float(state[count] + state[count + 1])))
    noise = math.sqrt(sum_of_squares / len(values))
    step = GreyStep(ends[0], ends[1], math.sqrt(state[-1]), noise, len(values))
    return state[:count], covariance[:count, :count], step


def _minimize(
    state: Array, shape: Shape, places: Array, values: Array
) -> tuple[Array, Array, Array]:
    model, jacobian, _ = _model(state, shape, places)
    residual = values - model
    damping = 1e-6
    for _ in range(STEPS):
        held = state[-1] <= SHARPEST**2 and float(jacobian[:, -1] @ residual) <= 0.0
        free = np.ones(state.size, bool)
        free[-1] = not held
        used = jacobian[:, free]
        information = used.T @ used
        damped = information + damping * np.diag(np.diag(information) + 1e-12)
        step = np.zeros(state.size)
        step[free] = np.linalg.solve(damped, used.T @ residual)
        trial = state + step
        trial[-1] = min(max(trial[-1], SHARPEST**2, 0.25 * state[-1]), 4.0 * state[-1] + 0.1)
        new_model, new_jacobian, _ = _model(trial, shape, places)
        new_residual = values - new_model
        if not float(new_residual @ new_residual) <= float(residual @ residual) * (1 + 1e-12):
            damping *= 10.0
            if damping > 1e6:
                break
            continue
        change = float(np.abs(trial - state).max())
        state, jacobian, residual = trial, new_jacobian, new_residual
        damping = max(damping / 10.0, 1e-9)
        if change < SETTLED:
            break
    return state, jacobian, residual


def _model(state: Array, shape: Shape, places: Array) -> tuple[Array, Array, Array]:
    """Give the grey values that a state explains, their Jacobian, and the shares."""
    count = state.size - 3
    low, contrast, square = state[count:]
    away, moves, normals, bend = shape(state[:count], places)
    out = np.zeros((3, len(places)))
    pixel_shares(away, normals, bend, math.sqrt(square), out)
    share, slope, widen = out
    columns = [contrast * slope[:, None] * moves, np.ones_like(share)[:, None]]
    columns += [share[:, None], (contrast * widen)[:, None]]
    return low + contrast * share, np.concatenate(columns, axis=1), share


def _band(
    theta: Array, shape: Shape, points: Array, plane: Plane, reach: float
) -> tuple[Array, Array]:
    """Give places and values of the pixels around the curve and next to the points."""
    height, width = plane.shape
    cells = np.rint(points).astype(np.int64)
    inside = ((cells >= 0) & (cells < [width, height])).all(axis=1)
    if not inside.any():
        return np.zeros((0, 2)), np.zeros(0)
    cells, points = cells[inside], points[inside]
    pad = math.ceil(reach) + 2
    left, top = np.maximum(cells.min(axis=0) - pad, 0)
    right, bottom = np.minimum(cells.max(axis=0) + pad + 1, [width, height])
    empty = np.full((bottom - top, right - left), 255, np.uint8)
    rows, columns = cells[:, 1] - top, cells[:, 0] - left
    empty[rows, columns] = 0
    away, label = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(int(label.max()) + 1, np.int64)
    nearest[label[rows, columns]] = np.arange(len(cells))
    y, x = np.nonzero(away <= reach + 2.0)
    places = np.stack([x + left, y + top], axis=1).astype(np.float64)
    distance, _, normals, _ = shape(theta, places)
    gap = places - points[nearest[label[y, x]]]
    along = np.abs(gap[:, 0] * normals[:, 1] - gap[:, 1] * normals[:, 0])
    good = (np.abs(distance) <= reach) & (along <= SPARE_PX)
    chosen = places[good]
    return chosen, plane[y[good] + top, x[good] + left].astype(np.float64)
