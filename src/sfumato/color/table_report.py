"""What to know about a color table before trusting it with a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.color.color_table import ColorTable, lattice

__all__ = ["TableReport", "examine_table"]

LEAST = 1e-6
"""A fall smaller than this is rounding of the file."""


@dataclass(frozen=True)
class TableReport:
    """How a table behaves.

    Args:
        size: entries along an edge.
        low: the smallest value of each channel.
        high: the largest value of each channel.
        outside: the share of values below 0 or above 1, which a picture of whole numbers
            clips.
        falling: the share of neighbouring entries where a channel falls although the same
            channel of the input rises; gradients turn back there.
        roughness: the mean absolute second difference along the axes, in cells of the
            identity; 0 for every linear table, and large where skies show bands.
        roughest: the largest of them.
        grey_drift: how far from grey a grey becomes at most, largest less smallest channel.
        folded: the share of cells that are turned inside out; no inverse exists there.
        change: the mean absolute difference to the identity.
    """

    size: int
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    outside: float
    falling: float
    roughness: float
    roughest: float
    grey_drift: float
    folded: float
    change: float


def examine_table(table: ColorTable) -> TableReport:
    """Measure range, monotony, smoothness, grey axis and folds of a table.

    Example:
        >>> report = examine_table(ColorTable.identity(17))
        >>> report.falling, report.folded, round(report.roughness, 6)
        (0.0, 0.0, 0.0)
    """
    values = table.values.astype(np.float64)
    flat = values.reshape(-1, 3)
    axes = (2, 1, 0)  # of red, green, blue
    span = np.array(table.domain_max) - np.array(table.domain_min)
    own = [np.diff(values[..., channel], axis=axis) for channel, axis in enumerate(axes)]
    falls = np.concatenate([d.ravel() for d in own]) < -LEAST
    bends = [np.zeros(1)]
    if table.size > 2:
        bends = [
            np.abs(np.diff(values, n=2, axis=axis)).ravel() * (table.size - 1) / span[channel]
            for channel, axis in enumerate(axes)
        ]
    bent = np.concatenate(bends)
    grey = np.linspace(table.input_min, table.input_max, 1025).astype(np.float32)[None]
    greys = table.look_up(grey) if len({*span}) == 1 else grey
    identity = lattice(table.size, table.domain_min, table.domain_max)
    low, high = flat.min(axis=0).tolist(), flat.max(axis=0).tolist()
    return TableReport(
        size=table.size,
        low=(low[0], low[1], low[2]),
        high=(high[0], high[1], high[2]),
        outside=float(((flat < -LEAST) | (flat > 1 + LEAST)).mean()),
        falling=float(falls.mean()),
        roughness=float(bent.mean()),
        roughest=float(bent.max()),
        grey_drift=float(np.ptp(greys, axis=2).max()),
        folded=float((_volumes(values) <= 0).mean()),
        change=float(np.abs(values - identity).mean()),
    )


def _volumes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the signed volume of each cell, spanned from its first corner."""
    first = values[:-1, :-1, :-1]
    red = values[:-1, :-1, 1:] - first
    green = values[:-1, 1:, :-1] - first
    blue = values[1:, :-1, :-1] - first
    return np.asarray(np.einsum("...i,...i->...", red, np.cross(green, blue)))
