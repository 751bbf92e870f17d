from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.core.opencv import cv2
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.measure import EndpointError

SIZE = (48, 64)


def matrix(seed):
    rng = np.random.default_rng(seed)
    out = np.eye(3) + rng.normal(0, 0.1, (3, 3))
    out[:2, 2] *= 40
    out[2, :2] = rng.uniform(-2e-3, 2e-3, 2)
    return out / out[2, 2]


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_it_is_the_distance_of_corners_that_opencv_maps(first, second):
    a, b = matrix(first), matrix(second)
    corners = np.array([[[0, 0]], [[63, 0]], [[63, 47]], [[0, 47]]], np.float64)
    gap = (cv2.perspectiveTransform(corners, a) - cv2.perspectiveTransform(corners, b)).reshape(
        4, 2
    )
    distance = np.hypot(*gap.T)
    expected = {
        "mean": distance.mean(),
        "rms": np.sqrt((distance**2).mean()),
        "max": distance.max(),
    }
    for statistic, value in expected.items():
        metric = EndpointError(size=SIZE, statistic=statistic)
        assert metric(a, b) == pytest.approx(value)
        assert metric(-3 * a, 0.2 * b) == pytest.approx(value)


def test_a_turn_moves_the_far_corners_most():
    angle = 0.01
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    reach = 2 * np.sin(angle / 2) * np.hypot(63, 47)
    assert EndpointError(size=SIZE, statistic="max")(turn, np.eye(3)) == pytest.approx(reach)


def test_a_map_through_infinity_is_infinitely_wrong_and_no_target():
    fold = np.array([[1.0, 0, 0], [0, 1, 0], [-0.05, 0, 1]])
    assert EndpointError(size=SIZE)(fold, np.eye(3)) == math.inf
    with pytest.raises(RangeError, match="infinity"):
        EndpointError(size=SIZE)(np.eye(3), fold)


def test_what_is_no_homography_is_refused():
    metric = EndpointError(size=SIZE)
    with pytest.raises(ShapeError, match=r"\(3, 3\)"):
        metric(np.eye(2), np.eye(3))
    with pytest.raises(RangeError, match="NaN"):
        metric(np.full((3, 3), np.nan), np.eye(3))
    with pytest.raises(DtypeError):
        metric(np.full((3, 3), "x"), np.eye(3))
    with pytest.raises(RangeError, match="size"):
        EndpointError(size=(0, 5))
