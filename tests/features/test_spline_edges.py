"""Splines through the gradient: accuracy on exact charts."""

from __future__ import annotations

import pytest

from sfumato.features import SplineEdges


@pytest.mark.parametrize("blur", [0.0, 0.7, 1.5])
def test_clean_lines_are_found_to_a_fiftieth_of_a_pixel(blur, rms_on_lines):
    assert rms_on_lines(SplineEdges(), blur, 0) <= 0.02


@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_noise_of_two_grey_levels_leaves_three_hundredths(blur, rms_on_lines):
    assert rms_on_lines(SplineEdges(), blur, 2) <= 0.03


@pytest.mark.parametrize("blur", [0.0, 0.7, 1.5])
def test_the_correction_takes_the_bias_of_clean_discs_away(blur, errors_on_discs, rms):
    found = errors_on_discs(SplineEdges(), 12.75, blur, 0)
    assert rms(found) <= 0.025
    assert abs(found.mean()) <= 0.002
    plain = errors_on_discs(SplineEdges(curvature_correction=False), 12.75, blur, 0)
    assert plain.mean() == pytest.approx((blur**2 + 1 / 12 + 1) / 25.5, rel=0.1)
