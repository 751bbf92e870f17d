"""Devernay: accuracy on exact charts, and the bias of bent edges."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.data import DiscChart
from sfumato.features import DevernayEdges, fit_circle


@pytest.mark.parametrize("blur", [0.0, 0.7, 1.5])
def test_clean_lines_are_found_to_a_fiftieth_of_a_pixel(blur, rms_on_lines):
    assert rms_on_lines(DevernayEdges(), blur, 0) <= 0.02


@pytest.mark.parametrize("blur", [0.0, 0.7, 1.5])
def test_noise_of_two_grey_levels_leaves_three_hundredths(blur, rms_on_lines):
    assert rms_on_lines(DevernayEdges(), blur, 2) <= 0.03


@pytest.mark.parametrize("radius", [5.3, 12.75, 40.2])
@pytest.mark.parametrize("blur", [0.0, 0.7, 1.5])
def test_the_correction_takes_the_bias_of_clean_discs_away(radius, blur, errors_on_discs, rms):
    found = errors_on_discs(DevernayEdges(), radius, blur, 0)
    assert rms(found) <= 0.025
    assert abs(found.mean()) <= (0.008 if radius < 6 else 0.002)


@pytest.mark.parametrize("radius", [5.3, 12.75, 20.5])
def test_discs_under_noise_keep_the_bar(radius, errors_on_discs, rms):
    assert rms(errors_on_discs(DevernayEdges(), radius, 0.7, 2)) <= 0.025


@pytest.mark.parametrize(("blur", "radius"), [(0.7, 12.75), (1.5, 20.5)])
def test_without_correction_the_edge_is_drawn_inwards_by_the_known_amount(
    blur, radius, errors_on_discs
):
    found = errors_on_discs(DevernayEdges(curvature_correction=False), radius, blur, 0)
    expected = (blur**2 + 1 / 12 + 1.0) / (2 * radius)
    assert found.mean() == pytest.approx(expected, rel=0.15)


def test_the_parabola_of_the_paper_ripples_more_on_blurred_lines(rms_on_lines):
    parabola = rms_on_lines(DevernayEdges(peak="parabola"), 0.7, 0)
    assert 5 * rms_on_lines(DevernayEdges(), 0.7, 0) < parabola < 0.02


@pytest.mark.parametrize("radius", [12.75, 20.5])
def test_circles_fitted_to_the_points_are_right_to_a_hundredth_of_a_pixel(radius, rms):
    away, wide = [], []
    for seed in range(8):
        chart = DiscChart(
            size=(64, 64),
            radius_px=radius,
            center_px=(31.3, 32.1),
            blur_px=0.7,
            noise_sd=2 / 255,
            seed=seed,
        )
        circle = fit_circle(DevernayEdges().detect(chart.picture()))
        away.append(np.hypot(*np.subtract(circle.center, chart.center)))
        wide.append(circle.radius_px - radius)
    assert rms(np.array(away)) < 0.01
    assert rms(np.array(wide)) < 0.01


def test_a_larger_sigma_is_calmer_under_noise(rms_on_lines):
    assert rms_on_lines(DevernayEdges(sigma=2.0), 1.5, 5) < 0.7 * rms_on_lines(
        DevernayEdges(sigma=1.0), 1.5, 5
    )


def test_a_noisy_picture_is_smoothed_more_by_itself(rms_on_lines):
    assert rms_on_lines(DevernayEdges(), 1.5, 2) < 0.75 * rms_on_lines(
        DevernayEdges(sigma=1.0), 1.5, 2
    )
    assert rms_on_lines(DevernayEdges(), 0.7, 0) == rms_on_lines(DevernayEdges(sigma=1.0), 0.7, 0)
