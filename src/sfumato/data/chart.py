"""A test chart: patches of known radiance, known points, texture, and a moving disc."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.data.scene import Scene, SceneTruth, check_homography, sample_positions

__all__ = ["StepChart"]

PAPER, WEDGE, DOT, CONFETTI, DISC = range(5)
NAMES = {PAPER: "paper", WEDGE: "wedge", DOT: "dot", CONFETTI: "confetti", DISC: "disc"}
PAPER_LIGHT = 0.18
PIECES = 160


class StepChart(Scene):
    """A flat chart whose every value has a closed form; quick, for measuring.

    Above a wedge of grey patches: patch k has the radiance ``2^(stops_range[0] + k)``,
    in steps of one stop. Below, confetti in random colours on grey paper, and
    round Gaussian dots at `landmarks`. A striped disc is the moving subject.
    The chart stands in upright strips, one behind the other, at distances whose
    inverses are evenly spaced.

    Args:
        size: height and width of the picture in pixels.
        seed: draws the confetti.
        stops_range: exponents of the darkest and the brightest patch.
        distance_range_m: of the nearest strip, on the left, and the farthest.
        strips: how many strips.
        samples: samples across a pixel; its value is the mean over their square.

    Example:
        >>> chart = StepChart(size=(60, 90), stops_range=(-4, 4)).render()
        >>> float(chart.radiance[5, 5, 0]), float(chart.radiance[5, 85, 0])
        (0.0625, 16.0)
    """

    stops_range: Annotated[tuple[int, int], Between(-20, 20)] = (-8, 6)
    distance_range_m: Annotated[tuple[float, float], Between(0.1, 1e6)] = (1.0, 8.0)
    strips: Annotated[int, Between(1, 64)] = 5
    samples: Annotated[int, Between(1, 8)] = 2

    @property
    def landmarks(self) -> NDArray[np.float64]:
        """The centres (k, 2) of the dots, exact pixels (x, y)."""
        height, width = self.size
        fractions = [(0.08, 0.42), (0.92, 0.42), (0.08, 0.92), (0.92, 0.92), (0.5, 0.92)]
        return np.array([[x * (width - 1) + 0.37, y * (height - 1) - 0.21] for x, y in fractions])

    @property
    def dot_sigma_px(self) -> float:
        """Standard deviation of the dots."""
        return max(1.5, min(self.size) / 80)

    def patch(self, step: int) -> tuple[tuple[int, int, int, int], float]:
        """Give where a patch of the wedge is, (x0, y0, x1, y1) in pixels, and its radiance."""
        count, (height, width) = self.stops_range[1] - self.stops_range[0] + 1, self.size
        x0, x1 = (int(np.ceil(width * (step + i) / count)) for i in (0, 1))
        return (x0, 0, x1, height // 4), 2.0 ** (self.stops_range[0] + step)

    def render(
        self, *, homography: NDArray[np.float64] | None = None, subject_at: float | None = 0.0
    ) -> SceneTruth:
        matrix = check_homography(homography, "StepChart.render")
        n, (height, width) = self.samples, self.size
        color, ids = self._evaluate(*sample_positions(matrix, (0, height), width, n), subject_at)
        radiance = color.reshape(height, n, width, n, 3).mean(axis=(1, 3), dtype=np.float32)
        subject = (ids == DISC).reshape(height, n, width, n).mean(axis=(1, 3), dtype=np.float32)
        x, y = sample_positions(matrix, (0, height), width, 1)
        centers = self._evaluate(x, y, subject_at)[1]
        near, far = self.distance_range_m
        strip = np.clip(np.floor(x / width * self.strips), 0, self.strips - 1)
        share = strip / max(self.strips - 1, 1)
        depth = (1.0 / (1.0 / near + (1.0 / far - 1.0 / near) * share)).astype(np.float32)
        return SceneTruth(radiance, depth, centers.astype(np.int32), subject, dict(NAMES))

    def _evaluate(self, x: Any, y: Any, subject_at: float | None) -> tuple[Any, Any]:
        height, width = self.size
        color = np.full((*x.shape, 3), PAPER_LIGHT, np.float32)
        ids = np.full(x.shape, PAPER, np.int8)
        for cx, cy, half, round_, tint in _confetti(self.seed, self.size):
            rows, columns = _around(x, y, cx, cy, half)
            dx, dy = x[rows, columns] - cx, y[rows, columns] - cy
            away = np.hypot(dx, dy) if round_ else np.maximum(np.abs(dx), np.abs(dy))
            color[rows, columns][away < half] = tint
            ids[rows, columns][away < half] = CONFETTI
        low, high = self.stops_range
        wedge = y < height // 4 - 0.5
        step = np.clip(np.floor((x + 0.5) / width * (high - low + 1)), 0, high - low)
        color[wedge] = np.exp2(low + step[wedge])[:, None]
        ids[wedge] = WEDGE
        sigma = self.dot_sigma_px
        for cx, cy in self.landmarks:
            square = ((x - cx) ** 2 + (y - cy) ** 2) / sigma**2
            near = square < 64.0
            bump = PAPER_LIGHT + 0.6 * np.exp(-0.5 * square[near])
            color[near], ids[near] = bump[:, None], DOT
        if subject_at is not None:
            cx, cy, radius = (0.4 + 0.3 * subject_at) * width, 0.62 * height, 0.11 * height
            away = np.hypot(x - cx, y - cy) < radius
            stripes = np.floor((x - cx + 0.6 * (y - cy)) / radius * 2.5) % 2
            color[away] = np.where(stripes[away, None] > 0, (0.7, 0.08, 0.04), (0.6, 0.5, 0.2))
            ids[away] = DISC
        return color, ids


def _around(x: Any, y: Any, cx: float, cy: float, half: float) -> tuple[slice, slice]:
    """Bound the samples near a point: positions grow nearly evenly along rows and columns."""
    rows = np.flatnonzero((y.min(axis=1) <= cy + half) & (y.max(axis=1) >= cy - half))
    columns = np.flatnonzero((x.min(axis=0) <= cx + half) & (x.max(axis=0) >= cx - half))
    if not rows.size or not columns.size:
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


@functools.lru_cache(maxsize=16)
def _confetti(seed: int, size: tuple[int, int]) -> list[tuple[float, float, float, bool, Any]]:
    rng = np.random.default_rng([seed, 7])
    height, width = size
    pieces = []
    for _ in range(PIECES):
        cx, cy = rng.uniform(0, width), rng.uniform(0.30 * height, height)
        half = min(size) * rng.uniform(0.008, 0.045)
        tint = (0.6 * rng.random(3) ** 2 + 0.01).astype(np.float32)
        pieces.append((float(cx), float(cy), float(half), bool(rng.random() < 0.5), tint))
    return pieces
