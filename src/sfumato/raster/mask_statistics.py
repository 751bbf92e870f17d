"""Numbers about what a mask covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image, check_image
from sfumato.errors import RangeError
from sfumato.raster.mask import as_mask

__all__ = ["RegionStatistics", "region_statistics"]

Row = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionStatistics:
    """What `region_statistics` found; values are in the picture's own range.

    Args:
        area_px: pixels covered, soft ones by their share.
        fraction: the area as a share of the picture.
        box: x0 y0 x1 y1, the outer sides of the outermost pixels that are touched.
        centroid: x and y of the center of gravity.
        mean: of each channel, weighted by the mask.
        std: standard deviation of each channel about that mean.
        minimum: smallest value of each channel.
        maximum: largest value of each channel.
        percentiles: values of each channel, as many rows as were asked for.

    Shape:
        mean, std, minimum, maximum (c,); percentiles (k, c).
    """

    area_px: float
    fraction: float
    box: tuple[float, float, float, float]
    centroid: tuple[float, float]
    mean: Row
    std: Row
    minimum: Row
    maximum: Row
    percentiles: NDArray[np.float64]


def region_statistics(
    image: Image, mask: NDArray[Any], *, percentiles: Sequence[float] = (5.0, 50.0, 95.0)
) -> RegionStatistics:
    """Measure a picture where a mask covers it; what it leaves out has no say.

    A percentile p is the smallest value up to which at least p percent of the mask's
    weight lies: always a value of the picture.

    Args:
        image: uint8, uint16 or float32; outside the mask it may be NaN.
        mask: soft ones weigh each pixel.
        percentiles: from 0 to 100.

    Shape:
        image (h, w, c), mask (h, w).

    Raises:
        RangeError: the mask is empty, a percentile is outside 0..100, or a value
            inside is not finite.
        ShapeError: the mask does not fit the picture.

    Example:
        >>> picture = np.uint8([[[10], [20], [200]]])
        >>> found = region_statistics(picture, np.array([[True, True, False]]))
        >>> found.mean.tolist(), found.box, found.centroid
        ([15.0], (-0.5, -0.5, 1.5, 0.5), (0.5, 0.0))
    """
    check_image(image, "region_statistics")
    weights = as_mask(mask, "region_statistics", size=image.shape[:2])
    shares = np.asarray(percentiles, np.float64) / 100
    if shares.ndim != 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise RangeError(f"region_statistics: percentiles {percentiles!r} are outside [0, 100]")
    across = weights.sum(axis=0, dtype=np.float64)
    down = weights.sum(axis=1, dtype=np.float64)
    area = float(down.sum())
    if area == 0:
        raise RangeError(
            "region_statistics: the mask is empty, it has no mean and no place",
            hint="ask mask.any() first",
        )
    columns, rows = np.flatnonzero(across), np.flatnonzero(down)
    left, right, top, bottom = (int(v) for v in (columns[0], columns[-1], rows[0], rows[-1]))
    window = slice(top, bottom + 1), slice(left, right + 1)
    inside = weights[window] > 0
    heavy = None if weights.dtype == np.bool_ else weights[window][inside].astype(np.float64)
    found = [
        _of_channel(image[window][..., k][inside], heavy, shares) for k in range(image.shape[2])
    ]
    mean, std, minimum, maximum, *values = (np.array(row) for row in zip(*found, strict=True))
    return RegionStatistics(
        area_px=area,
        fraction=area / weights.size,
        box=(left - 0.5, top - 0.5, right + 0.5, bottom + 0.5),
        centroid=(
            float(across @ np.arange(across.size)) / area,
            float(down @ np.arange(down.size)) / area,
        ),
        mean=mean,
        std=std,
        minimum=minimum,
        maximum=maximum,
        percentiles=np.array(values).reshape(len(shares), image.shape[2]),
    )


def _of_channel(values: NDArray[Any], heavy: Row | None, shares: Row) -> list[float]:
    """Give mean, deviation, smallest, largest and the percentiles of weighted values."""
    if values.dtype == np.float32:
        if not np.isfinite(values).all():
            raise RangeError(
                "region_statistics: the picture holds NaN or infinity inside the mask",
                hint="take it out of the mask: mask & np.isfinite(image).all(axis=2)",
            )
        if heavy is None:
            levels, weights = np.sort(values).astype(np.float64), np.ones(values.size)
        else:
            order = np.argsort(values)
            levels, weights = values[order].astype(np.float64), heavy[order]
    else:
        counts = np.bincount(values, heavy)
        levels = np.flatnonzero(counts).astype(np.float64)
        weights = counts[counts != 0].astype(np.float64)
    total = np.cumsum(weights)
    mean = float(levels @ weights / total[-1])
    spread = float(np.sqrt((levels - mean) ** 2 @ weights / total[-1]))
    at = np.searchsorted(total / total[-1], shares, side="left")
    return [mean, spread, float(levels[0]), float(levels[-1]), *levels[at].tolist()]
