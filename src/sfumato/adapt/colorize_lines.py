"""A line drawing becomes a picture, and its lines stay."""

from __future__ import annotations

import functools
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.adapt.line_painter import LinePainter
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit
from sfumato.features.clean_lines import CleanLines
from sfumato.features.line_regions import LineRegion, line_regions

__all__ = ["ColorizeLines"]

Plane: TypeAlias = NDArray[np.float32]
Color: TypeAlias = tuple[float, float, float]

PASTELS: tuple[Color, ...] = (
    (0.96, 0.94, 0.88), (0.55, 0.73, 0.86), (0.93, 0.66, 0.55), (0.66, 0.80, 0.57),
    (0.95, 0.84, 0.54), (0.73, 0.63, 0.82), (0.87, 0.55, 0.62), (0.58, 0.78, 0.76),
)  # fmt: skip
"""Where neither weights nor a palette are given."""


GAP_SHARE, LEAST_GAP_PX, MOST_GAP_PX = 0.02, 3, 100
"""Gaps that do not leak, as a share of the short side of the drawing, and in pixels."""
SEEN_PX = 20_000
"""Pixels of an area that are looked at."""
NEAR_LAB = 12.0
"""Colors nearer than this are one color."""
BACKGROUND_WEIGHT = 0.4
STRANGE, TOO_FAR = 0.12, 0.25
"""How far another tint and another lightness lie from the color of an area."""


class ColorizeLines(Operator):
    """Color a line drawing: clean its lines, find its areas, paint them, keep the lines.

    A generator that was taught to follow lines paints a small picture; each area takes
    its color from there (and its shading, if that is wanted), so colors end exactly at
    the lines, at the full size of the drawing. With a palette each area takes the color of
    the palette that is nearest to what was painted. Without weights nothing is painted:
    areas take the colors of the palette in turn, the largest the first.

    ``meta["regions"]`` lists the areas: ``label``, ``area_px``, ``box``, ``inside``,
    ``touches_border`` and ``color`` (sRGB, 0..1); ``mask`` is the label map.

    Args:
        weights: an adapter for lines (`ControlNet` or `T2IAdapter`): a name that comes
            with sfumato, a folder, or ``hub:owner/name``; or a `LinePainter`, which may have
            a published adapter, and may paint elsewhere.
        prompt: what the picture shows.
        palette: colors to use, sRGB in 0..1.
        shading: 0 fills areas evenly, 1 keeps the generator's shades within them; what it
            painted across a line of the drawing leaves none.
        gap_px: gaps in lines up to this width do not leak; None for 2 % of the short side.
        side_px: long side of the picture that the generator paints; None for that of the
            pictures that it was taught.
        steps: how often the generator is asked.
        guidance: how strongly the prompt is followed; None as is usual for the generator.

    Raises:
        FileError: there are no such weights.
        SpecError: the weights hold no adapter.
        MissingExtraError: weights are given and torch is not installed.
    """

    writes = ("image", "mask")
    alters = ("channels",)

    weights: LinePainter | str | None = None
    prompt: str = ""
    palette: Annotated[tuple[tuple[float, float, float], ...], Between(0.0, 1.0)] | None = None
    shading: Annotated[float, Between(0.0, 1.0)] = 0.3
    gap_px: Annotated[int, Between(0, 100)] | None = None
    side_px: Annotated[int, Between(8, 4096)] | None = None
    steps: Annotated[int, Between(1, 1000)] = 30
    guidance: Annotated[float, Between(0.0, 100.0)] | None = None

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        ink = CleanLines().ink(sample.image)
        usual = min(MOST_GAP_PX, max(LEAST_GAP_PX, round(GAP_SHARE * min(ink.shape))))
        gap_px = usual if self.gap_px is None else self.gap_px
        labels, regions = line_regions(ink, gap_px=gap_px)
        painted = self._painted(ink, rng)
        found = None if painted is None else _main_colors(painted, labels, regions)
        colors = self._colors(found, len(regions))
        filled = colors[labels - 1] if len(regions) else np.ones((*ink.shape, 3), np.float32)
        if painted is not None and found is not None and self.shading > 0 and len(regions):
            filled = filled + self.shading * _shades(painted, found, labels, regions)
        shown = np.clip(filled, 0.0, 1.0) * (1.0 - ink[..., None])
        listed = tuple(_listed(region, colors[k]) for k, region in enumerate(regions))
        return sample.but(
            image=from_unit(shown.astype(np.float32), sample.image.dtype),
            mask=labels,
            meta={**sample.meta, "regions": listed},
        )

    @functools.cached_property
    def _painter(self) -> LinePainter | None:
        return LinePainter(weights=self.weights) if isinstance(self.weights, str) else self.weights

    def _painted(self, ink: Plane, rng: Rng) -> Plane | None:
        if self._painter is None:
            return None
        return self._painter.paint(
            ink,
            self.prompt,
            side_px=self.side_px,
            steps=self.steps,
            guidance=self.guidance,
            seed=int(rng.integers(2**62)),
        )

    def _colors(self, found: Plane | None, count: int) -> Plane:
        """Choose the color of each area, (k, 3)."""
        if found is None:
            given = np.asarray(self.palette or PASTELS, np.float32)
            return np.asarray(given[np.arange(count) % len(given)])
        if self.palette is None or count == 0:
            return found
        given = np.asarray(self.palette, np.float32)
        far = np.linalg.norm(_lab(found)[:, None] - _lab(given)[None], axis=-1)
        return np.asarray(given[far.argmin(axis=1)])


def _lab(colors: Plane) -> Plane:
    """Give the CIE L*a*b* of colors (k, 3)."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(colors)[None], cv2.COLOR_RGB2LAB)[0])


def _window(region: LineRegion) -> tuple[slice, slice]:
    x0, y0, x1, y1 = region.box
    return slice(y0, y1 + 1), slice(x0, x1 + 1)


def _main_colors(
    painted: Plane, labels: NDArray[np.int32], regions: tuple[LineRegion, ...]
) -> Plane:
    """Give the color that most of each area was painted in, (k, 3).

    Only the middle of an area counts, since the painter's edges are not exactly at the
    lines. It fills shapes too little rather than too much: within a closed area what has
    the color of the background counts less.
    """
    colors = np.zeros((len(regions), 3), np.float32)
    background: Plane | None = None
    for k, region in enumerate(regions):
        window = _window(region)
        mask = np.pad((labels[window] == region.label).astype(np.uint8), 1)
        depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)[1:-1, 1:-1]
        inner = painted[window][depth >= 0.5 * depth.max()]
        inner = inner[:: max(1, len(inner) // SEEN_PX)]
        lab = _lab(inner)
        weights = np.ones(len(inner))
        if background is not None and not region.touches_border:
            weights[np.linalg.norm(lab - background, axis=1) < NEAR_LAB] = BACKGROUND_WEIGHT
        bins = np.floor(lab / NEAR_LAB).astype(np.int64) + 100
        names, places = np.unique(bins @ (1, 1000, 1_000_000), return_inverse=True)
        fullest = np.bincount(places.ravel(), weights=weights, minlength=len(names)).argmax()
        middle = np.median(lab[places.ravel() == fullest], axis=0)
        near = np.linalg.norm(lab - middle, axis=1) < NEAR_LAB
        colors[k] = np.median(inner[near] if near.any() else inner, axis=0)
        if background is None and region.touches_border:
            background = _lab(colors[k : k + 1])[0]
    return colors


def _shades(
    painted: Plane, colors: Plane, labels: NDArray[np.int32], regions: tuple[LineRegion, ...]
) -> Plane:
    """Give how much lighter or darker than the color of its area each pixel was painted.

    Where something else was painted, a horizon or a part of the neighbour, the even slope
    of the rest of the area goes on.
    """
    shades = np.zeros((*labels.shape, 1), np.float32)
    for color, region in zip(colors, regions, strict=True):
        window = _window(region)
        rows, columns = np.nonzero(labels[window] == region.label)
        own = painted[window][rows, columns]
        lighter = own.mean(axis=1) - color.mean()
        far = np.linalg.norm((own - color) - lighter[:, None], axis=1)
        trust = np.exp(-((far / STRANGE) ** 2) - (lighter / TOO_FAR) ** 2)
        places = np.stack([rows, columns, np.ones_like(rows)], axis=1) / float(max(labels.shape))
        every = slice(None, None, max(1, len(rows) // SEEN_PX))
        weights = trust[every, None]
        slope = np.linalg.lstsq(
            places[every] * weights, lighter[every] * weights[:, 0], rcond=None
        )[0]
        even = np.clip(places @ slope, -TOO_FAR, TOO_FAR)
        shades[window][rows, columns, 0] = even + trust * (lighter - even)
    return shades


def _listed(region: LineRegion, color: NDArray[np.float32]) -> dict[str, Any]:
    return {
        "label": region.label,
        "area_px": region.area_px,
        "box": region.box,
        "inside": region.inside,
        "touches_border": region.touches_border,
        "color": tuple(round(float(c), 4) for c in color),
    }
