from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from sfumato.errors import RangeError
from sfumato.measure import BoundaryF


def outline(mask):
    """A pixel of the map that differs from its right, lower or lower right neighbour."""
    grown = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, low, both = grown[:-1, 1:], grown[1:, :-1], grown[1:, 1:]
    return (mask != right) | (mask != low) | (mask != both)


def by_distance(prediction, target, radius):
    """F of each class from exact distance transforms."""
    scores = {}
    for label in np.union1d(prediction, target):
        a, b = outline(prediction == label), outline(target == label)
        if not a.any() or not b.any():
            scores[int(label)] = float(a.any() == b.any())
            continue
        precision = (distance_transform_edt(~b)[a] <= radius + 1e-6).mean()
        recall = (distance_transform_edt(~a)[b] <= radius + 1e-6).mean()
        total = precision + recall
        scores[int(label)] = 2 * precision * recall / total if total else 0.0
    return scores


def blobs(rng, size, classes):
    seeds = rng.integers(0, classes, (size[0] // 6 + 1, size[1] // 6 + 1))
    return seeds.repeat(6, axis=0).repeat(6, axis=1)[: size[0], : size[1]]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1.0, 1.5, np.sqrt(2), 2.0, 3.0, 5.0]),
    st.sampled_from([2, 5, 200]),
)
def test_it_is_that_of_exact_distance_transforms(seed, radius, classes):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(3, 40, 2))
    target = blobs(rng, size, classes)
    prediction = np.roll(target, tuple(rng.integers(-3, 4, 2)), axis=(0, 1))
    expected = by_distance(prediction, target, radius)
    metric = BoundaryF(radii_px=(float(radius),))
    metric.update(prediction, target)
    found = metric.per_class()[:, 0]
    np.testing.assert_allclose(found[list(expected)], list(expected.values()), atol=1e-12)
    assert np.isnan(np.delete(found, list(expected))).all()
    assert metric.compute() == pytest.approx(np.mean(list(expected.values())))


def test_it_agrees_on_real_label_maps(shared_data):
    from sfumato.core.opencv import cv2

    folder = shared_data("segmentation/camvid/labels/test")
    first, second = (cv2.imread(str(p), -1) for p in sorted(folder.glob("*.png"))[:2])
    for radius in (1.0, 3.0):
        expected = by_distance(second, first, radius)
        found = BoundaryF(radii_px=(radius,))(second, first)
        assert found == pytest.approx(np.mean(list(expected.values())))


def test_several_radii_are_told_apart_and_averaged(rng):
    target = blobs(rng, (40, 50), 3)
    prediction = np.roll(target, 2, axis=1)
    radii = (1.0, 2.0, 4.0)
    metric = BoundaryF(radii_px=radii)
    metric.update(prediction, target)
    single = [BoundaryF(radii_px=(r,))(prediction, target) for r in radii]
    np.testing.assert_allclose(metric.per_class().mean(axis=0), single)
    assert metric.compute() == pytest.approx(np.mean(single))
    assert single == sorted(single)


def test_a_set_is_the_mean_over_classes_of_the_mean_over_pictures():
    stripes = np.zeros((8, 8), int)
    stripes[:, 4:] = 1
    moved, other = np.roll(stripes, 1, axis=1), np.full((8, 8), 2)
    metric = BoundaryF(radii_px=(0.0,))
    metric.update(stripes, stripes)
    metric.update(moved, stripes)
    metric.update(other, other)
    np.testing.assert_allclose(metric.per_class()[:, 0], [0.5, 0.5, 1.0])
    assert metric.compute() == pytest.approx(2 / 3)


def test_what_fills_a_map_has_no_boundary():
    full, half = np.zeros((9, 9), int), np.zeros((9, 9), int)
    half[5:] = 1
    assert BoundaryF()(full, full) == 1.0
    assert BoundaryF()(full, half) == 0.0
    assert BoundaryF()(half, full) == 0.0


def test_the_edge_of_a_void_is_no_boundary():
    target = np.zeros((20, 30), np.uint8)
    target[:, 10:] = 1
    target[:, 20:] = 255
    prediction = np.zeros_like(target)
    prediction[:, 10:] = 1
    anything = prediction.copy()
    anything[:, 22:27] = 3
    assert BoundaryF(ignore=255)(prediction, target) == 1.0
    assert BoundaryF(ignore=255)(anything, target) == 1.0


def test_radii_that_are_no_list_of_radii_are_refused():
    for radii in ((), (3.0, 1.0), (1.0, 1.0), (-1.0,)):
        with pytest.raises(RangeError, match="radii_px"):
            BoundaryF(radii_px=radii)
