"""The way back through a color table, found numerically, with what it misses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.color.color_table import ColorTable, lattice
from sfumato.errors import RangeError

__all__ = ["InverseReport", "invert_table"]

STEPS = 30
GUESSES = 17
"""Entries along an edge of the lattice that the search starts from."""
REACHED = 1e-3
CHECKED = 4096


@dataclass(frozen=True)
class InverseReport:
    """How good an inverse is.

    Args:
        reachable: the share of the inverse's entries that the table can produce; the others
            hold the color that comes nearest.
        mean_error: of random colors sent through the table and back, largest channel, white 1.
        p99_error: 99 of 100 of them are nearer.
        max_error: the farthest.
    """

    reachable: float
    mean_error: float
    p99_error: float
    max_error: float


def invert_table(table: ColorTable, *, size: int | None = None) -> tuple[ColorTable, InverseReport]:
    """Find the table that undoes a table.

    For each entry of the inverse the color is sought that the table turns into it: from the
    nearest of 17^3 colors by damped Gauss-Newton steps on the table as it is interpolated.
    The inverse covers the box of the table's results. What the table makes equal, nothing
    tells apart again: the report says how much is lost.

    Args:
        table: without a shaper.
        size: entries along an edge; by default those of the table.

    Raises:
        RangeError: the table has a shaper, or gives one single value in a channel.

    Example:
        >>> darker = ColorTable(ColorTable.identity(17).values ** 1.5)
        >>> back, report = invert_table(darker)
        >>> report.reachable, report.mean_error < 0.02
        (1.0, True)
    """
    if table.shaper is not None:
        raise RangeError(
            "invert_table: the table has a shaper", hint="sample it first: table_of(LUT3D(...))"
        )
    size = table.size if size is None else size
    flat = table.values.reshape(-1, 3)
    low, high = flat.min(axis=0).astype(float), flat.max(axis=0).astype(float)
    # What comes out between 0 and 1 is asked for at 0 and at 1, whole numbers of the format.
    low, high = (
        np.where(np.abs(low) < REACHED, 0.0, low),
        np.where(np.abs(high - 1) < REACHED, 1.0, high),
    )
    if (high - low < REACHED).any():
        raise RangeError("invert_table: a channel is constant, nothing can undo that")
    targets = lattice(size, tuple(low), tuple(high)).reshape(-1, 3)
    colors, gap = _solve(table, targets)
    inverse = ColorTable(
        colors.reshape(size, size, size, 3),
        domain_min=tuple(low),
        domain_max=tuple(high),
        title=f"inverse of {table.title}" if table.title else "",
    )
    return inverse, _report(table, inverse, gap)


def _look_up(table: ColorTable, colors: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = table.look_up(colors[None])[0]
    return found


def _solve(
    table: ColorTable, targets: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    low, high = (np.array(v, np.float32) for v in (table.domain_min, table.domain_max))
    colors = _nearest(table, targets)
    error = _look_up(table, colors) - targets
    step = (high - low) / np.float32(4 * (table.size - 1))
    damping = np.full(len(targets), 1e-4, np.float32)
    active = np.arange(len(targets))
    for _ in range(STEPS):
        here, wrong = colors[active], error[active]
        slopes = _slopes(table, here, step, low, high)
        normal = np.einsum("kij,kil->kjl", slopes, slopes)
        scale = 1e-6 + np.trace(normal, axis1=1, axis2=2) / 3
        normal += (damping[active] * scale)[:, None, None] * np.eye(3, dtype=np.float32)
        pull = np.einsum("kij,ki->kj", slopes, wrong)
        tried = np.clip(here - np.linalg.solve(normal, pull[..., None])[..., 0], low, high)
        after = _look_up(table, tried) - targets[active]
        better = (after**2).sum(axis=1) < (wrong**2).sum(axis=1)
        took = active[better]
        colors[took], error[took] = tried[better], after[better]
        damping[active] *= np.where(better, 0.2, 8.0).astype(np.float32)
        active = active[(np.abs(error[active]).max(axis=1) > 1e-6) & (damping[active] < 1e6)]
        if not len(active):
            break
    return colors, np.abs(error).max(axis=1)


def _slopes(
    table: ColorTable,
    colors: NDArray[np.float32],
    step: NDArray[np.float32],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Give the change of each result by each channel, (k, results, channels)."""
    columns = []
    for channel in range(3):
        shift = np.zeros(3, np.float32)
        shift[channel] = step[channel]
        before, behind = np.maximum(colors - shift, low), np.minimum(colors + shift, high)
        width = (behind - before)[:, channel : channel + 1]
        columns.append((_look_up(table, behind) - _look_up(table, before)) / width)
    return np.stack(columns, axis=2)


def _nearest(table: ColorTable, targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Start each search at the lattice color whose result is nearest."""
    starts = lattice(min(GUESSES, table.size), table.domain_min, table.domain_max).reshape(-1, 3)
    results = _look_up(table, starts)
    square = (results**2).sum(axis=1)
    chosen = np.empty(len(targets), np.intp)
    for k in range(0, len(targets), 2048):
        part = targets[k : k + 2048]
        chosen[k : k + 2048] = np.argmin(square - 2.0 * part @ results.T, axis=1)
    return starts[chosen]


def _report(table: ColorTable, inverse: ColorTable, gap: NDArray[np.float32]) -> InverseReport:
    rng = np.random.default_rng(0)
    low, high = np.array(table.domain_min), np.array(table.domain_max)
    colors = rng.uniform(low, high, (CHECKED, 3)).astype(np.float32)[None]
    wrong = np.abs(inverse.look_up(table.look_up(colors)) - colors).max(axis=2)
    return InverseReport(
        reachable=float((gap < REACHED).mean()),
        mean_error=float(wrong.mean()),
        p99_error=float(np.quantile(wrong, 0.99)),
        max_error=float(wrong.max()),
    )
