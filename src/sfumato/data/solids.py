"""Solids that a ray can hit: exact distances, normals and surface coordinates.

Points and directions are (3, n) float32 arrays, y upwards, metres. A direction
need not have unit length; distances count in its lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "Cone", "Room", "Solid", "Sphere", "Vectors", "dot", "unit"]

Vectors: TypeAlias = NDArray[np.float32]
"""(3, n) positions or directions."""
Point: TypeAlias = tuple[float, float, float]
NEAR = np.float32(1e-3)
"""Hits closer than a millimetre are the surface that the ray left."""


def dot(a: Any, b: Any) -> Any:
    """Multiply vectors along the first axis and add up."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def unit(vector: Any) -> Any:
    """Scale vectors to length one."""
    return vector / np.sqrt(dot(vector, vector))


class Solid(Protocol):
    """What every solid answers."""

    @property
    def faces(self) -> int:
        """How many sheets of surface coordinates there are."""

    def hit(self, origin: Any, direction: Any) -> NDArray[np.float32]:
        """Give the distance to the nearest hit, infinity where there is none."""

    def normal(self, point: Vectors) -> Vectors:
        """Give the outward unit normal at points of the surface."""

    def chart(self, point: Vectors) -> tuple[NDArray[np.int32], Any, Any]:
        """Give the face and its two coordinates in 0..1 at points of the surface."""

    def point(self, face: int, u: Any, v: Any) -> Vectors:
        """Give the point at surface coordinates; the inverse of `chart`."""

    def corners(self) -> NDArray[np.float64]:
        """Give points (k, 3) whose hull contains the solid."""


def _nearest(low: Any, high: Any) -> NDArray[np.float32]:
    """Choose the first of two distances that lies ahead of a ray."""
    first = np.where(low > NEAR, low, high)
    return np.where(first > NEAR, first, np.float32(np.inf)).astype(np.float32)


@dataclass(frozen=True)
class Sphere:
    """A ball, or an egg where ``stretch`` is not 1.

    Args:
        center: its middle.
        radius: horizontally.
        stretch: height in widths.
    """

    center: Point
    radius: float
    stretch: float = 1.0

    @property
    def faces(self) -> int:
        return 1

    def _inwards(self, vector: Any) -> Any:
        return np.stack([vector[0], vector[1] / np.float32(self.stretch), vector[2]])

    def hit(self, origin: Any, direction: Any) -> NDArray[np.float32]:
        shape = (3,) + (1,) * (np.ndim(direction) - 1)
        center = np.asarray(self.center, np.float32).reshape(shape)
        o, d = self._inwards(origin - center), self._inwards(direction)
        a, b, c = dot(d, d), dot(o, d), dot(o, o) - np.float32(self.radius) ** 2
        inside = b * b - a * c
        with np.errstate(invalid="ignore"):
            root = np.sqrt(inside)
            t = _nearest((-b - root) / a, (-b + root) / a)
        return np.where(inside > 0, t, np.float32(np.inf))

    def normal(self, point: Vectors) -> Vectors:
        offset = point - np.asarray(self.center, np.float32)[:, None]
        offset[1] /= self.stretch**2
        return np.asarray(unit(offset), np.float32)

    def chart(self, point: Vectors) -> tuple[NDArray[np.int32], Any, Any]:
        n = unit(self._inwards(point - np.asarray(self.center, np.float32)[:, None]))
        u = np.arctan2(n[2], n[0]) / (2 * np.pi) + 0.5
        v = np.arccos(np.clip(n[1], -1.0, 1.0)) / np.pi
        return np.zeros(point.shape[1], np.int32), u, v

    def point(self, face: int, u: Any, v: Any) -> Vectors:
        turn, fall = (u - 0.5) * 2 * np.pi, v * np.pi
        n = np.stack(
            [np.sin(fall) * np.cos(turn), np.cos(fall) * self.stretch, np.sin(fall) * np.sin(turn)]
        )
        return np.asarray(np.asarray(self.center)[:, None] + self.radius * n, np.float32)

    def corners(self) -> NDArray[np.float64]:
        return _box_corners(self.center, (self.radius, self.radius * self.stretch, self.radius))


def _box_corners(center: Point, half: Point) -> NDArray[np.float64]:
    signs = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], float)
    return np.asarray(np.asarray(center) + signs * np.asarray(half))


@dataclass(frozen=True)
class Box:
    """A box, turned about the vertical.

    Args:
        center: its middle.
        half: half its sizes along x, y, z before turning.
        degrees: the turn, counter-clockwise seen from above.
    """

    center: Point
    half: Point
    degrees: float = 0.0

    @property
    def faces(self) -> int:
        return 6

    def local(self, vector: Any, sign: float = 1.0) -> Any:
        """Turn vectors into the frame of the box (back, where the sign is -1)."""
        if self.degrees == 0.0:
            return vector
        c = np.float32(np.cos(np.deg2rad(self.degrees)))
        s = np.float32(np.sin(np.deg2rad(self.degrees)) * sign)
        return np.stack([c * vector[0] - s * vector[2], vector[1], s * vector[0] + c * vector[2]])

    def _slabs(self, origin: Any, direction: Any) -> tuple[Any, Any]:
        shape = (3,) + (1,) * (np.ndim(direction) - 1)
        center = np.asarray(self.center, np.float32).reshape(shape)
        o, d = self.local(origin - center), self.local(direction)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            near, far = np.float32(-np.inf), np.float32(np.inf)
            for axis in range(3):
                inverse = 1.0 / d[axis]
                middle = -o[axis] * inverse
                reach = np.abs(inverse) * np.float32(self.half[axis])
                near = np.fmax(near, middle - reach)
                far = np.fmin(far, middle + reach)
        return near, far

    def hit(self, origin: Any, direction: Any) -> NDArray[np.float32]:
        near, far = self._slabs(origin, direction)
        return np.where(far > near, _nearest(near, far), np.float32(np.inf))

    def _sides(self, point: Vectors) -> tuple[Vectors, NDArray[Any], NDArray[Any]]:
        local = self.local(point - np.asarray(self.center, np.float32)[:, None])
        share = local / np.asarray(self.half, np.float32)[:, None]
        axis = np.abs(share).argmax(axis=0)
        side = np.take_along_axis(share, axis[None], axis=0)[0] > 0
        return share, axis, side

    def normal(self, point: Vectors) -> Vectors:
        _, axis, side = self._sides(point)
        n = np.zeros(point.shape, np.float32)
        np.put_along_axis(n, axis[None], np.where(side, 1.0, -1.0)[None], axis=0)
        return np.asarray(self.local(n, -1.0), np.float32)

    def chart(self, point: Vectors) -> tuple[NDArray[np.int32], Any, Any]:
        share, axis, side = self._sides(point)
        u = np.where(axis == 0, share[2], share[0])
        v = np.where(axis == 1, share[2], share[1])
        return (2 * axis + side).astype(np.int32), u * 0.5 + 0.5, v * 0.5 + 0.5

    def point(self, face: int, u: Any, v: Any) -> Vectors:
        axis, side = divmod(face, 2)
        share = np.empty((3, np.size(u)), np.float32)
        share[axis] = 2.0 * side - 1.0
        share[2 if axis == 0 else 0] = 2.0 * u - 1.0
        share[2 if axis == 1 else 1] = 2.0 * v - 1.0
        local = share * np.asarray(self.half, np.float32)[:, None]
        return np.asarray(
            self.local(local, -1.0) + np.asarray(self.center, np.float32)[:, None], np.float32
        )

    def corners(self) -> NDArray[np.float64]:
        local = _box_corners((0.0, 0.0, 0.0), self.half).T
        return np.asarray(self.local(local, -1.0).T + np.asarray(self.center))


class Room(Box):
    """A box seen from inside: rays end where they leave it."""

    def hit(self, origin: Any, direction: Any) -> NDArray[np.float32]:
        return np.asarray(self._slabs(origin, direction)[1], np.float32)

    def normal(self, point: Vectors) -> Vectors:
        return -super().normal(point)


@dataclass(frozen=True)
class Cone:
    """A piece of an upright cone, closed by a disc at the bottom and the top.

    Args:
        base: the middle of the lower disc.
        height: from disc to disc.
        radii: of the lower and the upper disc; equal for a cylinder.
        closed: whether the discs are there; an open one is a thin shade.
    """

    base: Point
    height: float
    radii: tuple[float, float]
    closed: bool = True

    @property
    def faces(self) -> int:
        return 3 if self.closed else 1

    @property
    def _slope(self) -> float:
        return (self.radii[1] - self.radii[0]) / self.height

    def hit(self, origin: Any, direction: Any) -> NDArray[np.float32]:
        shape = (3,) + (1,) * (np.ndim(direction) - 1)
        o = origin - np.asarray(self.base, np.float32).reshape(shape)
        d, k = direction, np.float32(self._slope)
        wide = np.float32(self.radii[0]) + k * o[1]
        a = d[0] * d[0] + d[2] * d[2] - (k * d[1]) ** 2
        b = o[0] * d[0] + o[2] * d[2] - wide * k * d[1]
        c = o[0] * o[0] + o[2] * o[2] - wide * wide
        best = np.full(np.broadcast(a, b).shape, np.inf, np.float32)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            root = np.sqrt(b * b - a * c)
            for t in ((-b - root) / a, (-b + root) / a):
                y = o[1] + t * d[1]
                ahead = (t > NEAR) & (y >= 0) & (y <= self.height) & (t < best)
                best = np.where(ahead, t, best)
            for y, radius in ((0.0, self.radii[0]), (self.height, self.radii[1])):
                if self.closed:
                    t = (np.float32(y) - o[1]) / d[1]
                    x, z = o[0] + t * d[0], o[2] + t * d[2]
                    ahead = (t > NEAR) & (x * x + z * z <= radius * radius) & (t < best)
                    best = np.where(ahead, t, best)
        return best.astype(np.float32)

    def _ends(self, point: Vectors) -> tuple[Vectors, Any, Any]:
        offset = point - np.asarray(self.base, np.float32)[:, None]
        radius = np.hypot(offset[0], offset[2])
        inner = radius < np.float32(self.radii[0]) + self._slope * offset[1] - 1e-4
        top = inner & (offset[1] > self.height - 1e-4) & self.closed
        bottom = inner & (offset[1] < 1e-4) & self.closed
        return offset, bottom, top

    def normal(self, point: Vectors) -> Vectors:
        offset, bottom, top = self._ends(point)
        n = offset.copy()
        n[1] = -self._slope * np.hypot(offset[0], offset[2])
        n[:, bottom] = np.array([[0], [-1], [0]], np.float32)
        n[:, top] = np.array([[0], [1], [0]], np.float32)
        return np.asarray(unit(n), np.float32)

    def chart(self, point: Vectors) -> tuple[NDArray[np.int32], Any, Any]:
        offset, bottom, top = self._ends(point)
        face = (bottom + 2 * top).astype(np.int32)
        u = np.arctan2(offset[2], offset[0]) / (2 * np.pi) + 0.5
        v = offset[1] / self.height
        wide = np.where(bottom, self.radii[0], self.radii[1])
        for_cap = face > 0
        u = np.where(for_cap, offset[0] / wide * 0.5 + 0.5, u)
        v = np.where(for_cap, offset[2] / wide * 0.5 + 0.5, v)
        return face, u, v

    def point(self, face: int, u: Any, v: Any) -> Vectors:
        if face == 0:
            turn = (u - 0.5) * 2 * np.pi
            radius = self.radii[0] + (self.radii[1] - self.radii[0]) * v
            p = np.stack([radius * np.cos(turn), v * self.height, radius * np.sin(turn)])
        else:
            radius, y = (self.radii[0], 0.0) if face == 1 else (self.radii[1], self.height)
            p = np.stack([(2 * u - 1) * radius, np.full(np.shape(u), y), (2 * v - 1) * radius])
        return np.asarray(p + np.asarray(self.base)[:, None], np.float32)

    def corners(self) -> NDArray[np.float64]:
        wide, half = max(self.radii), self.height / 2
        middle = (self.base[0], self.base[1] + half, self.base[2])
        return _box_corners(middle, (wide, half, wide))
