"""What lies beyond the window: a low sun, layered hills and a lake.

Everything is far away, so it depends on the direction of view only: on
``u = x / z`` and ``v = y / z``, the tangents to the right and upwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.data.texture import Noise, Values, blend, smoothstep

__all__ = ["Outdoors"]

SKY_M = 10000.0
RANGES = (  # distance in m, mean height, relief, features per unit of u, colour
    (8000.0, 0.052, 0.035, 5.0, (0.95, 0.42, 0.30)),
    (4500.0, 0.038, 0.030, 8.0, (0.46, 0.20, 0.21)),
    (2200.0, 0.022, 0.024, 12.0, (0.16, 0.09, 0.135)),
    (900.0, 0.006, 0.016, 22.0, (0.045, 0.036, 0.055)),
)
SHORE_M = 40.0


class Outdoors:
    """The view from the window.

    Args:
        rng: draws the place of the sun, the hills and the clouds.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._noise = Noise(rng)
        self.sun = (float(rng.uniform(-0.16, -0.05)), float(rng.uniform(0.082, 0.105)))
        self._shift = rng.uniform(0, 200, len(RANGES) + 1).astype(np.float32)
        self._warmth = float(rng.uniform(0.85, 1.15))

    @property
    def sun_direction(self) -> NDArray[np.float32]:
        """The unit vector towards the sun."""
        vector = np.array([*self.sun, 1.0])
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    def _sky(self, u: Values, v: Values, *, disc: bool = True) -> Values:
        """Radiance of the sky alone; ``v`` counts from the horizon."""
        height = np.clip(v, 0.0, 3.0)
        low = blend((3.1, 1.15, 0.36), (1.75, 0.80, 0.62), smoothstep(0.0, 0.13, height))
        color = blend(low, (0.42, 0.52, 0.86), smoothstep(0.05, 0.34, height))
        color = blend(color, (0.20, 0.32, 0.70), smoothstep(0.3, 1.5, height))
        cloud = self._noise.fractal(u * 5.0 + self._shift[-1], v * 26.0 + 0.3 * u, 5)
        cover = smoothstep(0.02, 0.42, cloud) * smoothstep(0.02, 0.10, height)
        lining = blend((2.6, 0.85, 0.40), (0.38, 0.25, 0.36), smoothstep(0.1, 0.55, cloud))
        color = blend(color, lining, 0.85 * cover * (1.0 - smoothstep(0.4, 1.2, height)))
        du, dv = u - self.sun[0], v - self.sun[1]
        away = du * du + dv * dv
        glow = (
            6.0 * np.exp(-away / 0.0018) + 2.2 * np.exp(-away / 0.016) + 0.5 * np.exp(-away / 0.12)
        )
        color += glow * np.array([[1.0], [0.52 / self._warmth], [0.16]], np.float32)
        if disc:
            rim = smoothstep(0.0145, 0.0135, np.sqrt(away))
            color += rim * np.array([[900.0], [560.0], [240.0]], np.float32)
        return color

    def _ridge(self, k: int, u: Values) -> Values:
        _, mean, relief, scale, _ = RANGES[k]
        x = u * np.float32(scale) + self._shift[k]
        line = self._noise.fractal(x, np.full_like(x, 3.7 * k), 5)
        away_from_sun = np.abs(u - self.sun[0]) * 0.10
        return np.asarray(mean + relief * line + away_from_sun * (mean / 0.05), np.float32)

    def _trees(self, u: Values) -> Values:
        """The upper edge of the dark near shore: spires of conifers that rise to the right."""
        x = u * 46.0 + self._shift[-1]
        cell = np.floor(x)
        spire = 1.0 - np.abs(x - cell - 0.5) * 2.0
        tall = self._noise.cell(cell, np.zeros_like(cell))
        rise = 1.15 * smoothstep(0.0, 0.14, u) + 0.8 * smoothstep(-0.24, -0.36, u)
        ragged = self._noise.smooth(u * 420.0, np.zeros_like(u)) * 0.006
        bank = -0.192 + 0.010 * self._noise.smooth(u * 9.0, np.zeros_like(u))
        spire = spire * (0.75 + 0.25 * np.abs(np.sin(spire * 24.0)))
        return np.asarray(bank + rise * (0.05 + 0.15 * tall * spire) + ragged, np.float32)

    def radiance(self, direction: Values, *, disc: bool = True) -> Values:
        """Give the light that comes in against a direction.

        Args:
            direction: (3, n), towards the window (z above 0).
            disc: whether the disc of the sun is there, besides its glow.
        """
        u, v = self._tangents(direction)
        below = np.minimum(v, 0.0)
        mirrored: Values = np.abs(v)
        ripple = self._noise.fractal(u * 60.0, 2.2 / np.maximum(-below, 0.004), 3)
        mirrored = np.abs(mirrored + ripple * 0.035 * (v < 0) * (0.15 - below * 6.0))
        color = self._sky(u, mirrored, disc=disc)
        for k, (_, _, _, _, tint) in enumerate(RANGES):
            base: Values = np.asarray(tint, np.float32)[:, None] * np.ones_like(u)
            near_sun = np.exp(-((u - self.sun[0]) ** 2) / 0.02) * (1.4 - 0.35 * k)
            base = base * (1.0 + np.maximum(near_sun, 0.0))
            above = mirrored - self._ridge(k, u)
            haze = 1.0 + 0.9 * smoothstep(-0.03, 0.0, -np.abs(above) * 0.8)
            color = blend(color, base * haze, smoothstep(0.0006, -0.0006, above))
        water = 0.72 - 0.35 * smoothstep(0.0, 0.22, -v)
        color *= np.where(v < 0, water, 1.0)
        shore = np.array([[0.011], [0.013], [0.012]], np.float32)
        leaf = 1.0 + 0.6 * self._noise.fractal(u * 160.0, v * 160.0, 2)
        return blend(color, shore * leaf, smoothstep(0.0008, -0.0008, v - self._trees(u)))

    def distance(self, direction: Values) -> Values:
        """Give how far away, in metres along z, each direction ends."""
        u, v = self._tangents(direction)
        depth = np.full(u.shape, SKY_M, np.float32)
        for k, (metres, *_) in enumerate(RANGES):
            depth[v < self._ridge(k, u)] = metres
        lake = v < -0.001
        depth[lake] = np.minimum(depth, np.float32(8.0) / np.maximum(-v, 0.001))[lake]
        depth[v < self._trees(u)] = SHORE_M
        return depth

    def ripples(self, point: Any) -> Values:
        """Give small slopes (3, n), about -1..1, that roughen a polished floor."""
        x, z = point[0] * 14.0, point[2] * 5.0
        slope = np.zeros(point.shape, np.float32)
        slope[0] = self._noise.fractal(x, z, 4)
        slope[2] = self._noise.fractal(x + 91.0, z + 37.0, 4)
        return slope

    @staticmethod
    def _tangents(direction: Any) -> tuple[Values, Values]:
        away = np.maximum(direction[2], np.float32(1e-4))
        return direction[0] / away, direction[1] / away
