"""What all five sub-pixel detectors promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.core.sample import Sample
from sfumato.data import DiscChart, LineChart
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.features import (
    DevernayEdges,
    EdgePoints,
    ErfEdges,
    PartialAreaEdges,
    SplineEdges,
    ZernikeEdges,
)

FAMILY = [DevernayEdges, SplineEdges, ErfEdges, ZernikeEdges, PartialAreaEdges]
every_detector = pytest.mark.parametrize("detector", FAMILY, ids=lambda d: d.__name__)


def nearest(points, others):
    return np.hypot(*(points[:, None] - others[None]).transpose(2, 0, 1)).min(axis=1)


def same_points(a, b, tolerance):
    assert len(a)
    assert len(a) == len(b)
    assert nearest(a, b).max() < tolerance
    assert nearest(b, a).max() < tolerance


@pytest.fixture(scope="module")
def disc():
    chart = DiscChart(
        size=(64, 70), radius_px=17.3, center_px=(34.2, 31.4), blur_px=0.6, noise_sd=0.004
    )
    return chart, chart.picture()


@every_detector
def test_a_disc_is_one_closed_contour_around_its_bright_side(detector, disc):
    chart, picture = disc
    edges = detector().detect(picture)
    assert edges.closed.tolist() == [True]
    assert np.abs(chart.distance(edges.x, edges.y)).max() < 0.1
    inward = np.subtract(chart.center, edges.points)
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    assert ((edges.normals * inward).sum(axis=1) > 0.99).all()
    assert np.hypot(edges.nx, edges.ny) == pytest.approx(1.0)
    walk = np.roll(edges.points, -1, axis=0) - edges.points
    right_hand = np.stack([-walk[:, 1], walk[:, 0]], axis=1)
    assert (right_hand * edges.normals).sum(axis=1).min() > 0
    assert np.median(edges.curvature) == pytest.approx(1 / 17.3, rel=0.05)
    assert np.median(edges.contrast) == pytest.approx(chart.high - chart.low, rel=0.03)
    assert np.median(edges.blur) == pytest.approx(0.6, abs=0.06)


@every_detector
def test_a_dark_disc_bends_the_other_way(detector):
    chart = DiscChart(size=(64, 64), radius_px=15.0, bright=False)
    edges = detector().detect(chart.picture())
    assert np.median(edges.curvature) == pytest.approx(-1 / 15, rel=0.05)


@every_detector
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_has_turned_points(detector, turns, disc):
    _, picture = disc
    height, width = picture.shape[:2]
    points = detector().detect(picture).points
    for _ in range(turns):  # np.rot90 brings column x to row (width - 1 - x)
        points = np.stack([points[:, 1], width - 1 - points[:, 0]], axis=1)
        height, width = width, height
    turned = detector().detect(np.rot90(picture, turns).copy())
    same_points(turned.points, points, 2e-3)


@every_detector
def test_a_mirrored_picture_has_mirrored_points(detector, disc):
    _, picture = disc
    points = detector().detect(picture).points * (-1, 1) + (picture.shape[1] - 1, 0)
    mirrored = detector().detect(picture[:, ::-1].copy())
    same_points(mirrored.points, points, 2e-3)
    negative = detector().detect(255 - picture)
    np.testing.assert_allclose(
        np.sort(negative.x), np.sort(detector().detect(picture).x), atol=2e-3
    )


@every_detector
def test_the_same_picture_in_three_dtypes_has_the_same_points(detector, disc):
    _, picture = disc
    deep = picture.astype(np.uint16) * 257
    unit = (picture / 255.0).astype(np.float32)
    first = detector().detect(picture)
    for other in (deep, unit, picture[..., 0], np.repeat(deep, 3, axis=2)):
        edges = detector().detect(other)
        np.testing.assert_allclose(edges.points, first.points, atol=1e-3)


@every_detector
@settings(max_examples=15, deadline=None)
@given(offset=st.floats(-2.0, 2.0), angle=st.floats(0.0, 359.0), blur=st.sampled_from([0.0, 0.7]))
def test_points_follow_a_shift_of_any_fraction_of_a_pixel(detector, offset, angle, blur):
    chart = LineChart(size=(48, 48), angle_deg=angle, offset_px=offset, blur_px=blur)
    edges = detector().detect(chart.picture())
    inner = np.abs(edges.points - 23.5).max(axis=1) < 17
    errors = chart.distance(edges.x, edges.y)[inner]
    assert np.count_nonzero(inner) >= 30
    assert abs(errors.mean()) < 0.045
    assert np.abs(errors).max() < 0.08


@every_detector
@pytest.mark.parametrize("value", [0, 77, 255])
def test_a_flat_picture_has_no_edges(detector, value):
    edges = detector().detect(np.full((40, 41, 3), value, np.uint8))
    assert len(edges) == 0
    assert edges.size == (40, 41)
    assert edges.contours() == []


@every_detector
def test_an_even_ramp_has_no_edges(detector):
    ramp = np.tile(np.linspace(0, 1, 60, dtype=np.float32), (40, 1))[..., None]
    assert len(detector(thresholds=(0.001, 0.002)).detect(ramp)) == 0


@every_detector
def test_noise_alone_has_no_edges(detector, rng):
    noise = np.rint(128 + rng.normal(0, 5, (200, 200, 1))).astype(np.uint8)
    assert len(detector().detect(noise)) == 0


@every_detector
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 3), (4, 5), (6, 6), (7, 7), (8, 200)])
def test_tiny_pictures_are_taken(detector, size, rng):
    picture = (rng.random((*size, 1)) > 0.5).astype(np.float32)
    edges = detector(min_points=1).detect(picture)
    assert np.isfinite(edges.points).all()
    assert edges.size == size


@every_detector
def test_the_threshold_means_the_gradient_per_pixel(detector):
    picture = LineChart(size=(32, 32), low=0.4, high=0.5, blur_px=1.0).picture(np.float32)
    strength = detector(thresholds=(0.0, 0.0)).detect(picture).strength.max()
    assert 0.02 < strength < 0.04
    assert len(detector(thresholds=(0.9 * strength, 0.9 * strength)).detect(picture))
    assert not len(detector(thresholds=(0.01, 1.1 * strength)).detect(picture))


@every_detector
def test_short_contours_are_dropped(detector):
    picture = DiscChart(size=(32, 32), radius_px=4.0).picture()
    count = len(detector().detect(picture))
    assert 10 < count < 40
    assert len(detector(min_points=count + 1).detect(picture)) == 0


@every_detector
def test_as_a_step_it_leaves_the_image_and_adds_points_and_a_drawing(detector, disc):
    _, picture = disc
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535), (np.float32, 1)):
        image = (picture / 255.0 * white).astype(dtype)
        out = detector()(Sample(image, meta={"iso": 100}))
        np.testing.assert_array_equal(out.image, image)
        assert isinstance(out.meta["edges"], EdgePoints)
        assert out.meta["iso"] == 100
        assert out.hint.shape == (*image.shape[:2], 1)
        assert out.hint.dtype == dtype
        assert out.hint.max() == pytest.approx(white, rel=0.2)
        assert (out.hint > 0).mean() < 0.1


@every_detector
def test_what_is_no_picture_is_refused(detector):
    broken = np.zeros((20, 20, 1), np.float32)
    broken[4, 5] = np.nan
    with pytest.raises(RangeError, match="NaN"):
        detector().detect(broken)
    with pytest.raises(ShapeError, match="channels"):
        detector().detect(np.zeros((20, 20, 4), np.uint8))
    with pytest.raises(DtypeError, match="float64"):
        detector().detect(np.zeros((20, 20, 1)))
    with pytest.raises(RangeError, match=r"first, 0\.2, is above"):
        detector(thresholds=(0.2, 0.1))
