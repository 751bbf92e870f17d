from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato import Sample
from sfumato.core.warp import FlowField, WarpOperator
from sfumato.errors import RangeError


class Shift(WarpOperator):
    """Move by whole or broken pixels."""

    right: float = 0.0
    down: float = 0.0

    def flow(self, size, rng):
        return np.array([[1, 0, self.right], [0, 1, self.down], [0, 0, 1.0]])


class Tilt(WarpOperator):
    """A perspective, or the same as a dense field."""

    dense: bool = False
    MATRIX = np.array([[1.05, 0.05, -2], [-0.03, 0.97, 3], [2e-4, 1e-4, 1]])

    def flow(self, size, rng):
        if not self.dense:
            return self.MATRIX
        y, x = np.mgrid[0 : size[0], 0 : size[1]]
        points = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(self.MATRIX).T
        return FlowField((points[..., :2] / points[..., 2:]).astype(np.float32))


def blob_at(x, y, size=(60, 80)):
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]]
    return np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 18).astype(np.float32)[..., None]


def centre_of(image):
    yy, xx = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    plane = image[..., 0]
    return (plane * xx).sum() / plane.sum(), (plane * yy).sum() / plane.sum()


def test_a_whole_shift_moves_everything_by_as_much():
    image = np.arange(80, dtype=np.uint8).reshape(8, 10, 1)
    sample = Sample(
        image,
        mask=(image[..., 0] > 40).astype(np.int32),
        keypoints=np.array([[1.0, 2.0, 7.0]]),
        boxes=np.array([[1.0, 2.0, 4.0, 5.0]]),
        depth=image[..., 0].astype(np.float32),
    )
    out = Shift(right=2, down=1)(sample)
    np.testing.assert_array_equal(out.image[1:, 2:], image[:-1, :-2])
    np.testing.assert_array_equal(out.mask[1:, 2:], sample.mask[:-1, :-2])
    np.testing.assert_array_equal(out.depth[1:, 2:], sample.depth[:-1, :-2])
    assert out.mask.dtype == np.int32
    assert out.keypoints.tolist() == [[3.0, 3.0, 7.0]]
    assert out.boxes.tolist() == [[3.0, 3.0, 6.0, 6.0]]


@pytest.mark.parametrize("dense", [False, True])
@given(x=st.floats(15, 60), y=st.floats(15, 42))
def test_a_point_lands_where_the_picture_shows_it(dense, x, y):
    sample = Sample(blob_at(x, y), keypoints=np.array([[x, y]]))
    out = Tilt(dense=dense, interpolation="cubic")(sample)
    np.testing.assert_allclose(out.keypoints[0], centre_of(out.image), atol=0.06)


def test_a_field_and_its_homography_agree():
    sample = Sample(blob_at(30, 30), boxes=np.array([[10.0, 12.0, 50.0, 44.0]]))
    exact, dense = Tilt()(sample), Tilt(dense=True)(sample)
    np.testing.assert_allclose(exact.boxes, dense.boxes, atol=1e-3)
    np.testing.assert_allclose(exact.image, dense.image, atol=0.02)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_dtype_channels_and_fill_are_kept(dtype):
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    image = np.zeros((5, 6, 1), dtype)
    out = Shift(right=3, fill=1.0)(image)
    assert (out.dtype, out.shape) == (image.dtype, image.shape)
    assert (out[:, :3] == white).all()
    assert not out[:, 3:].any()


def test_a_point_sent_to_infinity_is_refused():
    class Fold(WarpOperator):
        def flow(self, size, rng):
            return np.array([[1, 0, 0], [0, 1, 0], [-0.5, 0, 1.0]])

    with pytest.raises(RangeError, match="infinity"):
        Fold()(Sample(blob_at(3, 3), keypoints=np.array([[4.0, 1.0]])))
