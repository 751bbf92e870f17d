"""Procedural surfaces: seeded noise and the materials that are made of it.

Every material is a function of a position on a surface in metres and of the
footprint, the width in metres that one sample of the picture covers there.
Detail finer than the footprint fades out, which keeps distant texture calm.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Noise", "blend", "bricks", "panes", "planks", "rug", "smoothstep"]

Values: TypeAlias = NDArray[Any]
"""Floating numbers, one a sample."""
TABLE = 256
"""Side of the repeating table of random numbers; a power of two."""


def smoothstep(low: Any, high: Any, x: Values) -> Values:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def blend(first: Any, second: Any, share: Values) -> Values:
    """Mix two colours, (3,) or (3, n), by the share (n,) of the second."""
    a, b = (np.asarray(c, np.float32).reshape(3, -1) for c in (first, second))
    return np.asarray(a + (b - a) * share, np.float32)


class Noise:
    """Smooth random values over the plane, the same for the same seed.

    Args:
        rng: fills the table of lattice values.

    Example:
        >>> noise = Noise(np.random.default_rng(0))
        >>> x = np.linspace(0, 5, 50, dtype=np.float32)
        >>> bool(np.all(np.abs(noise.smooth(x, x)) <= 1))
        True
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._table = rng.uniform(-1.0, 1.0, TABLE * TABLE).astype(np.float32)

    def smooth(self, u: Values, v: Values) -> Values:
        """Interpolate lattice values in -1..1 at (u, v); the lattice is 1 wide."""
        fu, fv = np.floor(u), np.floor(v)
        iu, iv = fu.astype(np.int32), fv.astype(np.int32)
        du, dv = u - fu, v - fv
        du *= du * (3.0 - 2.0 * du)
        dv *= dv * (3.0 - 2.0 * dv)
        row = (iv & (TABLE - 1)) * TABLE
        below = ((iv + 1) & (TABLE - 1)) * TABLE
        left, right = iu & (TABLE - 1), (iu + 1) & (TABLE - 1)
        table = self._table
        top = table[row + left]
        top += (table[row + right] - top) * du
        bottom = table[below + left]
        bottom += (table[below + right] - bottom) * du
        return np.asarray(top + (bottom - top) * dv, np.float32)

    def cell(self, u: Values, v: Values) -> Values:
        """Give one value in 0..1 for each unit cell."""
        iu, iv = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
        index = (iv * 57 & (TABLE - 1)) * TABLE + (iu * 31 & (TABLE - 1))
        return np.asarray(self._table[index] * 0.5 + 0.5, np.float32)

    def fractal(
        self, u: Values, v: Values, octaves: int = 4, footprint: Values | float = 0.0
    ) -> Values:
        """Add octaves of half the size and half the strength, about -1..1.

        Args:
            u: first coordinate; the coarsest lattice is 1 wide.
            v: second coordinate.
            octaves: how many.
            footprint: width of a sample in the units of ``u``.
        """
        total = np.zeros(np.broadcast(u, v).shape, np.float32)
        for k in range(octaves):
            scale = np.float32(2.0**k)
            seen = 1.0 - smoothstep(0.35, 0.9, np.asarray(footprint * scale, np.float32))
            shift = np.float32(17.3 * k)
            total += self.smooth(u * scale + shift, v * scale - shift) * (seen * 0.55 / scale)
        return total


def _groove(distance: Values, width: float, footprint: Values) -> Values:
    """Give the darkness, 0..1, of a joint at a distance, its width kept to what is seen."""
    soft = np.maximum(footprint, 0.0015)
    depth = np.minimum(1.0, width / soft)
    return np.asarray(depth * (1.0 - smoothstep(0.0, 1.0, (distance - width / 2) / soft)))


def planks(
    noise: Noise,
    at: tuple[Values, Values],
    footprint: Values,
    tones: tuple[Any, Any],
    size: tuple[float, float],
) -> Values:
    """Lay boards along v: grain, a tint for each board, dark joints.

    Args:
        noise: gives the grain.
        at: positions across and along the boards in metres.
        footprint: width of a sample.
        tones: the darkest and the lightest colour of the wood.
        size: width and length of a board in metres.

    Shape:
        positions and footprint (n,); returns (3, n).
    """
    (u, v), (width, length) = at, size
    board = np.floor(u / width)
    across = u / width - board
    shift = noise.cell(board, board * 0) * 7.0
    along = v / length + shift
    piece = np.floor(along)
    tint = noise.cell(board * 3.0, piece)
    wobble = noise.fractal(u * 9.0 + tint * 40.0, v * 0.9 + tint * 20.0, 2, footprint * 9.0)
    grain = noise.fractal(u * 70.0 + wobble * 5.0, v * 2.2 + tint * 90.0, 3, footprint * 70.0)
    rings = 0.5 + 0.5 * np.sin(u * 55.0 + wobble * 9.0 + tint * 30.0)
    rings *= 1.0 - smoothstep(0.01, 0.03, footprint)
    share = 0.15 + 0.55 * tint + 0.3 * grain + 0.12 * rings
    color = blend(*tones, np.clip(share, 0.0, 1.0))
    joint = _groove(np.minimum(across, 1.0 - across) * width, 0.004, footprint)
    end = _groove(np.minimum(along - piece, 1.0 - along + piece) * length, 0.004, footprint)
    return np.asarray(color * (1.0 - 0.75 * np.maximum(joint, end)), np.float32)


def bricks(noise: Noise, u: Values, v: Values, footprint: Values) -> Values:
    """Lay bricks of 24 x 7 cm in running bond with pale mortar."""
    course = np.floor(v / 0.077)
    along = u / 0.25 + 0.5 * (course % 2)
    brick = np.floor(along)
    tint = noise.cell(brick, course)
    pits = noise.fractal(u * 30.0, v * 30.0, 3, footprint * 30.0)
    red = blend((0.30, 0.105, 0.06), (0.52, 0.22, 0.125), np.clip(tint + 0.5 * pits, 0, 1))
    burnt = smoothstep(0.86, 0.9, noise.cell(brick + 91, course))
    red = blend(red, red * 0.45, burnt)
    wander = 0.004 * noise.smooth(u * 25.0, v * 25.0)
    down = v / 0.077 - course
    edge = (
        np.minimum(
            np.minimum(along - brick, 1.0 - along + brick) * 0.25,
            np.minimum(down, 1.0 - down) * 0.077,
        )
        + wander
    )
    mortar = _groove(edge, 0.012, footprint)
    return np.asarray(blend(red, (0.36, 0.33, 0.29), mortar), np.float32)


def panes(
    u: Values, v: Values, size: tuple[float, float], line: float, footprint: Values
) -> Values:
    """Give the strength, 0..1, of a grid of lines with the given spacing and width."""
    du = np.abs(u / size[0] - np.rint(u / size[0])) * size[0]
    dv = np.abs(v / size[1] - np.rint(v / size[1])) * size[1]
    return _groove(np.minimum(du, dv), line, footprint)


def rug(noise: Noise, u: Values, v: Values, half: tuple[float, float], footprint: Values) -> Values:
    """Weave a rug about the origin: borders, a lattice of diamonds, a medallion.

    Args:
        noise: irregularities of the yarn.
        u: position along the first side, metres from the centre.
        v: position along the second side.
        half: half sizes in metres.
        footprint: width of a sample.
    """
    red, navy, cream = (0.225, 0.034, 0.026), (0.024, 0.038, 0.085), (0.52, 0.44, 0.31)
    gold = (0.42, 0.245, 0.075)
    soft = np.maximum(footprint, 0.002)
    inside = np.minimum(half[0] - np.abs(u), half[1] - np.abs(v))

    def over(base: Values, color: Any, distance: Values) -> Values:
        return blend(base, color, smoothstep(-1.0, 1.0, distance / soft))

    cell = 0.16
    a, b = (u + v) / cell, (u - v) / cell
    da, db = np.abs(a - np.rint(a)), np.abs(b - np.rint(b))
    color = over(
        np.full((3, u.size), 0.0, np.float32) + np.array(red, np.float32)[:, None],
        navy,
        (0.30 - np.maximum(da, db)) * cell,
    )
    color = over(color, cream, (0.13 - np.maximum(da, db)) * cell)
    color = over(color, gold, (0.05 - np.maximum(da, db)) * cell)
    diamond = 0.42 - np.abs(u) * 0.75 - np.abs(v)
    color = over(color, navy, diamond)
    color = over(color, cream, 0.02 - np.abs(diamond - 0.05))
    color = over(color, red, diamond - 0.13)
    radius = np.hypot(u, v)
    petals = 0.13 + 0.05 * np.cos(8.0 * np.arctan2(v, u)) - radius
    color = over(color, gold, petals)
    color = over(color, navy, 0.06 - radius)
    band = np.abs(inside - 0.16)
    color = over(color, navy, 0.10 - band)
    run = np.where(half[0] - np.abs(u) < half[1] - np.abs(v), v, u)
    key = np.abs(run / 0.12 - np.rint(run / 0.12)) * 0.12
    color = over(color, gold, 0.035 - np.maximum(key, band * 0.8))
    color = over(color, cream, 0.008 - np.abs(band - 0.09))
    color = over(color, cream, 0.035 - inside)
    yarn = noise.fractal(u * 120.0, v * 30.0, 3, footprint * 120.0)
    wear = noise.fractal(u * 3.0, v * 3.0, 3)
    return np.asarray(color * (1.0 + 0.30 * yarn + 0.22 * wear), np.float32)
