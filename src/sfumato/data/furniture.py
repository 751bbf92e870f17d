"""What stands and hangs in the dusk room: shapes, places and materials."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.data.solids import Box, Cone, Room, Solid, Sphere, Vectors
from sfumato.data.texture import Noise, Values, blend, bricks, panes, planks, rug, smoothstep
from sfumato.data.tracing import Lamp, Opening, Paint, Panel, Thing
from sfumato.data.wall_pictures import BOARD, POSTER, paint_board, paint_poster

__all__ = ["OPENING", "PANEL", "balloon", "furnish", "lamp"]

ROOM = Room(center=(0.0, 1.4, 1.75), half=(2.1, 1.4, 3.25))
PANEL = Panel(x_range=(-1.6, 1.2), y_range=(0.3, 2.3), z=-1.49, radiance=(0.62, 0.70, 0.86))
OPENING = Opening(x_range=(-1.45, 0.65), y_range=(0.10, 2.42), z=5.0, columns=4, rows=3, bar=0.07)
LAMP_AT = (1.72, 1.19, 4.70)
WARM = np.array([[1.0], [0.56], [0.24]], np.float32)


def plain(*color: float) -> Paint:
    """Paint one colour everywhere."""
    tint = np.asarray(color, np.float32)[:, None]
    return lambda p, n, footprint: np.broadcast_to(tint, p.shape)


def lamp() -> Lamp:
    """Give the lamp on the sideboard as a source of light."""
    bulb, shade = (tuple(float(c) for c in strength * WARM[:, 0]) for strength in (2.2, 0.42))
    return Lamp(center=LAMP_AT, radius=0.20, bulb=bulb, shade=shade)  # type: ignore[arg-type]


def furnish(rng: np.random.Generator) -> tuple[Thing, ...]:
    """Give everything in the room, the room itself and the reveal of the window first."""
    noise = Noise(rng)
    hole = OPENING
    (x0, x1), (y0, y1) = hole.x_range, hole.y_range
    depth = 0.13
    reveal = Room(
        center=((x0 + x1) / 2, (y0 + y1) / 2, hole.z + depth / 2),
        half=((x1 - x0) / 2, (y1 - y0) / 2, depth / 2),
    )
    white = plain(0.62, 0.60, 0.56)
    bars = tuple(
        Thing(
            "window frame",
            Box((cx, cy, hole.z + 0.08), (hx, hy, 0.025)),
            white,
            casts=False,
            texels=4,
        )
        for cx, cy, hx, hy in hole.bars()
    )
    beams = tuple(
        Thing(
            "beam", Box((0.0, 2.72, z), (2.1, 0.10, 0.08)), _timber(noise), texels=16, casts=False
        )
        for z in (0.2, 1.7, 3.2, 4.7)
    )
    return (
        Thing(
            "room",
            ROOM,
            _shell(noise),
            mirror=0.04,
            rough=0.022,
            polished=_polished,
            glow=_rear_door,
            texels=80,
        ),
        Thing("window reveal", reveal, white, texels=12),
        *bars,
        *beams,
        *_sideboard(noise, rng),
        *_table(noise, rng),
        *_shelf(noise, rng),
        Thing("chart", BOARD, paint_board, texels=6),
        Thing("poster", POSTER, paint_poster(), texels=6),
    )


def _shell(noise: Noise) -> Paint:
    """Oak floor with a rug, brick on the left, plaster elsewhere, white ceiling and skirting."""

    def paint(p: Vectors, n: Vectors, footprint: Values) -> Values:
        color = np.empty(p.shape, np.float32)
        floor, ceiling, left = n[1] > 0.5, n[1] < -0.5, n[0] > 0.5
        wall = ~(floor | ceiling | left)
        x, y, z, f = p[0], p[1], p[2], footprint
        color[:, floor] = _floor(noise, x[floor], z[floor], f[floor])
        color[:, left] = bricks(noise, z[left], y[left], f[left])
        along, up = (x + z)[wall], y[wall]
        patchy = noise.fractal(along * 1.3, up * 1.3, 4) * 0.10
        grit = noise.fractal(along * 60.0, up * 60.0, 3, f[wall] * 60.0) * 0.10
        color[:, wall] = np.array([[0.36], [0.42], [0.40]]) * (1.0 + patchy + grit)
        across = noise.fractal(x[ceiling] * 2.0, z[ceiling] * 2.0, 3) * 0.05
        color[:, ceiling] = np.array([[0.66], [0.64], [0.60]]) * (1.0 + across)
        skirting = smoothstep(0.001, -0.001, y - 0.10) * ~(floor | ceiling)
        return blend(color, (0.60, 0.58, 0.54), skirting)

    return paint


OAK = ((0.13, 0.060, 0.026), (0.36, 0.195, 0.088))
WALNUT = ((0.055, 0.028, 0.014), (0.17, 0.09, 0.045))
CHERRY = ((0.10, 0.042, 0.018), (0.28, 0.14, 0.065))
RUG_CENTER, RUG_HALF = (-0.25, 3.25), (1.25, 0.85)


def _floor(noise: Noise, x: Values, z: Values, footprint: Values) -> Values:
    oak = planks(noise, (x, z), footprint, OAK, (0.14, 1.9))
    u, v = x - np.float32(RUG_CENTER[0]), z - np.float32(RUG_CENTER[1])
    on = np.flatnonzero((np.abs(u) < RUG_HALF[0] + 0.02) & (np.abs(v) < RUG_HALF[1] + 0.02))
    woven = rug(noise, u[on], v[on], RUG_HALF, footprint[on])
    edge = np.minimum(RUG_HALF[0] - np.abs(u[on]), RUG_HALF[1] - np.abs(v[on]))
    oak[:, on] = blend(oak[:, on], woven, smoothstep(-0.002, 0.002, edge))
    return oak


def _polished(p: Vectors, n: Vectors) -> NDArray[np.bool_]:
    """Only the floor shines, and not where the rug lies."""
    u, v = np.abs(p[0] - RUG_CENTER[0]), np.abs(p[2] - RUG_CENTER[1])
    return np.asarray((n[1] > 0.5) & ((u > RUG_HALF[0]) | (v > RUG_HALF[1])))


def _rear_door(p: Vectors, n: Vectors, footprint: Values) -> Values:
    """The glass door behind the camera, which only mirrors show."""
    (x0, x1), (y0, y1) = PANEL.x_range, PANEL.y_range
    inside = (n[2] > 0.5) & (p[0] > x0) & (p[0] < x1) & (p[1] > y0) & (p[1] < y1)
    return np.asarray(np.asarray(PANEL.radiance, np.float32)[:, None] * inside)


def _timber(noise: Noise, tones: Any = WALNUT) -> Paint:
    def paint(p: Vectors, n: Vectors, footprint: Values) -> Values:
        upright = np.where(np.abs(n[1]) > 0.5, p[2], p[1])
        along = p[0] + p[2] * 0.2
        return planks(noise, (upright + 0.31, along), footprint, tones, (0.42, 9.0))

    return paint


def _drawers(noise: Noise, front: Box) -> Paint:
    wood = _timber(noise, CHERRY)

    def paint(p: Vectors, n: Vectors, footprint: Values) -> Values:
        color = np.array(wood(p, n, footprint))
        u, v = p[0] - front.center[0] + front.half[0], p[1] - 0.02
        gap = panes(u, v, (front.half[0] * 2 / 3, 0.225), 0.008, footprint)
        color *= 1.0 - 0.85 * gap * (n[2] < -0.5)
        du = u - (np.floor(u / (front.half[0] * 2 / 3)) + 0.5) * (front.half[0] * 2 / 3)
        dv = v - (np.floor(v / 0.225) + 0.5) * 0.225
        knob = smoothstep(0.002, -0.002, np.hypot(du, dv) - 0.016) * (n[2] < -0.5)
        return blend(color, (0.72, 0.50, 0.20), knob)

    return paint


def _sideboard(noise: Noise, rng: np.random.Generator) -> tuple[Thing, ...]:
    """A chest of drawers with a lamp, a vase and books, to the right of the window."""
    chest = Box((1.40, 0.37, 4.74), (0.56, 0.33, 0.24))
    top = Box((1.40, 0.715, 4.73), (0.60, 0.016, 0.27))
    x, y, z = LAMP_AT
    shade = Cone((x, y - 0.09, z), 0.25, (0.175, 0.115), closed=False)

    def glow(p: Vectors, n: Vectors, footprint: Values) -> Values:
        near = 1.0 / (0.45 + 18.0 * (p[1] - y) ** 2)
        ribs = 1.0 + 0.07 * np.cos(40.0 * np.arctan2(p[2] - z, p[0] - x))
        return np.asarray(WARM * (1.15 * near * ribs), np.float32)

    things = [
        Thing("sideboard", chest, _drawers(noise, chest), mirror=0.02, texels=12),
        Thing("sideboard", top, _timber(noise, CHERRY), mirror=0.04, rough=0.02, texels=14),
        Thing(
            "lamp", Cone((x, 0.731, z), 0.025, (0.085, 0.075)), plain(0.45, 0.30, 0.10), mirror=0.5
        ),
        Thing(
            "lamp", Cone((x, 0.75, z), 0.32, (0.013, 0.010)), plain(0.45, 0.30, 0.10), mirror=0.5
        ),
        Thing("lamp", shade, plain(0.55, 0.48, 0.36), glow=glow),
        Thing(
            "lamp",
            Sphere(LAMP_AT, 0.032),
            plain(0.8, 0.8, 0.8),
            casts=False,
            glow=lambda p, n, f: np.broadcast_to(WARM * 170.0, p.shape),
        ),
        Thing("vase", Sphere((1.06, 0.851, 4.66), 0.10, 1.2), _glaze(noise), mirror=0.05),
        Thing(
            "vase",
            Cone((1.06, 0.94, 4.66), 0.12, (0.045, 0.062), closed=False),
            _glaze(noise),
            mirror=0.04,
        ),
    ]
    return (*things, *_books(rng, (1.38, 0.731, 4.68), 3, 0.15))


def _glaze(noise: Noise) -> Paint:
    def paint(p: Vectors, n: Vectors, footprint: Values) -> Values:
        drip = noise.fractal(np.arctan2(n[2], n[0]) * 4.0, p[1] * 3.0, 3) * 0.05
        share = smoothstep(0.86, 0.90, p[1] + drip)
        return blend((0.50, 0.44, 0.33), (0.02, 0.13, 0.17), share)

    return paint


def _books(rng: np.random.Generator, at: Any, count: int, size: float) -> list[Thing]:
    """A pile of books, each turned a little."""
    palette = ((0.34, 0.05, 0.035), (0.04, 0.10, 0.17), (0.42, 0.27, 0.06), (0.06, 0.13, 0.07))
    things, y = [], at[1]
    order = rng.permutation(len(palette))
    for k in range(count):
        thick = float(rng.uniform(0.014, 0.022))
        box = Box(
            (at[0], y + thick, at[2]),
            (size * (1 - 0.08 * k), thick, size * (0.74 - 0.06 * k)),
            float(rng.uniform(-22, 22)),
        )
        y += 2 * thick
        things.append(Thing("book", box, _cover(box, palette[order[k]]), mirror=0.02))
    return things


def _cover(box: Box, color: Any) -> Paint:
    """Cloth outside, pages where the cover leaves them open."""

    def paint(p: Vectors, n: Vectors, footprint: Values) -> Values:
        local = box.local(p - np.asarray(box.center, np.float32)[:, None])
        facing = box.local(n)
        pages = (np.abs(local[1]) < box.half[1] * 0.72) & (np.abs(facing[1]) < 0.5)
        pages &= facing[2] > -0.5
        leaf = 0.62 + 0.06 * np.sin(local[1] * 4200.0) * smoothstep(0.002, 0.0008, footprint)
        band = np.abs(np.abs(local[0]) - box.half[0] * 0.62) < 0.006
        cloth = blend(color, (0.66, 0.47, 0.16), (band & (facing[2] < -0.5)).astype(np.float32))
        return blend(cloth, np.stack([leaf, leaf * 0.92, leaf * 0.75]), pages.astype(np.float32))

    return paint


def _table(noise: Noise, rng: np.random.Generator) -> tuple[Thing, ...]:
    """A low table with a still life: a mirror ball, a painted ball, a bowl, books."""
    cx, cz, hx, hz, top = -0.22, 3.25, 0.62, 0.34, 0.43
    wood = _timber(noise, CHERRY)
    legs = [
        Thing(
            "table",
            Box(
                (cx + i * (hx - 0.06), top / 2 - 0.02, cz + j * (hz - 0.06)),
                (0.025, top / 2 - 0.02, 0.025),
            ),
            wood,
            texels=4,
        )
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    plate = Box((cx, top - 0.018, cz), (hx, 0.018, hz))
    jitter = rng.uniform(-0.03, 0.03, 4)
    painted = Sphere((cx - 0.02 + jitter[0], top + 0.095, cz - 0.16 + jitter[1]), 0.095)
    metal = Sphere((cx + 0.28 + jitter[2], top + 0.15, cz + 0.08), 0.15)
    bowl = Cone((cx - 0.34, top, cz + 0.02 + jitter[3]), 0.10, (0.06, 0.145), closed=False)
    fruit = [
        Thing(
            "fruit",
            Sphere((cx - 0.34 + 0.06 * np.cos(a), top + 0.085, cz + 0.02 + 0.06 * np.sin(a)), 0.05),
            plain(*tint),
            mirror=0.03,
        )
        for a, tint in zip(
            (0.4, 2.4, 4.5),
            ((0.60, 0.24, 0.03), (0.52, 0.07, 0.03), (0.50, 0.40, 0.04)),
            strict=True,
        )
    ]
    return (
        Thing("table", plate, wood, mirror=0.02, rough=0.012, texels=24),
        *legs,
        Thing("mirror ball", metal, plain(0.3, 0.3, 0.3), mirror=0.82, texels=10),
        Thing("painted ball", painted, _marble(noise), mirror=0.04, texels=12),
        Thing("bowl", bowl, plain(0.10, 0.19, 0.20), mirror=0.03),
        *fruit,
    )


def _marble(noise: Noise) -> Paint:
    def paint(p: Vectors, n: Vectors, footprint: Values) -> Values:
        warp = noise.fractal(n[0] * 3.0 + 5.0, n[1] * 3.0 + n[2], 4)
        vein = smoothstep(0.25, 0.0, np.abs(np.sin(n[1] * 7.0 + warp * 5.0)))
        return blend((0.06, 0.16, 0.30), (0.66, 0.60, 0.48), vein)

    return paint


def _shelf(noise: Noise, rng: np.random.Generator) -> tuple[Thing, ...]:
    """A bookcase along the right wall; its books are painted on, with shadows between."""
    case = Box((1.93, 1.02, 3.05), (0.17, 1.02, 0.85))
    table = Noise(rng)
    wood = _timber(noise)

    def paint(p: Vectors, n: Vectors, footprint: Values) -> Values:
        color = np.array(wood(p, n, footprint))
        front = np.flatnonzero(n[0] < -0.5)
        color[:, front] = _spines(table, p[2][front] - 2.2, p[1][front], footprint[front])
        return color

    return (Thing("bookcase", case, paint, texels=20),)


def _spines(table: Noise, u: Values, v: Values, footprint: Values) -> Values:
    shelf = np.floor((v - 0.06) / 0.33)
    up = (v - 0.06) / 0.33 - shelf
    drift = 0.35 * table.smooth(u * 9.0, shelf * 5.0)  # widths vary, neighbours stay in order
    place = u / 0.042 + drift
    book = np.floor(place)
    inside = np.minimum(place - book, 1.0 - place + book) * 0.042
    hue, value = table.cell(book, shelf), table.cell(book + 57.0, shelf + 9.0)
    tall = 0.62 + 0.26 * table.cell(book + 13.0, shelf + 3.0)
    color = blend((0.21, 0.045, 0.032), (0.045, 0.085, 0.125), smoothstep(0.25, 0.45, hue))
    color = blend(color, (0.30, 0.225, 0.12), smoothstep(0.50, 0.57, hue))
    color = blend(color, (0.045, 0.085, 0.055), smoothstep(0.66, 0.70, hue))
    color = blend(color, (0.46, 0.41, 0.33), smoothstep(0.80, 0.82, hue))
    color = color * (0.5 + 0.8 * value)
    title = (np.abs(up - 0.42 - 0.1 * value) < 0.07) & (inside > 0.010)
    color = blend(color, (0.62, 0.47, 0.2), title * 0.7)
    lift = np.maximum(footprint, 0.002)
    gone = np.maximum(
        smoothstep(-1.0, 1.0, (up - 0.06 - tall) * 0.33 / lift),
        1.0 - smoothstep(0.0, 1.0, inside / (0.004 + lift)),
    )
    color = color * (1.0 - 0.88 * gone)
    board = 1.0 - smoothstep(-1.0, 1.0, (np.minimum(up, 1.0 - up) * 0.33 - 0.012) / lift)
    side = 1.0 - smoothstep(-1.0, 1.0, (np.minimum(u, 1.70 - u) - 0.022) / lift)
    return blend(color, (0.12, 0.065, 0.032), np.maximum(board, side))


def balloon(shift: tuple[float, float, float]) -> tuple[Thing, ...]:
    """The moving subject: a striped balloon on a string, moved from its first place."""
    x, y, z = (a + b for a, b in zip((-0.62, 1.72, 3.0), shift, strict=True))
    ball = Sphere((x, y, z), 0.19, 1.22)

    def stripes(p: Vectors, n: Vectors, footprint: Values) -> Values:
        gore = np.cos(7.0 * np.arctan2(p[2] - z, p[0] - x))
        share = smoothstep(-0.12, 0.12, gore)
        color = blend((0.62, 0.035, 0.02), (0.70, 0.44, 0.10), share)
        dots = np.cos(7.0 * np.arctan2(p[2] - z, p[0] - x)) * np.cos((p[1] - y) * 44.0)
        return blend(color, (0.72, 0.68, 0.58), smoothstep(0.62, 0.72, np.abs(dots)))

    def part(solid: Solid, paint: Paint, mirror: float = 0.0, thin: float = 0.0) -> Thing:
        return Thing("balloon", solid, paint, mirror=mirror, thin=thin, casts=False, moves=True)

    return (
        part(ball, stripes, mirror=0.04, thin=0.10),
        part(Cone((x, y - 0.265, z), 0.04, (0.026, 0.008)), stripes),
        part(Cone((x, y - 0.85, z), 0.60, (0.0022, 0.0022)), plain(0.55, 0.5, 0.42)),
    )
