"""Mean IoU and Dice, and the label maps that all metrics of labels read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.measure import BoundaryF, Dice, MeanIoU

maps = hnp.arrays(np.uint8, (3, 2, 5, 6), elements=st.integers(0, 3))
METRICS = (MeanIoU, Dice, BoundaryF)


def by_sets(pairs, ignore=None):
    """IoU and Dice of each class from all pixels of a set in one row."""
    prediction, target = (np.concatenate([pair[k].ravel() for pair in pairs]) for k in (0, 1))
    counted = target != (-1 if ignore is None else ignore)
    prediction, target = prediction[counted], target[counted]
    iou, dice = [], []
    for label in np.union1d(prediction, target):
        a, b = prediction == label, target == label
        iou.append((a & b).sum() / (a | b).sum())
        dice.append(2 * (a & b).sum() / (a.sum() + b.sum()))
    return np.mean(iou), np.mean(dice)


@given(maps)
def test_a_set_is_scored_by_its_summed_pixels(pairs):
    iou, dice = MeanIoU(), Dice(classes=7)
    for prediction, target in pairs:
        iou.update(prediction, target)
        dice.update(prediction.astype(np.int64), target)
    assert (iou.compute(), dice.compute()) == pytest.approx(by_sets(pairs))


@given(maps)
def test_ignored_pixels_do_not_count(pairs):
    prediction, target = pairs[0]
    keep = target != 2
    if not keep.any() or (prediction[keep] == 2).any():
        return
    expected = by_sets([(prediction, target)], ignore=2)
    metrics = (MeanIoU(ignore=2), Dice(ignore=2))
    assert tuple(metric(prediction, target) for metric in metrics) == pytest.approx(expected)
    elsewhere = np.where(keep, prediction, 3).astype(np.uint8)
    assert MeanIoU(ignore=2)(elsewhere, target) == MeanIoU(ignore=2)(prediction, target)


def test_a_set_is_not_the_mean_of_its_pictures():
    metric, zeros = MeanIoU(), np.zeros((10, 10), np.uint8)
    metric.update(zeros, zeros)
    metric.update(np.array([[0]], np.uint8), np.array([[1]], np.uint8))
    # Class 0: 100 of 101 pixels, class 1: none of one.
    assert metric.compute() == pytest.approx((100 / 101 + 0) / 2)
    np.testing.assert_allclose(metric.per_class(), [100 / 101, 0])


def test_classes_that_never_occur_are_left_out_and_told():
    metric = MeanIoU(classes=4)
    metric.update(np.array([[0, 2]]), np.array([[0, 0]]))
    np.testing.assert_allclose(metric.per_class(), [0.5, np.nan, 0.0, np.nan])
    assert metric.compute() == 0.25


def test_dice_of_a_mask_counts_what_it_marks():
    a, b = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    a[:4], b[2:6] = True, True
    assert Dice(background=0)(a, b) == pytest.approx(0.5)
    assert Dice()(a, b) == pytest.approx((0.5 + 0.5) / 2)
    assert Dice(background=0)(~a & a, ~b & b) == 1.0
    assert Dice(background=0)(a, ~b & b) == 0.0
    iou = MeanIoU()
    iou.update(a, b)
    assert 2 * iou.per_class()[1] / (1 + iou.per_class()[1]) == pytest.approx(0.5)


def test_a_void_of_any_value_may_be_ignored():
    target = np.array([[0, 1, -1]])
    assert MeanIoU(ignore=-1)(np.array([[0, 1, 1]]), target) == 1.0
    assert MeanIoU(ignore=-1)(np.array([[0, 1, 1]], np.uint8), target.astype(np.int8)) == 1.0
    assert MeanIoU(ignore=255)(np.array([[0, 1, 255]], np.uint8), target.astype(np.uint8)) == 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_no_pair_of_label_maps_is_refused(metric):
    labels = np.zeros((6, 7), np.uint8)
    with pytest.raises(ShapeError, match="nearest"):
        metric()(labels[1:], labels)
    with pytest.raises(ShapeError, match=r"\(h, w\)"):
        metric()(np.zeros((6, 7, 3), np.uint8), np.zeros((6, 7, 3), np.uint8))
    with pytest.raises(DtypeError, match="argmax"):
        metric()(labels.astype(np.float32), labels)
    with pytest.raises(RangeError, match="label 9, expected 0 to 4"):
        metric(classes=5)(labels + np.uint8(9), labels)
    with pytest.raises(RangeError, match="label -3"):
        metric()(labels, labels.astype(np.int16) - 3)
    with pytest.raises(RangeError, match="label 70000"):
        metric()(labels + np.int32(70000), labels)
    with pytest.raises(RangeError, match="no pixel counts"):
        metric(ignore=0)(labels, labels)


@pytest.mark.parametrize("metric", METRICS)
def test_a_picture_that_is_all_void_adds_nothing_to_a_set(metric):
    scored = metric(ignore=255)
    labels = (np.arange(48).reshape(6, 8) // 9 % 3).astype(np.uint8)
    scored.update(np.roll(labels, 1), labels)
    alone = scored.compute()
    scored.update(labels, np.full_like(labels, 255))
    assert scored.compute() == alone


@pytest.mark.parametrize("metric", METRICS)
def test_a_channel_axis_changes_nothing(metric):
    labels = (np.arange(48).reshape(6, 8) // 9 % 3).astype(np.uint8)
    other = np.roll(labels, 1)
    assert metric()(other[..., None], labels[..., None]) == metric()(other, labels)
