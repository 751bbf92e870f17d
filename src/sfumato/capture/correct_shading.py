"""Undo the falloff of light towards the corners, known from a flat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.mosaic_operator import MosaicOperator
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.errors import RangeError, ShapeError
from sfumato.io.mosaic_facts import MosaicFacts, facts_of

__all__ = ["CorrectShading"]

CELLS = 24
"""The flat is averaged over so many cells across its long side."""
MOST_LIT, LEAST_LIT = 0.95, 0.02
LEAST_FALLOFF = 0.02
DEGREE = 6


class CorrectShading(MosaicOperator):
    """Undo the falloff of light towards the corners, and its color.

    What a lens and a sensor leave of even light is, for each site of the cell, a polynomial
    over the picture, fitted to a flat frame (`from_flat`). The mosaic is divided by it; the
    brightest place keeps its values. Light that saturated in a corner ends above 1.

    Args:
        falloff: for each of the four sites the coefficients of 1, x, y, x^2, x y, y^2, x^3, ...
            up to any degree; x and y go from -1 to 1 over the picture.

    Shape:
        image (h, w, 1), and each frame of a stack, of any size.

    Raises:
        FieldError: the sample is no mosaic.
        ShapeError: not four lists of 1, 3, 6, 10, 15, ... coefficients.
        RangeError: less than 2 % of the light is left somewhere.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array
        >>> y, x = np.mgrid[-1:1:64j, -1:1:96j]
        >>> flat = mosaic_from_array((0.6 - 0.2 * (x * x + y * y)).astype(np.float32), white=1.0)
        >>> even = CorrectShading.from_flat(flat)(flat).image
        >>> bool(abs(even - 0.6).max() < 0.002)
        True
    """

    falloff: tuple[tuple[float, ...], ...] = ((1.0,),) * 4

    def check(self) -> None:
        counts = {len(coefficients) for coefficients in self.falloff}
        if len(self.falloff) != 4 or len(counts) != 1 or _degree(min(counts)) is None:
            raise ShapeError(
                f"CorrectShading.falloff: expected four lists of 1, 3, 6, 10, ... coefficients, "
                f"got {[len(c) for c in self.falloff]}"
            )

    @classmethod
    def from_flat(cls, flat: Sample, *, degree: int = DEGREE) -> Self:
        """Measure the falloff in a flat frame, or in the mean of a stack of them.

        Args:
            flat: a raw sample of an evenly lit surface, nowhere near clipping.
            degree: of the polynomial, 0 to 10.

        Raises:
            FieldError: the sample is no mosaic.
            RangeError: clipped or nearly dark, or an unknown degree.
            ShapeError: smaller than 32 x 32.
        """
        facts_of(flat, "CorrectShading.from_flat")
        if not 0 <= degree <= 10:
            raise RangeError(f"CorrectShading: a degree is from 0 to 10, got {degree}")
        frames = flat.image[None] if flat.stack is None else flat.stack
        plane = frames[..., 0].mean(axis=0, dtype=np.float32)
        if min(plane.shape) < 32:
            raise ShapeError(f"CorrectShading: a flat has at least 32 x 32 px, got {plane.shape}")
        fitted = []
        for k in range(4):
            x, y, means = _cells(plane, k)
            if means.max() > MOST_LIT or means.min() < LEAST_LIT * max(means.max(), LEAST_LIT):
                raise RangeError(
                    f"CorrectShading: the flat lies between {means.min():.3f} and "
                    f"{means.max():.3f} of white",
                    hint="expose an evenly lit surface so that nothing clips, near half of white",
                )
            basis = _basis(x, y, degree)
            coefficients = np.linalg.lstsq(basis, means, rcond=None)[0]
            fitted.append(tuple((coefficients / (basis @ coefficients).max()).tolist()))
        return cls(falloff=tuple(fitted))

    def apply_mosaic(
        self, plane: NDArray[np.float32], found: MosaicFacts, rng: Rng
    ) -> NDArray[np.float32]:
        height, width = plane.shape
        x = np.linspace(-1.0, 1.0, width)
        y = np.linspace(-1.0, 1.0, height)
        for k, coefficients in enumerate(self.falloff):
            share = _surface(x[k % 2 :: 2], y[k // 2 :: 2], coefficients)
            if share.min() < LEAST_FALLOFF:
                raise RangeError(
                    f"CorrectShading: only {share.min():.1%} of the light is left somewhere"
                )
            plane[k // 2 :: 2, k % 2 :: 2] /= share
        return plane


def _degree(count: int) -> int | None:
    return next((d for d in range(11) if (d + 1) * (d + 2) // 2 == count), None)


def _powers(degree: int) -> list[tuple[int, int]]:
    return [(total - j, j) for total in range(degree + 1) for j in range(total + 1)]


def _basis(x: NDArray[np.float64], y: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    return np.stack([x**a * y**b for a, b in _powers(degree)], axis=-1)


def _surface(
    x: NDArray[np.float64], y: NDArray[np.float64], coefficients: Sequence[float]
) -> NDArray[np.float32]:
    """Evaluate on a grid as a product of two matrices: rows of y powers times those of x."""
    degree = _degree(len(coefficients)) or 0
    table = np.zeros((degree + 1, degree + 1))
    for (a, b), value in zip(_powers(degree), coefficients, strict=True):
        table[b, a] = value
    rows = np.vander(y, degree + 1, increasing=True) @ table
    return np.asarray(rows @ np.vander(x, degree + 1, increasing=True).T, np.float32)


def _cells(plane: NDArray[np.float32], site: int) -> tuple[NDArray[np.float64], ...]:
    """Average a site over cells; give their centres on -1..1 and their means."""
    height, width = plane.shape
    part = plane[site // 2 :: 2, site % 2 :: 2].astype(np.float64)
    step = max(1, max(part.shape) // CELLS)
    rows, columns = (n // step for n in part.shape)
    means = part[: rows * step, : columns * step].reshape(rows, step, columns, step).mean((1, 3))
    y = (2 * (np.arange(rows) * step + (step - 1) / 2) + site // 2) / (height - 1) * 2 - 1
    x = (2 * (np.arange(columns) * step + (step - 1) / 2) + site % 2) / (width - 1) * 2 - 1
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x.ravel(), grid_y.ravel(), means.ravel()
