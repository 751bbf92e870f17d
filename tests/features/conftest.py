"""How well edge detectors find the edges of charts that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.data import DiscChart, LineChart


def errors(detector, chart):
    edges = detector.detect(chart.picture())
    limit = np.array(chart.size[::-1]) - 6
    inner = ((edges.points >= 5) & (edges.points <= limit)).all(axis=1)
    return chart.distance(edges.x, edges.y)[inner]


@pytest.fixture
def rms_on_lines():
    def measure(detector, blur, noise, count=16):
        found = [
            errors(
                detector,
                LineChart(
                    size=(48, 48),
                    angle_deg=(360 / count) * k + 3.3,
                    offset_px=(0.377 * k) % 1,
                    blur_px=blur,
                    noise_sd=noise / 255,
                    seed=k,
                ),
            )
            for k in range(count)
        ]
        assert all(len(e) >= 0.98 * 36 / np.sqrt(2) for e in found)
        every = np.concatenate(found)
        assert np.mean(np.abs(every) > 1.5) <= 0.01
        return float(np.sqrt(np.mean(every[np.abs(every) <= 1.5] ** 2)))

    return measure


@pytest.fixture
def errors_on_discs():
    def measure(detector, radius, blur, noise, count=4):
        """Errors towards the centre, on bright and dark discs."""
        side = int(2 * radius) + 24
        found = []
        for k in range(count):
            chart = DiscChart(
                size=(side, side),
                radius_px=radius,
                center_px=(side / 2 + 0.37 * k % 1, side / 2 + 0.61 * k % 1),
                blur_px=blur,
                noise_sd=noise / 255,
                seed=k,
                bright=k % 2 == 0,
            )
            sign = 1 if chart.bright else -1
            found.append(sign * errors(detector, chart))
        return np.concatenate(found)

    return measure


@pytest.fixture
def rms():
    return lambda values: float(np.sqrt(np.mean(values**2)))
