"""Fitted steps: accuracy on exact charts, blur, weights."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.data import LineChart
from sfumato.errors import RangeError
from sfumato.features import ErfEdges


def test_much_noise_leaves_three_hundredths_of_a_pixel(rms_on_lines):
    assert rms_on_lines(ErfEdges(), 0.7, 5) <= 0.03


@pytest.mark.parametrize("blur", [0.7, 1.5])
def test_clean_blurred_lines_are_found_to_half_a_hundredth(blur, rms_on_lines):
    assert rms_on_lines(ErfEdges(), blur, 0) <= 0.005


@pytest.mark.parametrize("radius", [5.3, 12.75])
def test_discs_are_found_without_bias(radius, errors_on_discs, rms):
    found = errors_on_discs(ErfEdges(), radius, 0.7, 0)
    assert rms(found) <= 0.005
    assert abs(found.mean()) <= 0.004


@pytest.mark.parametrize("blur", [0.5, 0.7, 1.0, 1.5])
def test_the_blur_comes_back(blur):
    chart = LineChart(size=(48, 48), angle_deg=28, blur_px=blur, noise_sd=2 / 255)
    edges = ErfEdges().detect(chart.picture())
    assert np.median(edges.blur) == pytest.approx(blur, abs=0.03)
    assert np.median(edges.contrast) == pytest.approx(150 / 255, rel=0.01)


def test_weights_measure_the_blur_better_where_the_bright_side_is_noisier(rng):
    chart = LineChart(size=(160, 160), angle_deg=20, blur_px=0.7, low=0.02, high=0.9)
    calm, plain, weighted, law = chart.clean(), [], [], (1e-6, 3e-3)
    for _ in range(3):
        noisy = calm + rng.normal(0, 1, calm.shape) * np.sqrt(law[0] + law[1] * calm)
        picture = noisy.astype(np.float32)[..., None]
        for noise, found in ((None, plain), (law, weighted)):
            edges = ErfEdges(noise=noise).detect(picture)
            near = np.abs(chart.distance(edges.x, edges.y)) < 1
            found.append(edges.blur[near])
    assert np.concatenate(weighted).std() < 0.9 * np.concatenate(plain).std()


def test_a_near_parallel_edge_does_not_pull():
    x = np.arange(60.0)
    line = np.clip(np.minimum(x - 19.3, 25.3 - x) + 0.5, 0, 1)  # bright from 19.3 to 25.3
    edges = ErfEdges().detect(np.tile(line.astype(np.float32), (40, 1)))
    left = edges.x < 22
    np.testing.assert_allclose(edges.x[left], 19.3, atol=0.05)
    np.testing.assert_allclose(edges.x[~left], 25.3, atol=0.05)
    assert left.sum() >= 36


def test_a_noise_of_nothing_is_refused():
    with pytest.raises(RangeError, match="without noise"):
        ErfEdges(noise=(0.0, 0.0))
