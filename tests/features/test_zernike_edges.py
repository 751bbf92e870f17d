"""Zernike moments: the masks, and accuracy on exact charts."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.data import LineChart
from sfumato.features import ZernikeEdges
from sfumato.features._zernike import zernike_masks


def test_the_masks_are_the_printed_ones():
    real, imaginary, radial = zernike_masks(7)
    np.testing.assert_allclose(
        real[3], [-0.0690, -0.0466, -0.0233, 0, 0.0233, 0.0466, 0.0690], atol=6e-5
    )
    np.testing.assert_allclose(real[0], [0, -0.0150, -0.0190, 0, 0.0190, 0.0150, 0], atol=6e-5)
    np.testing.assert_allclose(imaginary, real.T, atol=1e-12)
    np.testing.assert_allclose(
        radial[3], [0.0396, -0.0261, -0.0661, -0.0794, -0.0661, -0.0261, 0.0396], atol=6e-5
    )


@pytest.mark.parametrize("size", [5, 7])
def test_the_masks_are_orthogonal_to_flat_pictures(size):
    for mask in zernike_masks(size):
        assert abs(mask.sum()) < 1e-5


@pytest.mark.parametrize("blur", [0.0, 0.7])
@pytest.mark.parametrize("noise", [0, 2])
def test_lines_are_found_to_three_hundredths_of_a_pixel(blur, noise, rms_on_lines):
    assert rms_on_lines(ZernikeEdges(), blur, noise) <= 0.03
    assert rms_on_lines(ZernikeEdges(window=5), blur, noise) <= 0.03


@pytest.mark.parametrize("blur", [0.0, 0.7, 1.5])
def test_the_correction_takes_the_bias_of_clean_discs_away(blur, errors_on_discs, rms):
    found = errors_on_discs(ZernikeEdges(), 12.75, blur, 0)
    assert rms(found) <= 0.02
    assert abs(found.mean()) <= 0.012


def test_without_correction_a_sharp_disc_is_seen_too_large(errors_on_discs):
    found = errors_on_discs(ZernikeEdges(curvature_correction=False), 20.5, 0.0, 0)
    assert found.mean() == pytest.approx(-1.225 / 20.5, rel=0.15)


def test_the_contour_is_one_point_thick_on_a_blurred_edge():
    chart = LineChart(size=(64, 64), angle_deg=10, blur_px=1.5)
    edges = ZernikeEdges().detect(chart.picture())
    assert np.bincount(np.rint(edges.y).astype(int)).max() <= 2
    assert len(edges) <= 64
