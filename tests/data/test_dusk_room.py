from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.data import dusk_room
from sfumato.data.dusk_room import DuskRoom
from sfumato.data.shake import shake_homography


def test_the_range_of_light_is_that_of_a_real_room_at_dusk(truth):
    light = truth.radiance.mean(axis=-1)
    assert np.all(np.isfinite(truth.radiance) & (truth.radiance > 0))
    assert np.log2(light.max() / np.percentile(light, 0.5)) > 14
    assert np.log2(light[truth.mask("outdoors")].max() / np.median(light)) > 10
    assert 0.005 < np.median(light) < 0.2


def test_shapes_and_types_are_those_promised(room, truth):
    assert truth.radiance.shape == truth.normals.shape == (*room.size, 3)
    assert truth.depth.shape == truth.ids.shape == truth.subject.shape == room.size
    assert truth.radiance.dtype == truth.depth.dtype == truth.subject.dtype == np.float32
    assert truth.ids.dtype == np.int32


def test_the_lamp_shade_floor_and_things_are_where_they_were_put(room, truth):
    for name, point in (
        ("lamp", (1.72, 1.19, 4.54)),
        ("mirror ball", (0.06, 0.58, 3.18)),
        ("balloon", (-0.62, 1.72, 2.81)),
        ("bookcase", (1.76, 1.0, 3.2)),
        ("chart", (-1.79, 1.52, 4.97)),
        ("outdoors", (0.3, 1.9, 5.1)),
    ):
        x, y = np.rint(room.project([point])[0]).astype(int)
        assert truth.names[truth.ids[y, x]] == name


def test_depth_is_that_of_the_planes_it_was_made_of(room, truth):
    up = truth.normals[..., 1]
    floor = truth.mask("room") & (up > 0.99)
    rows = np.nonzero(floor)[0]
    expected = room.eye[1] * room.focal_length_px / (rows - room.principal_point[1])
    np.testing.assert_allclose(truth.depth[floor], expected, rtol=1e-4)
    front = truth.mask("chart") & (truth.normals[..., 2] < -0.99)
    np.testing.assert_allclose(truth.depth[front], 4.97 - room.eye[2], rtol=1e-5)
    assert floor.sum() > 1000


def test_normals_are_unit_vectors_towards_the_camera(room, truth):
    length = np.linalg.norm(truth.normals, axis=-1)
    solid = ~truth.mask("outdoors")
    np.testing.assert_allclose(length[solid], 1.0, atol=1e-4)
    assert np.all(length[~solid] == 0)
    y, x = np.mgrid[0 : room.size[0], 0 : room.size[1]]
    cx, cy = room.principal_point
    ray = np.stack([x - cx, cy - y, np.full(x.shape, room.focal_length_px)], axis=-1)
    assert np.all((ray * truth.normals).sum(axis=-1)[solid] < 1e-2)


def test_the_outline_of_the_balloon_is_a_jump_in_depth(truth):
    ball = truth.mask("balloon")
    thick = cv2.erode(ball.astype(np.uint8), np.ones((3, 3))) > 0
    ring = (cv2.dilate(thick.astype(np.uint8), np.ones((7, 7))) > 0) & ~ball
    assert truth.depth[ball].max() < 3.7
    assert truth.depth[ring].min() > 4.5


def test_the_share_of_the_subject_is_whole_inside_and_partial_on_its_edge(room, truth):
    assert np.array_equal(truth.subject, room.subject_share())
    inner = cv2.erode(truth.mask("balloon").astype(np.uint8), np.ones((3, 3))) > 0
    assert np.all(truth.subject[inner] == 1.0)
    assert np.all(
        truth.subject_mask[truth.mask("balloon")] | (truth.subject > 0)[truth.mask("balloon")]
    )
    partial = (truth.subject > 0) & (truth.subject < 1)
    assert partial.any()


def test_moving_the_subject_changes_its_own_pixels_and_no_others(room, truth):
    moved, gone = room.render(subject_at=0.6), room.render(subject_at=None)
    assert not gone.subject_mask.any()
    for other, touched in (
        (moved, truth.subject_mask | moved.subject_mask),
        (gone, truth.subject_mask),
    ):
        np.testing.assert_array_equal(truth.radiance[~touched], other.radiance[~touched])
        np.testing.assert_array_equal(truth.depth[~touched], other.depth[~touched])
        assert (truth.radiance != other.radiance).any()


def test_a_shift_by_whole_pixels_is_a_shift_of_the_picture(room, truth):
    shifted = room.render(homography=np.array([[1, 0, 4], [0, 1, -3], [0, 0, 1.0]]))
    ratio = shifted.radiance[3:, :-4] / truth.radiance[:-3, 4:]
    assert np.quantile(np.abs(ratio - 1), 0.999) < 1e-3
    assert np.mean(shifted.ids[3:, :-4] == truth.ids[:-3, 4:]) > 0.9999


def board_corners_in(radiance, expected):
    picture = np.log2(radiance.mean(axis=-1)).astype(np.float32)
    start = np.rint(expected).astype(np.float32).reshape(-1, 1, 2)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 60, 1e-4)
    return cv2.cornerSubPix(picture, start, (4, 4), (-1, -1), stop)[:, 0]


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_the_corners_of_the_checkerboard_are_seen_where_the_homography_says(seed):
    room = DuskRoom(size=(450, 720))
    matrix = np.eye(3) if seed is None else shake_homography(room, 8.0, seed)
    picture = room.render(homography=matrix, subject_at=None).radiance
    there = np.column_stack([room.landmarks, np.ones(len(room.landmarks))])
    there = there @ np.linalg.inv(matrix).T
    there = there[:, :2] / there[:, 2:]
    error = board_corners_in(picture, there) - there
    assert np.linalg.norm(error.mean(axis=0)) < 0.03
    assert np.sqrt((error**2).sum(axis=1).mean()) < 0.12


def test_more_samples_converge_to_the_same_picture():
    coarse, fine = (
        DuskRoom(size=(60, 96), samples=samples).render().radiance for samples in (2, 8)
    )
    assert abs(np.log2(coarse.mean() / fine.mean())) < 0.3
    assert np.median(np.abs(coarse / fine - 1)) < 0.1


def test_the_same_seed_gives_the_same_bits_whatever_was_rendered_before(room, truth):
    dusk_room._world.cache_clear()
    dusk_room._furnished.cache_clear()
    DuskRoom(size=(20, 30), seed=5).render(subject_at=0.3)
    again = room.render()
    np.testing.assert_array_equal(truth.radiance, again.radiance)
    np.testing.assert_array_equal(truth.ids, again.ids)


def test_another_seed_gives_another_room():
    first, second = (DuskRoom(size=(60, 96), seed=seed).render().radiance for seed in (0, 1))
    assert np.mean(np.abs(first / second - 1) > 0.02) > 0.3


def test_the_table_view_spans_near_and_far():
    truth = DuskRoom(size=(60, 96), view="table").render()
    assert truth.depth.min() < 1.3
    assert truth.depth.max() > 500
    assert truth.mask("mirror ball").mean() > 0.02


@pytest.mark.parametrize("size", [(8, 8), (9, 31), (64, 17)])
def test_odd_and_upright_sizes_work(size):
    truth = DuskRoom(size=size, samples=1).render()
    assert truth.radiance.shape == (*size, 3)
    assert np.all(np.isfinite(truth.radiance))
