"""An ellipse through points: exact, the least squares one, honest about its uncertainty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares, minimize_scalar

from sfumato.errors import RangeError, ShapeError
from sfumato.features import fit_ellipse
from sfumato.features.ellipse_fit import _feet


def ellipse(center, axes, angle, start=0.0, span=2 * np.pi, count=60):
    t = start + span * np.arange(count) / count
    u, v = axes[0] * np.cos(t), axes[1] * np.sin(t)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.c_[center[0] + u * cos - v * sin, center[1] + u * sin + v * cos]


@settings(deadline=None)
@given(
    a=st.floats(2, 500),
    ratio=st.floats(0.1, 0.95),
    angle=st.floats(-1.5, 1.5),
    x=st.floats(-500, 500),
    span=st.floats(3.5, 6.28),
)
def test_an_ellipse_comes_back(a, ratio, angle, x, span):
    fit = fit_ellipse(ellipse((x, -3.0), (a, a * ratio), angle, 0.4, span))
    scale = a + abs(x)
    np.testing.assert_allclose(fit.center, (x, -3.0), atol=1e-5 * scale)
    np.testing.assert_allclose(fit.semi_axes_px, (a, a * ratio), rtol=1e-4)
    assert abs(np.sin(fit.angle_rad - angle)) < 1e-4


def test_a_circle_is_an_ellipse_too():
    fit = fit_ellipse(ellipse((5, 6), (4, 4), 0.0))
    np.testing.assert_allclose((*fit.center, *fit.semi_axes_px), (5, 6, 4, 4), atol=1e-6)
    assert np.isfinite(fit.covariance).all()


@settings(deadline=None)
@given(u=st.floats(-9, 9), v=st.floats(-9, 9), a=st.floats(0.5, 8), b=st.floats(0.5, 8))
def test_feet_are_the_nearest_points(u, v, a, b):
    fu, fv = (float(f[0]) for f in _feet(np.array([u]), np.array([v]), a, b))
    assert (fu / a) ** 2 + (fv / b) ** 2 == pytest.approx(1.0, abs=1e-6)
    grid = np.linspace(0, 2 * np.pi, 400)
    best = grid[np.argmin(np.hypot(a * np.cos(grid) - u, b * np.sin(grid) - v))]
    away = minimize_scalar(
        lambda t: np.hypot(a * np.cos(t) - u, b * np.sin(t) - v),
        bounds=(best - 0.05, best + 0.05),
        method="bounded",
    ).fun
    assert np.hypot(fu - u, fv - v) == pytest.approx(away, abs=1e-4)


def test_a_noisy_ellipse_is_the_least_squares_one(rng):
    points = ellipse((30, 20), (14, 6), 0.5) + rng.normal(0, 0.2, (60, 2))

    def residual(t):
        cos, sin = np.cos(t[4]), np.sin(t[4])
        u = (points[:, 0] - t[0]) * cos + (points[:, 1] - t[1]) * sin
        v = -(points[:, 0] - t[0]) * sin + (points[:, 1] - t[1]) * cos
        fu, fv = _feet(u, v, t[2], t[3])
        outside = np.sign((u / t[2]) ** 2 + (v / t[3]) ** 2 - 1)
        return outside * np.hypot(u - fu, v - fv)

    best = least_squares(residual, (30, 20, 14, 6, 0.5), xtol=1e-12, ftol=1e-12, gtol=1e-12).x
    fit = fit_ellipse(points)
    np.testing.assert_allclose((*fit.center, *fit.semi_axes_px, fit.angle_rad), best, atol=1e-4)


def test_the_covariance_is_what_repetition_shows(rng):
    found, stated = [], []
    for _ in range(200):
        points = ellipse((10, 12), (9, 5), 0.7) + rng.normal(0, 0.05, (60, 2))
        fit = fit_ellipse(points)
        found.append((*fit.center, *fit.semi_axes_px, fit.angle_rad))
        stated.append(fit.covariance)
    expected = np.sqrt(np.diag(np.mean(stated, axis=0)))
    np.testing.assert_allclose(np.std(found, axis=0), expected, rtol=0.18)


def test_what_determines_no_ellipse_is_refused():
    with pytest.raises(RangeError, match="line"):
        fit_ellipse(np.c_[np.arange(9.0), 2 * np.arange(9.0)])
    with pytest.raises(RangeError, match="one place"):
        fit_ellipse(np.ones((9, 2)))
    with pytest.raises(ShapeError, match="5 are needed"):
        fit_ellipse(np.zeros((4, 2)))
