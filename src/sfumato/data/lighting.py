"""Bake the even light of a room into small maps: sky, lamp and one bounce."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.data.solids import Vectors, dot, unit
from sfumato.data.texture import Values
from sfumato.data.tracing import OUTDOORS, World

__all__ = ["bake"]

SKY_GRID = (4, 5)
REAR_GRID = (3, 3)
LAMP_RAYS = 6
BOUNCE_RAYS = 20


def bake(world: World, rng: np.random.Generator) -> World:
    """Give the world with the light on its surfaces filled in.

    Args:
        world: things without light maps.
        rng: scatters the rays.
    """
    spans, point, normal = _texels(world)
    start = point + normal * np.float32(0.004)
    direct = _sky(world, start, normal, rng)
    direct += _rear(world, start, normal, rng)
    direct += _lamp(world, start, normal, rng)
    albedo = np.empty_like(direct)
    for k, (begin, end) in enumerate(spans):
        here = slice(begin, end)
        footprint = np.full(end - begin, 0.05, np.float32)
        albedo[:, here] = world.things[k].paint(point[:, here], normal[:, here], footprint)
    lit = albedo * (direct + world.sunlight(point, normal))
    bounced = _bounce(world, (start, normal), lit, spans, rng)
    maps = (
        _map(thing.texels, direct[:, slice(*span)], 0.8)
        + _map(thing.texels, bounced[:, slice(*span)], 2.5)
        for thing, span in zip(world.things, spans, strict=True)
    )
    return replace(world, maps=tuple(maps))


def _texels(world: World) -> tuple[list[tuple[int, int]], Vectors, Vectors]:
    spans, points, normals, begin = [], [], [], 0
    for thing in world.things:
        v, u = (np.mgrid[0 : thing.texels, 0 : thing.texels] + 0.5) / thing.texels
        faces = [thing.solid.point(f, u.ravel(), v.ravel()) for f in range(thing.solid.faces)]
        point = np.concatenate(faces, axis=1)
        points.append(point)
        normals.append(thing.solid.normal(point))
        spans.append((begin, begin + point.shape[1]))
        begin += point.shape[1]
    return spans, np.concatenate(points, axis=1), np.concatenate(normals, axis=1)


def _map(side: int, light: Values, blur: float) -> NDArray[np.float32]:
    """Lay texels out face by face, and smooth the grain of the scattered rays."""
    faces = np.ascontiguousarray(light.T).reshape(-1, side, side, 3)
    sigma = min(blur, side / 10)
    if sigma < 0.5:
        return faces
    return np.stack([cv2.GaussianBlur(face, (0, 0), sigma) for face in faces])


def _sky(world: World, start: Vectors, normal: Vectors, rng: np.random.Generator) -> Values:
    """Light from the window."""
    table, reach = _sky_table(world)

    def seen_there(way: Vectors) -> Values:
        u, v = way[0] / way[2], way[1] / way[2]
        at = [np.clip((c / reach * 0.5 + 0.5) * 96, 0, 95).astype(np.int32) for c in (v, u)]
        return np.asarray(table[at[0], at[1]].T * np.float32(0.85))  # the bars take the rest

    return _area(world, start, normal, rng, (world.opening, SKY_GRID, 1.0, seen_there))


def _rear(world: World, start: Vectors, normal: Vectors, rng: np.random.Generator) -> Values:
    """Light from behind the camera."""
    color = np.asarray(world.panel.radiance, np.float32)[:, None]
    return _area(world, start, normal, rng, (world.panel, REAR_GRID, -1.0, lambda way: color))


def _area(
    world: World, start: Vectors, normal: Vectors, rng: np.random.Generator, light: Any
) -> Values:
    """Light from an upright rectangle, cut into a grid of small sources."""
    source, (columns, rows), side, radiance = light
    (x0, x1), (y0, y1) = source.x_range, source.y_range
    area = (x1 - x0) * (y1 - y0) / (columns * rows)
    total = np.zeros(start.shape, np.float32)
    for cell in range(columns * rows):
        j, i = divmod(cell, columns)
        jitter = rng.random((2, start.shape[1]), np.float32)
        x = x0 + (i + jitter[0]) / columns * (x1 - x0)
        y = y0 + (j + jitter[1]) / rows * (y1 - y0)
        way = np.stack([x, y, np.full_like(x, source.z)]) - start
        square = np.maximum(dot(way, way), np.float32(0.02))
        strength = np.clip(dot(way, normal), 0, None) * np.maximum(side * way[2], 0)
        strength *= area / (square * square)
        seen = np.flatnonzero(strength > 1e-7)
        seen = seen[~world.blocked(start[:, seen], way[:, seen])]
        total[:, seen] += strength[seen] * radiance(way[:, seen])
    return total


def _sky_table(world: World) -> tuple[NDArray[np.float32], float]:
    reach = 2.5
    ramp = ((np.arange(96, dtype=np.float32) + 0.5) / 96 * 2 - 1) * np.float32(reach)
    v, u = (c.ravel() for c in np.meshgrid(ramp, ramp, indexing="ij"))
    direction = np.stack([u, v, np.ones_like(u)])
    table = world.outdoors.radiance(direction, disc=False).T.reshape(96, 96, 3)
    return np.asarray(cv2.GaussianBlur(table, (0, 0), 1.5), np.float32), reach


def _lamp(world: World, start: Vectors, normal: Vectors, rng: np.random.Generator) -> Values:
    """Light from the bulb, cut by the shade, and the dim light of the shade itself."""
    total = np.zeros(start.shape, np.float32)
    center = np.asarray(world.lamp.center, np.float32)[:, None]
    for radius, intensity in ((0.035, world.lamp.bulb), (world.lamp.radius, world.lamp.shade)):
        strength = np.asarray(intensity, np.float32)[:, None] / LAMP_RAYS
        for _ in range(LAMP_RAYS):
            offset = unit(rng.normal(size=start.shape).astype(np.float32))
            way = center + offset * np.float32(radius) - start
            square = np.maximum(dot(way, way), np.float32(0.003))
            facing = np.clip(dot(way, normal), 0, None) / (square * np.sqrt(square))
            seen = np.flatnonzero(facing > 1e-6)
            seen = seen[~world.blocked(start[:, seen], way[:, seen])]
            total[:, seen] += strength * facing[seen]
    return total


def _bounce(
    world: World,
    places: tuple[Vectors, Vectors],
    lit: Values,
    spans: list[tuple[int, int]],
    rng: np.random.Generator,
) -> Values:
    """Light that comes from what is lit, and an allowance for further bounces."""
    start, normal = places
    total = np.zeros(start.shape, np.float32)
    begins = np.array([begin for begin, _ in spans])
    sides = np.array([thing.texels for thing in world.things])
    for _ in range(BOUNCE_RAYS):
        # A point of the unit sphere around the tip of the normal is distributed as the cosine.
        way = unit(normal + unit(rng.normal(size=start.shape).astype(np.float32)) * 0.999)
        t, ids = world.first_hit(start, way)
        hit = start + way * t
        for k in np.unique(ids):
            if k == OUTDOORS:
                continue
            chosen = np.flatnonzero(ids == k)
            face, u, v = world.things[k].solid.chart(hit[:, chosen])
            side = int(sides[k])
            ix, iy = (np.clip(c * side, 0, side - 1).astype(np.int64) for c in (u, v))
            total[:, chosen] += lit[:, begins[k] + (face * side + iy) * side + ix]
    return np.asarray(total * np.float32(1.35 / BOUNCE_RAYS), np.float32)
