"""Curves fitted to grey values: as exact as the noise allows, and honest about it."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.data import DiscChart, LineChart
from sfumato.errors import RangeError, ShapeError
from sfumato.features import DevernayEdges, fit_circle, fit_ellipse, fit_line

NOISE = 2 / 255


def disc(seed, *, radius=12.75, blur=0.7, noise=NOISE, **more):
    center = (31.0 + 0.37 * seed % 1, 32.0 + 0.61 * seed % 1)
    return DiscChart(
        size=(64, 64),
        radius_px=radius,
        center_px=center,
        blur_px=blur,
        noise_sd=noise,
        seed=seed,
        bright=seed % 2 == 0,
        **more,
    )


def bound(chart, **steps):
    """Give the least standard deviations that noise leaves, from the exact charts."""

    def moved(name, by):
        value = np.asarray(getattr(chart, name), float) + by
        return type(chart)(**{**chart.config, name: value.tolist(), "noise_sd": 0.0}).clean()

    def slope(name, by):
        return ((moved(name, by) - moved(name, -np.asarray(by))) / 2e-3).ravel()

    columns = [slope(name, by) for name, by in steps.values()]
    columns += [slope(name, 1e-3) for name in ("low", "high", "blur_px")]
    columns = np.stack(columns, axis=1)
    variance = NOISE**2 + (1 / 255) ** 2 / 12
    return np.sqrt(np.diag(np.linalg.inv(columns.T @ columns)) * variance)[: len(steps)]


def test_circles_reach_the_bound_of_cramer_and_rao():
    chart = disc(0)
    steps = {
        "x": ("center_px", (1e-3, 0)),
        "y": ("center_px", (0, 1e-3)),
        "r": ("radius_px", 1e-3),
    }
    least = bound(chart, **steps)
    errors, stated = [], []
    for seed in range(60):
        chart = disc(seed)
        picture = chart.picture()
        circle = fit_circle(DevernayEdges().detect(picture), image=picture)
        away = np.subtract(circle.center, chart.center)
        errors.append((*away, circle.radius_px - chart.radius_px))
        stated.append(np.sqrt(np.diag(circle.covariance)))
    rms = np.sqrt(np.mean(np.square(errors), axis=0))
    # 60 draws tell a standard deviation to 9 %.
    assert (rms < 1.3 * least).all()
    assert (rms > 0.7 * least).all()
    np.testing.assert_allclose(np.mean(stated, axis=0), least, rtol=0.25)
    assert np.abs(np.mean(errors, axis=0)).max() < 3 * least.max() / np.sqrt(60)
    assert np.hypot(rms[0], rms[1]) < 0.01
    assert rms[2] < 0.01


def test_lines_reach_the_bound_of_cramer_and_rao():
    def chart(seed):
        return LineChart(
            size=(64, 64), angle_deg=23.3, offset_px=0.3, blur_px=0.7, noise_sd=NOISE, seed=seed
        )

    steps = {"angle": ("angle_deg", 1e-3), "offset": ("offset_px", 1e-3)}
    least = bound(chart(0), **steps) * [np.pi / 180, 1.0]
    errors = []
    for seed in range(60):
        picture = chart(seed).picture()
        line = fit_line(DevernayEdges().detect(picture), image=picture)
        middle = line.distance_px - 31.5 * sum(line.normal)
        errors.append((line.angle_rad - np.radians(23.3), middle - 0.3))
    rms = np.sqrt(np.mean(np.square(errors), axis=0))
    assert (rms < 1.3 * least).all()
    assert (rms > 0.7 * least).all()


@pytest.mark.parametrize("blur", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("radius", [9.4, 20.2])
def test_a_clean_disc_comes_back_with_its_blur_and_values(blur, radius):
    chart = disc(1, radius=radius, blur=blur, noise=0.0)
    picture = chart.picture(np.uint16)
    circle = fit_circle(DevernayEdges().detect(picture), image=picture)
    np.testing.assert_allclose(circle.center, chart.center, atol=1e-3)
    assert circle.radius_px == pytest.approx(radius, abs=1e-3)
    assert circle.step is not None
    assert circle.step.blur_px == pytest.approx(blur, abs=0.05)
    assert circle.step.dark == pytest.approx(chart.low, abs=1e-3)
    assert circle.step.bright == pytest.approx(chart.high, abs=1e-3)


def test_a_clean_line_comes_back_in_every_direction():
    for angle in (0.0, 45.0, 100.0, 222.2, 340.0):
        chart = LineChart(angle_deg=angle, offset_px=0.4, blur_px=0.8)
        picture = chart.picture(np.float32)
        line = fit_line(DevernayEdges().detect(picture), image=picture)
        np.testing.assert_allclose(line.normal, chart.normal, atol=1e-5)
        assert line.distance_px - 31.5 * sum(line.normal) == pytest.approx(0.4, abs=1e-4)
        assert chart.distance(*line.center) == pytest.approx(0.0, abs=1e-4)
        assert line.step is not None
        assert line.step.blur_px == pytest.approx(0.8, abs=1e-3)


def test_an_ellipse_is_found_to_a_hundredth_of_a_pixel_under_noise(rng):
    fine = (np.arange(72 * 16) + 0.5) / 16 - 0.5
    x, y = fine - 35.3, fine[:, None] - 35.7
    u, v = x * np.cos(0.5) + y * np.sin(0.5), y * np.cos(0.5) - x * np.sin(0.5)
    inside = (u / 24.4) ** 2 + (v / 14.2) ** 2 < 1
    share = inside.reshape(72, 16, 72, 16).mean(axis=(1, 3))
    found = []
    for _ in range(8):
        picture = (0.2 + 0.6 * share + rng.normal(0, NOISE, share.shape)).astype(np.float32)
        fit = fit_ellipse(DevernayEdges().detect(picture), image=picture)
        found.append((*fit.center, *fit.semi_axes_px, 20 * fit.angle_rad))
    away = np.array(found) - [35.3, 35.7, 24.4, 14.2, 10.0]
    assert np.sqrt(np.mean(away**2, axis=0)).max() < 0.01


def test_only_the_pixels_beside_the_points_count():
    chart = disc(2)
    picture = chart.picture(np.float32).copy()
    edges = DevernayEdges().detect(picture)
    arc = edges.x > 33.0
    picture[:, :28] = 0.5  # something covers the other side
    whole = fit_circle(edges.points[arc], image=picture)
    np.testing.assert_allclose(whole.center, chart.center, atol=0.03)
    assert whole.radius_px == pytest.approx(chart.radius_px, abs=0.03)


def test_the_same_picture_in_other_dtypes_gives_the_same_circle():
    chart = disc(4)
    picture = chart.picture()
    circles = [
        fit_circle(DevernayEdges().detect(p), image=p)
        for p in (picture, picture.astype(np.uint16) * 257, np.float32(picture) / np.float32(255))
    ]
    for circle in circles[1:]:
        np.testing.assert_allclose(circle.center, circles[0].center, atol=1e-6)


def test_a_picture_without_that_edge_is_refused(rng):
    angle = np.linspace(0, 6, 60)
    points = np.c_[32 + 10 * np.cos(angle), 32 + 10 * np.sin(angle)]
    noise = rng.normal(0.5, 0.01, (64, 64)).astype(np.float32)
    with pytest.raises(RangeError, match="no clear step along the curve"):
        fit_circle(points, image=noise)
    with pytest.raises(ShapeError, match="pixels lie around the curve"):
        fit_circle(points + 500.0, image=noise)
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        fit_line(points, image=np.zeros((64, 64, 2), np.float32))


def test_neither_points_nor_picture_are_changed():
    picture = disc(0).picture()
    edges = DevernayEdges().detect(picture)
    before, points = picture.copy(), edges.points.copy()
    fit_circle(points, image=picture)
    np.testing.assert_array_equal(picture, before)
    np.testing.assert_array_equal(points, edges.points)
