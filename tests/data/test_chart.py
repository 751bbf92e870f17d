from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.data.chart import PAPER_LIGHT, StepChart
from sfumato.data.shake import shake_homography
from sfumato.errors import RangeError, ShapeError


def centroid(picture, at, reach):
    """Give the centre of mass of what rises above the paper around a point."""
    x0, y0 = (round(float(c)) for c in at)
    box = picture[y0 - reach : y0 + reach + 1, x0 - reach : x0 + reach + 1] - PAPER_LIGHT
    y, x = np.mgrid[y0 - reach : y0 + reach + 1, x0 - reach : x0 + reach + 1]
    return np.array([(box * x).sum(), (box * y).sum()]) / box.sum()


def test_the_patches_have_the_radiance_of_their_step_exactly():
    chart = StepChart(size=(120, 170), stops_range=(-9, 7))
    radiance = chart.render().radiance
    for step in range(17):
        (x0, y0, x1, y1), light = chart.patch(step)
        assert light == 2.0 ** (step - 9)
        assert np.all(radiance[y0:y1, x0 + 1 : x1 - 1] == np.float32(light))


def test_the_dots_lie_at_their_landmarks():
    chart = StepChart(size=(300, 400), samples=3)
    radiance = chart.render(subject_at=None).radiance[..., 0].astype(float)
    reach = int(4.5 * chart.dot_sigma_px)
    for at in chart.landmarks:
        np.testing.assert_allclose(centroid(radiance, at, reach), at, atol=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_a_shaken_chart_shows_its_dots_where_the_homography_says(seed):
    chart = StepChart(size=(300, 400), samples=3)
    matrix = shake_homography(chart, 9.0, seed)
    radiance = chart.render(homography=matrix, subject_at=None).radiance[..., 0].astype(float)
    there = np.column_stack([chart.landmarks, np.ones(5)]) @ np.linalg.inv(matrix).T
    reach = int(4.5 * chart.dot_sigma_px)
    for at in there[:, :2] / there[:, 2:]:
        np.testing.assert_allclose(centroid(radiance, at, reach), at, atol=0.02)


def test_a_shift_by_whole_pixels_is_a_shift_of_the_picture():
    chart = StepChart(size=(90, 130))
    shifted = chart.render(homography=np.array([[1, 0, 5], [0, 1, 3], [0, 0, 1.0]])).radiance
    still = chart.render().radiance
    np.testing.assert_array_equal(shifted[:-3, :-5], still[3:, 5:])


def test_the_subject_changes_only_the_pixels_that_it_covers():
    chart = StepChart(size=(90, 130))
    here, there = chart.render(), chart.render(subject_at=1.0)
    changed = (here.radiance != there.radiance).any(axis=-1)
    assert changed.any()
    assert not (changed & ~(here.subject_mask | there.subject_mask)).any()


def test_the_strips_step_evenly_in_inverse_distance():
    depth = StepChart(size=(40, 100), distance_range_m=(1.0, 5.0), strips=5).render().depth
    np.testing.assert_allclose(1 / depth[0, 10::20], [1.0, 0.8, 0.6, 0.4, 0.2], rtol=1e-6)
    assert np.all(depth == depth[0])


def test_masks_name_what_is_there():
    truth = StepChart(size=(90, 130)).render()
    assert truth.mask("wedge")[:22].all()
    assert np.array_equal(truth.mask("disc"), truth.mask("disc") & truth.subject_mask)
    with pytest.raises(RangeError, match=r"no 'cat'\n.*confetti, disc"):
        truth.mask("cat")


@settings(max_examples=15)
@given(st.integers(8, 60), st.integers(8, 60), st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_any_size_gives_a_finite_picture_and_the_same_one_again(height, width, seed, samples):
    chart = StepChart(size=(height, width), seed=seed, samples=samples)
    truth = chart.render()
    assert truth.radiance.shape == (height, width, 3)
    assert truth.radiance.dtype == truth.depth.dtype == np.float32
    assert np.all(np.isfinite(truth.radiance) & (truth.radiance > 0))
    np.testing.assert_array_equal(truth.radiance, chart.render().radiance)


def test_a_matrix_that_is_no_homography_is_refused():
    with pytest.raises(ShapeError, match=r"\(3, 3\), got \(2, 3\)"):
        StepChart().render(homography=np.eye(3)[:2])
    with pytest.raises(RangeError, match="cannot be inverted"):
        StepChart().render(homography=np.zeros((3, 3)))
