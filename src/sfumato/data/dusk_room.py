"""A furnished room at dusk, seen against its window."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.data.furniture import OPENING, PANEL, balloon, furnish, lamp
from sfumato.data.lighting import bake
from sfumato.data.outdoors import Outdoors
from sfumato.data.scene import Scene, SceneTruth, check_homography, sample_positions
from sfumato.data.solids import Solid
from sfumato.data.tracing import OUTDOORS, Rect, World
from sfumato.data.wall_pictures import board_corners

__all__ = ["DuskRoom"]

VIEWS = {
    # Place of the lens; tangent of half the horizontal angle of view (30 and 49 mm on 35 mm
    # film); rise of the lens: the share of the height by which the horizon is above the middle.
    "room": ((0.12, 1.38, -0.45), 0.60, 0.075),
    "table": ((-0.16, 0.84, 1.86), 0.37, 0.36),
}
PATH = (0.55, 0.10, 0.0)
"""How far the balloon is carried while the subject's position goes from 0 to 1."""
BAND_RAYS = 100_000


class DuskRoom(Scene):
    """A room at dusk: a low sun behind a lake, a lamp, and deep shade in one picture.

    Every value is computed from the geometry: radiance (more than 14 stops from
    the sun to the shade), depth, normals and objects. A balloon is the moving
    subject; it throws no shadow and is not mirrored, so a change of its place
    changes the pixels of its outline and no others.

    Args:
        size: height and width of the picture in pixels.
        seed: draws the sun, the hills, the clouds and the still life.
        view: ``room`` is the whole room; ``table`` the still life from nearby, with
            depths from under one metre to the horizon.
        samples: rays across a pixel; its value is the mean over their square.

    Example:
        >>> room = DuskRoom(size=(40, 60)).render()
        >>> room.radiance.shape, bool(room.radiance.max() > 5), bool(room.mask("table").any())
        ((40, 60, 3), True, True)
    """

    view: Literal["room", "table"] = "room"
    samples: Annotated[int, Between(1, 8)] = 2

    @property
    def eye(self) -> tuple[float, float, float]:
        """Where the lens is: metres to the right, upwards and into the room."""
        return VIEWS[self.view][0]

    @property
    def focal_length_px(self) -> float:
        return self.size[1] / 2 / VIEWS[self.view][1]

    @property
    def principal_point(self) -> tuple[float, float]:
        rise = VIEWS[self.view][2] * self.size[0]
        return (self.size[1] - 1) / 2, (self.size[0] - 1) / 2 - rise

    def project(self, points: Any) -> NDArray[np.float64]:
        """Give the pixels (k, 2) where points (k, 3) of the room are seen."""
        away = np.asarray(points, np.float64) - np.asarray(self.eye)
        x, y = self.principal_point
        f = self.focal_length_px
        return np.stack([x + f * away[:, 0] / away[:, 2], y - f * away[:, 1] / away[:, 2]], axis=1)

    @property
    def landmarks(self) -> NDArray[np.float64]:
        """The inner corners (k, 2) of the checkerboard on the wall, exact pixels (x, y)."""
        return self.project(board_corners())

    def render(
        self, *, homography: NDArray[np.float64] | None = None, subject_at: float | None = 0.0
    ) -> SceneTruth:
        shot = self._shot(homography, subject_at)
        radiance, depth, ids, subject, normals = self._in_bands(shot.band)
        things = enumerate(shot.world.things)
        names = {k: thing.name for k, thing in things} | {OUTDOORS: "outdoors"}
        return SceneTruth(radiance, depth, ids, subject, names, normals)

    def subject_share(
        self, *, homography: NDArray[np.float64] | None = None, subject_at: float | None = 0.0
    ) -> NDArray[np.float32]:
        return self._in_bands(self._shot(homography, subject_at).subject)[0]

    def _shot(self, homography: Any, subject_at: float | None) -> _Shot:
        matrix = check_homography(homography, f"{type(self).__name__}.render")
        world = _world(self.seed, subject_at)
        return _Shot(self, world, matrix, len(_world(self.seed, None).things))

    def _in_bands(self, work: Callable[[tuple[int, int]], Any]) -> list[NDArray[Any]]:
        step = max(1, BAND_RAYS // (self.size[1] * self.samples**2))
        bands = [(y, min(y + step, self.size[0])) for y in range(0, self.size[0], step)]
        with ThreadPoolExecutor(2) as pool:
            parts = list(pool.map(work, bands))
        return [np.concatenate(part) for part in zip(*parts, strict=True)]


@functools.lru_cache(maxsize=4)
def _furnished(seed: int) -> World:
    streams = [np.random.default_rng([seed, k]) for k in range(3)]
    things = furnish(streams[0]) + balloon((0.0, 0.0, 0.0))
    world = World(things, Outdoors(streams[1]), OPENING, lamp(), PANEL, ())
    return bake(world, streams[2])


@functools.lru_cache(maxsize=32)
def _world(seed: int, subject_at: float | None) -> World:
    world = _furnished(seed)
    count = len(balloon((0.0, 0.0, 0.0)))
    if subject_at is None:
        return replace(world, things=world.things[:-count])
    moved = balloon((PATH[0] * subject_at, PATH[1] * subject_at, PATH[2] * subject_at))
    return replace(world, things=world.things[:-count] + moved)


@dataclass(frozen=True, eq=False)
class _Shot:
    """One picture of a world in the making."""

    scene: DuskRoom
    world: World
    homography: NDArray[np.float64]
    subject_from: int

    def band(self, rows: tuple[int, int]) -> tuple[NDArray[Any], ...]:
        """Render some rows: radiance, depth, ids, share of the subject, normals."""
        n, width, height = self.scene.samples, self.scene.size[1], rows[1] - rows[0]
        direction = self._directions(rows, n)
        origin = np.asarray(self.scene.eye, np.float32)[:, None, None]
        t, ids = self.world.first_hit(origin, direction, self._rects(rows, n))
        spread = 1.0 / (self.scene.focal_length_px * n)
        flat = self.world.radiance(
            origin[:, :, 0], direction.reshape(3, -1), (t.ravel(), ids.ravel()), spread, 1
        )
        radiance = flat.reshape(3, height, n, width, n).mean(axis=(2, 4), dtype=np.float32)
        subject = self._share(ids)
        depth, ids, normals = self._centers(rows)
        return np.ascontiguousarray(radiance.transpose(1, 2, 0)), depth, ids, subject, normals

    def subject(self, rows: tuple[int, int]) -> tuple[NDArray[np.float32]]:
        """Find the share of the subject in some rows, without any light."""
        n = self.scene.samples
        origin = np.asarray(self.scene.eye, np.float32)[:, None, None]
        _, ids = self.world.first_hit(origin, self._directions(rows, n), self._rects(rows, n))
        return (self._share(ids),)

    def _share(self, ids: NDArray[Any]) -> NDArray[np.float32]:
        n = self.scene.samples
        moving = (ids >= self.subject_from).reshape(ids.shape[0] // n, n, ids.shape[1] // n, n)
        return np.asarray(moving.mean(axis=(1, 3), dtype=np.float32))

    def _centers(self, rows: tuple[int, int]) -> tuple[NDArray[Any], ...]:
        direction = self._directions(rows, 1)
        origin = np.asarray(self.scene.eye, np.float32)[:, None, None]
        t, ids = self.world.first_hit(origin, direction, self._rects(rows, 1))
        depth, normals = t.ravel().copy(), np.zeros((3, t.size), np.float32)
        flat = direction.reshape(3, -1)
        for k in np.unique(ids):
            chosen = np.flatnonzero(ids.ravel() == k)
            d = flat[:, chosen]
            if k == OUTDOORS:
                depth[chosen] = self.world.outdoors.distance(d)
                continue
            normal = self.world.things[k].solid.normal(origin[:, :, 0] + d * depth[chosen])
            normals[:, chosen] = np.where((d * normal).sum(axis=0) > 0, -normal, normal)
        shape = t.shape
        return depth.reshape(shape), ids.astype(np.int32), normals.T.reshape(*shape, 3)

    def _directions(self, rows: tuple[int, int], n: int) -> NDArray[np.float32]:
        """Shoot rays (3, rows * n, width * n) through warped positions; z is 1."""
        x, y = sample_positions(self.homography, rows, self.scene.size[1], n)
        (px, py), f = self.scene.principal_point, self.scene.focal_length_px
        return np.stack([(x - px) / f, (py - y) / f, np.ones_like(x)]).astype(np.float32)

    def _rects(self, rows: tuple[int, int], n: int) -> dict[int, Rect]:
        """Bound where in the band each thing can be seen."""
        found = {}
        for k, (x0, y0, x1, y1) in self._bounds.items():
            top, bottom = max(y0, rows[0]) - rows[0], min(y1, rows[1]) - rows[0]
            left, right = max(x0, 0), min(x1, self.scene.size[1])
            if top < bottom and left < right:
                found[k] = (slice(top * n, bottom * n), slice(left * n, right * n))
        return found

    @functools.cached_property
    def _bounds(self) -> dict[int, tuple[int, int, int, int]]:
        things = enumerate(self.world.things[2:], start=2)
        return {k: self._bound(thing.solid) for k, thing in things}

    def _bound(self, solid: Solid) -> tuple[int, int, int, int]:
        corners = solid.corners()
        everything = (0, 0, self.scene.size[1], self.scene.size[0])
        if corners[:, 2].min() < self.scene.eye[2] + 0.05:
            return everything
        at = np.column_stack([self.scene.project(corners), np.ones(8)])
        warped = at @ np.linalg.inv(self.homography).T
        if warped[:, 2].min() <= 1e-6:
            return everything
        pixels = warped[:, :2] / warped[:, 2:]
        (x0, y0), (x1, y1) = np.floor(pixels.min(axis=0)) - 2, np.ceil(pixels.max(axis=0)) + 3
        limit = 10 * max(self.scene.size)
        return tuple(int(np.clip(c, -limit, limit)) for c in (x0, y0, x1, y1))  # type: ignore[return-value]
