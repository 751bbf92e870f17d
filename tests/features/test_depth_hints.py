"""Depth and normals as pictures: planes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.sample import Sample
from sfumato.errors import FieldError, RangeError
from sfumato.features import ShowDepth, ShowNormals


def sample(depth: np.ndarray) -> Sample:
    return Sample(np.zeros((*depth.shape, 3), np.float32), depth=depth.astype(np.float32))


def test_near_is_white_far_is_black_and_the_sky_too():
    depth = np.array([[1.0, 2.0, 4.0, np.inf]])
    shown = ShowDepth(percentiles=(0, 100))(sample(depth)).hint[0, :, 0]
    np.testing.assert_allclose(shown, [1.0, 0.5, 0.25, 0.0], atol=1e-6)


def test_a_constant_depth_is_one_shade():
    assert np.ptp(ShowDepth()(sample(np.full((4, 5), 3.0))).hint) == 0


@pytest.mark.parametrize(("tilt_x", "tilt_y"), [(0.0, 0.0), (0.5, 0.0), (0.0, -0.4), (0.3, 0.6)])
def test_normals_of_a_tilted_plane_are_those_of_the_plane(tilt_x, tilt_y):
    """A plane n.p = c seen through a pinhole has the depth c / (n.ray) along each ray."""
    height, width, angle = 40, 60, 50.0
    normal = np.array([tilt_x, tilt_y, 1.0]) / np.linalg.norm([tilt_x, tilt_y, 1.0])
    focal = 0.5 * width / np.tan(np.radians(angle) / 2)
    y, x = np.mgrid[:height, :width]
    rays = np.stack(
        [(x - (width - 1) / 2) / focal, -(y - (height - 1) / 2) / focal, -np.ones(x.shape)], -1
    )
    depth = -3.0 / (rays @ normal)
    shown = ShowNormals(field_of_view_deg=angle)(sample(depth)).hint
    np.testing.assert_allclose(
        shown[2:-2, 2:-2] * 2 - 1, np.broadcast_to(normal, rays.shape)[2:-2, 2:-2], atol=5e-3
    )


def test_a_picture_of_one_pixel_faces_the_viewer():
    np.testing.assert_allclose(ShowNormals()(sample(np.ones((1, 1)))).hint[0, 0], [0.5, 0.5, 1.0])


def test_depth_that_is_missing_or_not_positive_is_refused():
    for operator in (ShowDepth(), ShowNormals()):
        with pytest.raises(FieldError, match="depth"):
            operator(Sample(np.zeros((2, 2, 3), np.uint8)))
        with pytest.raises(RangeError, match="above 0"):
            operator(sample(np.array([[1.0, 0.0]])))
        with pytest.raises(RangeError, match="above 0"):
            operator(sample(np.array([[1.0, np.nan]])))
    with pytest.raises(RangeError, match="below the second"):
        ShowDepth(percentiles=(50.0, 50.0))
