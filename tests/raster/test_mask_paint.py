"""Discs and strokes against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.errors import RangeError, ShapeError
from sfumato.raster.mask_paint import fill_circle, fill_stroke

PLACE = st.tuples(st.floats(-5, 35), st.floats(-5, 25))


@pytest.mark.parametrize("radius", [0.3, 1, 7.25, 40])
def test_a_soft_disc_has_the_area_of_a_disc(radius):
    disc = fill_circle((50.3, 48.9), radius, (100, 101), soft=True)
    np.testing.assert_allclose(disc.sum(dtype=np.float64), np.pi * radius**2, rtol=1e-6)


def test_a_soft_disc_is_exact_in_each_pixel():
    disc = fill_circle((5.2, 4.7), 3.6, (11, 11), soft=True)
    fine = (np.arange(11 * 200) + 0.5) / 200 - 0.5
    inside = (fine - 5.2) ** 2 + (fine[:, None] - 4.7) ** 2 <= 3.6**2
    np.testing.assert_allclose(disc, inside.reshape(11, 200, 11, 200).mean(axis=(1, 3)), atol=1e-3)


@given(PLACE, st.floats(0, 20))
def test_a_hard_disc_takes_the_centers_within_its_radius(center, radius):
    y, x = np.mgrid[:20, :30]
    wanted = (x - center[0]) ** 2 + (y - center[1]) ** 2 <= radius**2
    np.testing.assert_array_equal(fill_circle(center, radius, (20, 30)), wanted)


@settings(deadline=None)
@given(st.lists(PLACE, min_size=1, max_size=5), st.floats(0, 8))
def test_a_stroke_takes_what_is_within_reach_of_its_path(path, radius):
    y, x = np.mgrid[:20, :30]
    pixels = np.column_stack([x.ravel(), y.ravel()]).astype(float)
    nearest = np.full(len(pixels), np.inf)
    corners = np.array(path)
    for a, b in zip(corners, corners[1:] if len(path) > 1 else corners, strict=False):
        along = b - a
        t = np.clip((pixels - a) @ along / max(along @ along, 1e-300), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(pixels - a - t[:, None] * along, axis=1))
    nearest = nearest.reshape(20, 30)
    hard = fill_stroke(np.array(path), radius, (20, 30))
    clear = np.abs(nearest - radius) > 1e-9
    np.testing.assert_array_equal(hard[clear], (nearest <= radius)[clear])
    soft = fill_stroke(np.array(path), radius, (20, 30), soft=True)
    np.testing.assert_allclose(soft, np.clip(radius + 0.5 - nearest, 0, 1), atol=1e-6)


def test_the_soft_edge_of_a_level_stroke_is_its_exact_share():
    stroke = fill_stroke(np.array([[-9, 5.3], [30, 5.3]]), 2.0, (11, 20), soft=True)
    row = np.arange(11)
    share = np.clip(np.minimum(row + 0.5, 7.3) - np.maximum(row - 0.5, 3.3), 0, 1)
    np.testing.assert_allclose(stroke, np.tile(share[:, None], (1, 20)), atol=1e-6)


def test_brushes_without_sense_are_refused():
    for radius in (-1, np.nan, np.inf):
        with pytest.raises(RangeError, match="radius_px"):
            fill_circle((1, 1), radius, (3, 3))
        with pytest.raises(RangeError, match="radius_px"):
            fill_stroke(np.zeros((2, 2)), radius, (3, 3))
    with pytest.raises(RangeError, match="not finite"):
        fill_circle((np.nan, 1), 1, (3, 3))
    with pytest.raises(ShapeError, match="k >= 1"):
        fill_stroke(np.zeros((0, 2)), 1, (3, 3))
