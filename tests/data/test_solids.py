from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.data.solids import Box, Cone, Room, Sphere

SOLIDS = (
    Sphere((0.2, -0.1, 4.0), 0.7),
    Sphere((0.2, -0.1, 4.0), 0.7, 1.3),
    Box((0.1, 0.2, 4.0), (0.5, 0.3, 0.4)),
    Box((0.1, 0.2, 4.0), (0.5, 0.3, 0.4), 30.0),
    Cone((0.0, -0.4, 4.0), 0.9, (0.5, 0.2)),
    Cone((0.0, -0.4, 4.0), 0.9, (0.3, 0.3), closed=False),
)
ids = [f"{type(s).__name__}-{k}" for k, s in enumerate(SOLIDS)]


def inside(solid, p):
    """Tell in float64 which points are in the solid, straight from its definition."""
    if isinstance(solid, Sphere):
        x, y, z = (p[i] - solid.center[i] for i in range(3))
        return x**2 + (y / solid.stretch) ** 2 + z**2 < solid.radius**2
    if isinstance(solid, Box):
        angle = np.deg2rad(solid.degrees)
        x, y, z = (p[i] - solid.center[i] for i in range(3))
        u, v = np.cos(angle) * x - np.sin(angle) * z, np.sin(angle) * x + np.cos(angle) * z
        return (abs(u) < solid.half[0]) & (abs(y) < solid.half[1]) & (abs(v) < solid.half[2])
    y = p[1] - solid.base[1]
    wide = solid.radii[0] + (solid.radii[1] - solid.radii[0]) * y / solid.height
    away = np.hypot(p[0] - solid.base[0], p[2] - solid.base[2])
    return (y > 0) & (y < solid.height) & (away < wide)


@pytest.mark.parametrize("solid", SOLIDS, ids=ids)
def test_a_hit_is_where_a_fine_walk_along_the_ray_first_changes_sides(solid, rng):
    direction = np.stack([*rng.uniform(-0.2, 0.2, (2, 300)), np.ones(300)])
    t = solid.hit(np.zeros((3, 1), np.float32), direction.astype(np.float32))
    steps = np.linspace(2.5, 5.5, 6001)
    walked = np.full(300, np.inf)
    for k in range(300):
        found = inside(solid, direction[:, k, None] * steps)
        if found.any():
            walked[k] = steps[found.argmax()]
    both = np.isfinite(t) & np.isfinite(walked)
    error = np.abs(t[both] - walked[both])
    if isinstance(solid, Cone) and not solid.closed:
        error = error[error < 0.2]  # an open end lets a ray in without a hit
    assert error.size > 20
    assert np.median(error) < 1e-3
    assert np.mean(error < 2e-3) > 0.97
    assert np.mean(np.isfinite(t) == np.isfinite(walked)) > 0.97


@pytest.mark.parametrize("solid", SOLIDS, ids=ids)
def test_normals_are_unit_vectors_that_point_outwards(solid):
    v, u = (np.mgrid[0:7, 0:7].reshape(2, -1) + 0.5) / 7
    for face in range(solid.faces):
        point = solid.point(face, u, v)
        normal = solid.normal(point)
        np.testing.assert_allclose((normal**2).sum(axis=0), 1.0, atol=1e-5)
        assert not inside(solid, point + 0.01 * normal).any()
        if not (isinstance(solid, Cone) and face > 0):  # corners of a cap's chart lie beside it
            assert inside(solid, point - 0.01 * normal).all()


@pytest.mark.parametrize("solid", SOLIDS, ids=ids)
def test_surface_coordinates_come_back(solid):
    v, u = (np.mgrid[0:5, 0:5].reshape(2, -1) + 0.5) / 5
    for face in range(solid.faces):
        if isinstance(solid, Cone) and face > 0:
            u, v = u * 0.5 + 0.25, v * 0.5 + 0.25
        got_face, got_u, got_v = solid.chart(solid.point(face, u, v))
        assert np.all(got_face == face)
        np.testing.assert_allclose(got_u, u, atol=1e-4)
        np.testing.assert_allclose(got_v, v, atol=1e-4)


@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.floats(-1, 1), st.floats(-1, 1))
def test_a_room_always_ends_a_ray_at_a_wall(x, y, dx, dy):
    room = Room((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    origin = np.array([[x], [y], [0.0]], np.float32)
    direction = np.array([[dx], [dy], [1.0]], np.float32)
    end = origin + room.hit(origin, direction) * direction
    assert np.abs(end).max() == pytest.approx(1.0, abs=1e-5)
    assert float((room.normal(end) * direction).sum()) < 0


def test_a_ray_beside_every_solid_hits_nothing():
    for solid in SOLIDS:
        assert np.isinf(solid.hit(np.zeros((3, 1), np.float32), np.float32([[5], [0], [1]]))).all()
