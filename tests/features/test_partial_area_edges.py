"""Partial areas: exact on clean lines, good on discs."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.data import DiscChart, LineChart
from sfumato.features import PartialAreaEdges


@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_clean_lines_are_found_to_half_a_hundredth_of_a_pixel(blur, rms_on_lines):
    assert rms_on_lines(PartialAreaEdges(), blur, 0) <= 0.005


@pytest.mark.parametrize("angle", [0.0, 13.0, 31.0, 44.0, 45.0, 77.0, 135.0, 251.0])
def test_without_rounding_a_sharp_line_is_exact(angle):
    chart = LineChart(size=(48, 48), angle_deg=angle, offset_px=0.317)
    edges = PartialAreaEdges().detect(chart.picture(np.float32))
    inner = np.abs(edges.points - 23.5).max(axis=1) < 18
    assert inner.sum() >= 36 / np.sqrt(2)
    assert np.sqrt(np.mean(chart.distance(edges.x, edges.y)[inner] ** 2)) < 1e-3
    normals = edges.normals[inner] @ np.array(chart.normal)
    assert normals.min() > 1 - 1e-5


def test_sharp_discs_are_found_with_their_curvature(errors_on_discs, rms):
    found = errors_on_discs(PartialAreaEdges(), 12.75, 0.0, 0)
    assert rms(found) <= 0.005
    assert abs(found.mean()) <= 0.0015
    edges = PartialAreaEdges().detect(DiscChart(radius_px=12.75).picture())
    assert edges.curvature.mean() == pytest.approx(1 / 12.75, rel=0.01)


def test_the_bias_of_blurred_discs_is_taken_away(errors_on_discs):
    assert abs(errors_on_discs(PartialAreaEdges(), 12.75, 1.5, 0).mean()) <= 0.004
    plain = errors_on_discs(PartialAreaEdges(curvature_correction=False), 12.75, 1.5, 0)
    assert plain.mean() == pytest.approx(1.5**2 / 25.5, rel=0.1)


def test_more_columns_are_calmer_under_noise(rms_on_lines):
    three = rms_on_lines(PartialAreaEdges(), 0.7, 2)
    assert rms_on_lines(PartialAreaEdges(columns=7), 0.7, 2) < 0.75 * three


def test_near_edges_do_not_mix():
    x = np.arange(60.0)
    line = np.clip(np.minimum(x - 19.3, 23.6 - x) + 0.5, 0, 1)
    edges = PartialAreaEdges().detect(np.tile(line.astype(np.float32), (40, 1)))
    left = edges.x < 21.5
    np.testing.assert_allclose(edges.x[left], 19.3, atol=1e-4)
    np.testing.assert_allclose(edges.x[~left], 23.6, atol=1e-4)
