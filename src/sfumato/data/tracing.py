"""Rays through a furnished room with one window: first hits, light, reflections.

The even part of the light (sky through the window, lamp, one bounce) is baked
into small maps on every surface once; the low sun, whose shadows are sharp, and
reflections are found for each ray.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.data.outdoors import Outdoors
from sfumato.data.solids import Room, Solid, Vectors, dot, unit
from sfumato.data.texture import Values, smoothstep

__all__ = ["OUTDOORS", "Lamp", "Opening", "Panel", "Thing", "World"]

OUTDOORS = -1
"""The number of what is hit where a ray leaves through the window."""
Paint: TypeAlias = Callable[[Vectors, Vectors, Values], Values]
"""Albedo (3, n) from position, normal and footprint."""
Rect: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True)
class Thing:
    """A solid, what it is made of and how it takes part in the light.

    Args:
        name: what a person would call it.
        solid: its shape.
        paint: its albedo.
        mirror: reflectance seen straight on; 0 is matte, 0.04 varnish, 0.8 metal.
        rough: how far, in radians, ripples of the surface turn reflections.
        polished: which points, given with their normals, reflect; all for none.
        glow: radiance that it emits by itself.
        casts: whether it throws shadows.
        texels: side of the light map of each face.
        thin: share of the light from behind that shines through; above 0 both sides count.
        moves: part of the moving subject, which nothing mirrors.
    """

    name: str
    solid: Solid
    paint: Paint
    mirror: float = 0.0
    rough: float = 0.0
    polished: Callable[[Vectors, Vectors], NDArray[np.bool_]] | None = None
    glow: Paint | None = None
    casts: bool = True
    texels: int = 6
    thin: float = 0.0
    moves: bool = False


@dataclass(frozen=True)
class Opening:
    """The hole of the window in the wall at the end of the room.

    Args:
        x_range: left and right.
        y_range: bottom and top.
        z: where the wall is.
        columns: panes side by side.
        rows: panes above each other.
        bar: width of the bars between the panes.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    z: float
    columns: int
    rows: int
    bar: float

    def contains(self, x: Any, y: Any) -> Any:
        """Tell which points of the wall are in the hole."""
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        return (x > x0) & (x < x1) & (y > y0) & (y < y1)

    def bars(self) -> list[tuple[float, float, float, float]]:
        """Give the centre and half size (x, y, x, y) of every bar, the frame first."""
        (x0, x1), (y0, y1), b = self.x_range, self.y_range, self.bar / 2
        xm, ym, hx, hy = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
        frame = [(x0 + b, ym, b, hy), (x1 - b, ym, b, hy), (xm, y0 + b, hx, b), (xm, y1 - b, hx, b)]
        uprights = [
            (float(x), ym, b * 0.7, hy) for x in np.linspace(x0, x1, self.columns + 1)[1:-1]
        ]
        rails = [(xm, float(y), hx, b * 0.6) for y in np.linspace(y0, y1, self.rows + 1)[1:-1]]
        return frame + uprights + rails

    def passes(self, x: Values, y: Values, soft: Values) -> Values:
        """Give the share of a beam that gets through at a point of the wall."""
        share = np.ones(x.shape, np.float32)
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        for low, high, at in ((x0, x1, x), (y0, y1, y)):
            share *= smoothstep(-soft, soft, np.minimum(at - low, high - at))
        for cx, cy, hx, hy in self.bars():
            near = np.maximum(np.abs(x - cx) - hx, np.abs(y - cy) - hy)
            share *= smoothstep(-soft, soft, near)
        return share


@dataclass(frozen=True)
class Lamp:
    """A bulb in a shade.

    Args:
        center: of the bulb.
        radius: of the shade, from which the dimmed light comes.
        bulb: radiant intensity of the bulb.
        shade: radiant intensity of the shade.
    """

    center: tuple[float, float, float]
    radius: float
    bulb: tuple[float, float, float]
    shade: tuple[float, float, float]


@dataclass(frozen=True)
class Panel:
    """An even light out of the picture: the glass door behind the camera.

    Args:
        x_range: left and right.
        y_range: bottom and top.
        z: where it is; it shines towards larger z.
        radiance: its light.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    z: float
    radiance: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class World:
    """Everything that a ray can meet.

    Args:
        things: the room first, the reveal of the window second, then the rest.
        outdoors: what lies beyond the window.
        opening: the window.
        lamp: the lamp.
        panel: the light behind the camera.
        maps: irradiance on each face of each thing, (faces, k, k, 3).
    """

    things: tuple[Thing, ...]
    outdoors: Outdoors
    opening: Opening
    lamp: Lamp
    panel: Panel
    maps: tuple[NDArray[np.float32], ...]

    def first_hit(
        self, origin: Any, direction: Any, rects: dict[int, Rect] | None = None
    ) -> tuple[Values, NDArray[np.int16]]:
        """Find the nearest thing along rays.

        Args:
            origin: (3, ...) or one point that broadcasts.
            direction: (3, ...).
            rects: where in a picture (rows, columns) a thing can be seen; a thing
                that is not named is left out. For none everything is tested everywhere,
                but for the moving subject.

        Returns:
            The distance and the number of the thing.
        """
        room, reveal = self.things[0].solid, self.things[1].solid
        best = room.hit(origin, direction)
        ids = np.zeros(best.shape, np.int16)
        at = origin + direction * best
        out = (at[2] > self.opening.z - 1e-3) & self.opening.contains(at[0], at[1])
        if out.any():
            o = np.broadcast_to(origin, direction.shape)[:, out]
            t = reveal.hit(o, direction[:, out])
            z = o[2] + t * direction[2][out]
            best[out] = t
            assert isinstance(reveal, Room)
            back = reveal.center[2] + reveal.half[2] - 1e-3
            ids[out] = np.where(z > back, OUTDOORS, 1)
        for k, thing in enumerate(self.things[2:], start=2):
            if thing.moves if rects is None else k not in rects:
                continue
            window = (...,) if rects is None else rects[k]
            o = origin if np.size(origin) == 3 else origin[(slice(None), *window)]
            t = thing.solid.hit(o, direction[(slice(None), *window)])
            nearer = t < best[window]
            best[window] = np.where(nearer, t, best[window])
            ids[window] = np.where(nearer, np.int16(k), ids[window])
        return best, ids

    def blocked(self, origin: Any, direction: Any) -> NDArray[np.bool_]:
        """Tell which rays meet a thing before the end of their direction."""
        hit = np.zeros(np.broadcast(origin[0], direction[0]).shape, np.bool_)
        for thing in self.things[2:]:
            if thing.casts:
                hit |= thing.solid.hit(origin, direction) < 0.995
        return hit

    def sunlight(self, point: Vectors, normal: Vectors, *, shadows: bool = True) -> Values:
        """Give the irradiance of the sun (3, n) on points of surfaces."""
        toward = self.outdoors.sun_direction
        facing = np.maximum(
            normal[0] * toward[0] + normal[1] * toward[1] + normal[2] * toward[2], 0
        )
        away = (self.opening.z - point[2]) / toward[2]
        x, y = point[0] + away * toward[0], point[1] + away * toward[1]
        share = facing * (away > 0)
        lit = np.flatnonzero((share > 0) & self.opening.contains(x, y))
        result = np.zeros_like(share)
        if lit.size:
            soft = 0.006 + 0.0075 * away[lit]
            value = share[lit] * self.opening.passes(x[lit], y[lit], soft)
            if shadows:
                o = point[:, lit] + normal[:, lit] * np.float32(0.003)
                value[self.blocked(o, np.float32(12.0) * toward[:, None])] = 0.0
            result[lit] = value
        color = np.array([[26.0], [11.5], [3.6]], np.float32)
        return np.asarray(color * result, np.float32)

    def baked(self, k: int, point: Vectors) -> Values:
        """Look the even light (3, n) on a thing up, between the texels linearly."""
        table = self.maps[k]
        face, u, v = self.things[k].solid.chart(point)
        side = table.shape[1]
        x = np.clip(np.asarray(u, np.float32) * side - 0.5, 0, side - 1.001)
        y = np.clip(np.asarray(v, np.float32) * side - 0.5, 0, side - 1.001)
        ix, iy = x.astype(np.int32), y.astype(np.int32)
        fx, fy = (x - ix)[:, None], (y - iy)[:, None]
        flat = table.reshape(-1, 3)
        at = (face * side + iy) * side + ix
        top = flat[at] * (1 - fx) + flat[at + 1] * fx
        bottom = flat[at + side] * (1 - fx) + flat[at + side + 1] * fx
        return np.ascontiguousarray((top * (1 - fy) + bottom * fy).T)

    def radiance(
        self, origin: Any, direction: Vectors, hits: tuple[Any, Any], spread: float, bounces: int
    ) -> Values:
        """Give the light (3, n) that comes back along rays.

        Args:
            origin: (3, 1) or (3, n).
            direction: (3, n).
            hits: what `first_hit` gave.
            spread: width of a ray at distance 1.
            bounces: how many reflections to follow.
        """
        t, ids = hits
        color = np.empty(direction.shape, np.float32)
        for k in np.unique(ids):
            chosen = np.flatnonzero(ids == k)
            d = direction[:, chosen]
            if k == OUTDOORS:
                color[:, chosen] = self.outdoors.radiance(d, disc=bounces > 0)
                continue
            o = origin if origin.shape[1] == 1 else origin[:, chosen]
            color[:, chosen] = self._surface(int(k), (o, d, t[chosen]), spread, bounces)
        return color

    def _surface(
        self, k: int, rays: tuple[Any, Vectors, Values], spread: float, bounces: int
    ) -> Values:
        thing, (origin, d, t) = self.things[k], rays
        point = np.asarray(origin + d * t, np.float32)
        normal = thing.solid.normal(point)
        d = np.asarray(unit(d), np.float32)
        facing = -dot(d, normal)
        if thing.thin:
            normal = np.where(facing < 0, -normal, normal)
            facing = np.abs(facing)
        footprint = t * np.float32(spread) / np.sqrt(np.clip(facing, 0.04, 1.0))
        albedo = thing.paint(point, normal, footprint)
        light = self.baked(k, point) + self.sunlight(point, normal)
        if thing.thin:
            light += thing.thin * self.sunlight(point, -normal, shadows=False)
        color: Values = albedo * light * np.float32(1.0 / np.pi)
        if thing.glow is not None:
            color += thing.glow(point, normal, footprint)
        if thing.mirror > 0 and bounces > 0:
            shown = point[0] < np.inf if thing.polished is None else thing.polished(point, normal)
            at = np.flatnonzero(shown)
            # Ripples keep a rough surface from mirroring fully at grazing angles.
            grazing = 0.3 if thing.rough else 1.0
            shiny = thing.mirror + (grazing - thing.mirror) * np.clip(1 - facing[at], 0, 1) ** 5
            if thing.mirror > 0.5:
                color *= 1.0 - thing.mirror
            rays = (point[:, at], normal[:, at], d[:, at])
            seen = self._reflection(thing.rough, rays, spread)
            color[:, at] += shiny * seen
        return color

    def _reflection(
        self, rough: float, rays: tuple[Vectors, Vectors, Vectors], spread: float
    ) -> Values:
        point, normal, d = rays
        if rough:
            wave = self.outdoors.ripples(point) * np.float32(rough)
            normal = np.asarray(unit(normal + wave), np.float32)
        mirrored = d - 2 * dot(d, normal) * normal
        start = point + normal * np.float32(0.002)
        hits = self.first_hit(start, mirrored)
        seen = self.radiance(start, mirrored, hits, spread * 4, bounces=0)
        return np.asarray(np.minimum(seen, 1.0) if rough else seen, np.float32)
