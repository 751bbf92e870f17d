"""Lines and circles through points: exact, weighted, and honest about their uncertainty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from sfumato.data import LineChart
from sfumato.errors import RangeError, ShapeError
from sfumato.features import DevernayEdges, fit_circle, fit_line


def arc(center, radius, start, span, count=40):
    angle = start + span * np.linspace(0, 1, count)
    return np.c_[center[0] + radius * np.cos(angle), center[1] + radius * np.sin(angle)]


@settings(deadline=None)
@given(angle=st.floats(-3.1, 3.1), distance=st.floats(-500, 500), shift=st.floats(-300, 300))
def test_a_line_comes_back(angle, distance, shift):
    normal = np.array([np.cos(angle), np.sin(angle)])
    along = shift + np.linspace(-20, 20, 30)[:, None]
    line = fit_line(distance * normal + along * [-normal[1], normal[0]])
    sign = np.sign(np.dot(line.normal, normal))
    np.testing.assert_allclose(sign * np.array(line.normal), normal, atol=1e-7)
    assert sign * line.distance_px == pytest.approx(distance, abs=1e-6)
    assert line.rms_px < 1e-6


def test_the_normal_of_a_fitted_edge_points_to_the_bright_side():
    for angle in (10.0, 170.0, 250.0):
        chart = LineChart(angle_deg=angle, noise_sd=2 / 255, blur_px=0.7)
        line = fit_line(DevernayEdges().detect(chart.picture()))
        np.testing.assert_allclose(line.normal, chart.normal, atol=1e-3)
        middle = 31.5 * sum(chart.normal)
        assert line.distance_px == pytest.approx(middle, abs=0.02)


@settings(deadline=None)
@given(
    radius=st.floats(1, 1e4),
    start=st.floats(0, 6),
    span=st.floats(0.5, 6.2),
    x=st.floats(-1e3, 1e3),
)
def test_a_circle_comes_back_from_any_arc(radius, start, span, x):
    circle = fit_circle(arc((x, 7.0), radius, start, span))
    np.testing.assert_allclose(circle.center, (x, 7.0), atol=1e-6 * (radius + abs(x)))
    assert circle.radius_px == pytest.approx(radius, rel=1e-7)


def test_a_noisy_circle_is_the_least_squares_one(rng):
    points = arc((30, 20), 12, 0.3, 2.0) + rng.normal(0, 0.2, (40, 2))
    weights = rng.random(40)

    def residual(t):
        return np.sqrt(weights) * (np.hypot(*(points - t[:2]).T) - t[2])

    best = least_squares(residual, (30, 20, 12), xtol=1e-14, ftol=1e-14, gtol=1e-14).x
    circle = fit_circle(points, weights)
    np.testing.assert_allclose((*circle.center, circle.radius_px), best, atol=1e-6)


@pytest.mark.parametrize("shape", ["line", "circle"])
def test_the_covariance_is_what_repetition_shows(shape, rng):
    found, stated = [], []
    for _ in range(400):
        if shape == "line":
            points = np.c_[np.linspace(0, 30, 25), np.full(25, 12.0)] + rng.normal(0, 0.1, (25, 2))
            fit = fit_line(points)
            sign = 1 if fit.angle_rad > 0 else -1
            turned = fit.angle_rad if sign > 0 else fit.angle_rad + np.pi
            found.append((turned, sign * fit.distance_px))
            flip = np.diag([1, sign])
            stated.append(flip @ fit.covariance @ flip)
        else:
            points = arc((10, 12), 8, 0, 3.0, 30) + rng.normal(0, 0.05, (30, 2))
            fit = fit_circle(points)
            found.append((*fit.center, fit.radius_px))
            stated.append(fit.covariance)
    seen, expected = np.cov(np.array(found).T), np.mean(stated, axis=0)
    np.testing.assert_allclose(np.sqrt(np.diag(seen)), np.sqrt(np.diag(expected)), rtol=0.12)
    correlation = [m[0, 1] / np.sqrt(m[0, 0] * m[1, 1]) for m in (seen, expected)]
    assert correlation[0] == pytest.approx(correlation[1], abs=0.12)


def test_a_point_of_no_weight_does_not_count():
    points = np.r_[arc((5, 5), 3, 0, 5), [[100.0, 100.0]]]
    weights = np.r_[np.ones(40), 0.0]
    assert fit_circle(points, weights).radius_px == pytest.approx(3.0)
    line = np.c_[np.arange(10.0), np.zeros(10)]
    line[3] = (3, 50)
    weights = np.ones(10)
    weights[3] = 0
    assert abs(fit_line(line, weights).distance_px) < 1e-9


def test_what_determines_no_curve_is_refused():
    straight = np.c_[np.arange(9.0), 2 * np.arange(9.0)]
    with pytest.raises(RangeError, match="on a line"):
        fit_circle(straight)
    with pytest.raises(RangeError, match="one place"):
        fit_circle(np.ones((5, 2)))
    with pytest.raises(RangeError, match="one place"):
        fit_line(np.ones((5, 2)))
    with pytest.raises(ShapeError, match="3 are needed"):
        fit_circle(straight[:2])
    with pytest.raises(ShapeError, match=r"\(k, 2\)"):
        fit_line(np.zeros((3, 3)))
    with pytest.raises(ShapeError, match="weights of shape"):
        fit_line(straight, np.ones(3))
    with pytest.raises(RangeError, match="NaN"):
        fit_line(np.array([[0, np.nan], [1, 2]]))
    with pytest.raises(RangeError, match="negative"):
        fit_line(straight, -np.ones(9))
