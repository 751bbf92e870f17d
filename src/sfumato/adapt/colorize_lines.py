"""A line drawing becomes a picture, and its lines stay."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit
from sfumato.errors import SpecError
from sfumato.features.clean_lines import CleanLines
from sfumato.features.line_regions import LineRegion, line_regions
from sfumato.raster.resize import resize_image

__all__ = ["ColorizeLines"]

Plane: TypeAlias = NDArray[np.float32]
Color: TypeAlias = tuple[float, float, float]

PASTELS: tuple[Color, ...] = (
    (0.96, 0.94, 0.88), (0.55, 0.73, 0.86), (0.93, 0.66, 0.55), (0.66, 0.80, 0.57),
    (0.95, 0.84, 0.54), (0.73, 0.63, 0.82), (0.87, 0.55, 0.62), (0.58, 0.78, 0.76),
)  # fmt: skip
"""Where neither weights nor a palette are given."""


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
            with sfumato, a folder, or ``hub:owner/name``.
        prompt: what the picture shows.
        palette: colors to use, sRGB in 0..1.
        shading: 0 fills areas evenly, 1 keeps the generator's shades within them.
        gap_px: gaps in lines up to this width do not leak.
        side_px: long side of the picture that the generator paints.
        steps: how often the generator is asked.
        guidance: how strongly the prompt is followed.

    Raises:
        FileError: there are no such weights.
        SpecError: the weights hold no adapter.
        MissingExtraError: weights are given and torch is not installed.
    """

    writes = ("image", "mask")
    alters = ("channels",)

    weights: str | None = None
    prompt: str = ""
    palette: Annotated[tuple[tuple[float, float, float], ...], Between(0.0, 1.0)] | None = None
    shading: Annotated[float, Between(0.0, 1.0)] = 0.3
    gap_px: Annotated[int, Between(0, 100)] = 3
    side_px: Annotated[int, Between(8, 4096)] = 64
    steps: Annotated[int, Between(1, 1000)] = 30
    guidance: Annotated[float, Between(0.0, 100.0)] = 3.0

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        ink = CleanLines().ink(sample.image)
        labels, regions = line_regions(ink, gap_px=self.gap_px)
        painted = self._painted(ink, rng)
        colors = self._colors(painted, labels, regions)
        filled = colors[labels - 1] if len(regions) else np.ones((*ink.shape, 3), np.float32)
        if painted is not None and self.shading > 0 and len(regions):
            filled = filled + self.shading * _shades(painted, labels, len(regions))
        shown = np.clip(filled, 0.0, 1.0) * (1.0 - ink[..., None])
        listed = tuple(_listed(region, colors[k]) for k, region in enumerate(regions))
        return sample.but(
            image=from_unit(shown.astype(np.float32), sample.image.dtype),
            mask=labels,
            meta={**sample.meta, "regions": listed},
        )

    def _painted(self, ink: Plane, rng: Rng) -> Plane | None:
        """Let the generator paint, and give its picture at the size of the drawing."""
        if self.weights is None:
            return None
        from sfumato.adapt.adapter_method import AdapterMethod  # noqa: PLC0415 (torch comes in)
        from sfumato.core.batch import Batch  # noqa: PLC0415
        from sfumato.core.network import load  # noqa: PLC0415
        from sfumato.core.tensors import torch  # noqa: PLC0415

        method = load(self.weights)
        if not isinstance(method, AdapterMethod):
            raise SpecError(
                f"ColorizeLines.weights: {self.weights} holds {type(method).__name__}, no adapter",
                hint="name what 'sfumato train' made of ControlNet or T2IAdapter for lines",
            )
        hint = _small_hint(ink, self.side_px, method.multiple_of)
        channels = method.adapter.hint_channels
        asked = Batch(
            torch.zeros(1, 3, *hint.shape),
            hint=torch.from_numpy(hint)[None, None].expand(1, channels, *hint.shape),
            text=(self.prompt,),
        )
        dice = torch.Generator().manual_seed(int(rng.integers(2**62)))
        guided = method.base.text is not None and bool(self.prompt)
        made = method.predict(
            asked, rng=dice, steps=self.steps, guidance=self.guidance if guided else 1.0
        )
        small = made.image[0].permute(1, 2, 0).cpu().numpy()
        return resize_image(np.ascontiguousarray(small, np.float32), ink.shape)

    def _colors(
        self, painted: Plane | None, labels: NDArray[np.int32], regions: tuple[LineRegion, ...]
    ) -> Plane:
        """Choose the color of each area, (k, 3)."""
        if painted is None:
            given = np.asarray(self.palette or PASTELS, np.float32)
            return np.asarray(given[np.arange(len(regions)) % len(given)])
        found = _medians(painted, labels, len(regions))
        if self.palette is None or len(found) == 0:
            return found
        given = np.asarray(self.palette, np.float32)
        lab = [cv2.cvtColor(c[None], cv2.COLOR_RGB2LAB)[0] for c in (found, given)]
        far = np.linalg.norm(lab[0][:, None] - lab[1][None], axis=-1)
        return np.asarray(given[far.argmin(axis=1)])


def _small_hint(ink: Plane, side_px: int, multiple: int) -> Plane:
    """Reduce the lines to what the generator reads; thin ones stay visible."""
    height, width = ink.shape
    scale = min(1.0, side_px / max(height, width))
    size = tuple(max(multiple, round(scale * n / multiple) * multiple) for n in (height, width))
    # A line of less than a small pixel would fade: first as thick as one.
    thick = max(1, math.floor(1.0 / scale))
    wide = cv2.dilate(ink, np.ones((thick, thick), np.uint8)) if thick > 1 else ink
    return resize_image(np.ascontiguousarray(wide[..., None]), (size[0], size[1]))[..., 0]


def _medians(painted: Plane, labels: NDArray[np.int32], count: int) -> Plane:
    """Give the median of each area away from its rim, where lines bleed into it."""
    colors = np.zeros((count, 3), np.float32)
    for label in range(1, count + 1):
        mask = (labels == label).astype(np.uint8)
        depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
        inner = depth >= 0.5 * depth.max() if depth.max() > 0 else mask > 0
        colors[label - 1] = np.median(painted[inner], axis=0)
    return colors


def _shades(painted: Plane, labels: NDArray[np.int32], count: int) -> Plane:
    """Give how much lighter or darker each pixel was painted than the middle of its area."""
    light = painted.mean(axis=2)
    middle = np.array([np.median(light[labels == k]) for k in range(1, count + 1)], np.float32)
    return np.asarray((light - middle[labels - 1])[..., None], np.float32)


def _listed(region: LineRegion, color: NDArray[np.float32]) -> dict[str, Any]:
    return {
        "label": region.label,
        "area_px": region.area_px,
        "box": region.box,
        "inside": region.inside,
        "touches_border": region.touches_border,
        "color": tuple(round(float(c), 4) for c in color),
    }
