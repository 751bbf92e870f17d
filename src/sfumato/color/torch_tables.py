"""Color tables as tensors: a batch of pictures, each through a table of its own, differentiable."""

from __future__ import annotations

import math

from sfumato.core.tensors import Tensor, functional, torch
from sfumato.errors import ShapeError

__all__ = ["apply_tables", "table_monotony", "table_roughness"]


def apply_tables(tables: Tensor, images: Tensor) -> Tensor:
    """Send each picture of a batch through its color table, by trilinear interpolation.

    Differentiable in the tables and in the pictures (almost everywhere: at the borders of
    cells the slope jumps). Colors outside 0..1 count as the nearest inside. The order of a
    table is that of a `.cube` file: red runs fastest, along the last axis.

    Args:
        tables: one table for all pictures, or one for each.
        images: pictures with white at 1.

    Shape:
        tables (3, s, s, s) or (n, 3, s, s, s): result, blue, green, red; images
        (n, 3, h, w); returns the shape of the images.

    Raises:
        ShapeError: the shapes are others.

    Example:
        >>> import torch
        >>> blue, green, red = torch.meshgrid(*[torch.linspace(0, 1, 5)] * 3, indexing="ij")
        >>> same = torch.stack([red, green, blue])
        >>> image = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(0))
        >>> bool((apply_tables(same, image) - image).abs().max() < 1e-6)
        True
    """
    count = len(images)
    if images.ndim != 4 or images.shape[1] != 3:
        raise ShapeError(f"apply_tables: expected images (n, 3, h, w), got {tuple(images.shape)}")
    side = tables.shape[-1]
    if tables.ndim == 4:
        tables = tables.expand(count, -1, -1, -1, -1)
    if tuple(tables.shape) != (count, 3, side, side, side) or side < 2:
        raise ShapeError(
            f"apply_tables: expected tables (3, s, s, s) or ({count}, 3, s, s, s), "
            f"got {tuple(tables.shape)}"
        )
    # In 16 bits a place in the table would be known to a quarter of a cell only.
    with torch.autocast(images.device.type, enabled=False):
        places = images.float().clamp(0.0, 1.0) * 2.0 - 1.0
        grid = places.permute(0, 2, 3, 1)[:, None]
        found: Tensor = functional.grid_sample(
            tables.float(), grid, mode="bilinear", padding_mode="border", align_corners=True
        )
    return found[:, :, 0]


def table_roughness(tables: Tensor) -> Tensor:
    """Give the published smoothness term: the mean squared step along each axis, added up.

    The first and the last step of an axis count twice.

    Shape:
        (..., 3, s, s, s) to (...).
    """
    total = tables.new_zeros(tables.shape[:-4])
    for axis in (-1, -2, -3):
        step = tables.diff(dim=axis) ** 2
        ends = step.narrow(axis, 0, 1), step.narrow(axis, step.shape[axis] - 1, 1)
        extra = sum(end.sum((-1, -2, -3, -4)) for end in ends)
        total = total + (step.sum((-1, -2, -3, -4)) + extra) / math.prod(step.shape[-4:])
    return total


def table_monotony(tables: Tensor) -> Tensor:
    """Give the published monotony term: how far results fall along each axis, the means added up.

    Every result shall rise with every channel, which is more than is good for turning hues.

    Shape:
        (..., 3, s, s, s) to (...).
    """
    total = tables.new_zeros(tables.shape[:-4])
    for axis in (-1, -2, -3):
        total = total + functional.relu(-tables.diff(dim=axis)).mean((-1, -2, -3, -4))
    return total
