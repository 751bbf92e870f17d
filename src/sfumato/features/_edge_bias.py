"""How far a blurred edge moves towards its centre of curvature, and the way back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.features._edge_seeds import EdgeSeeds

__all__ = ["axis_bias", "crest_bias"]

Array = NDArray[np.float64]

STEEPEST = 0.25
"""Largest squared ratio of blur to radius for which the expansion is used."""


def crest_bias(variance: Array, curvature: Array) -> Array:
    """Give how far along its normal the crest of a blurred circular edge lies.

    The gradient of a disc of radius R under a Gaussian of variance s² is
    proportional to exp(-(r² + R²) / 2s²) I1(r R / s²); its crest r obeys
    R = r / (I0(z) / I1(z) - 1 / z) with z = r R / s². With I0 / I1 expanded for large
    z, R = r + s² / 2r - 3 s⁴ / 8r³, where 1 / r is the curvature of the crest. The
    same expansion makes the crest look wider: the variance that is read off its top is
    s² / (1 - s² / 2r²).
    """
    ratio = np.minimum(variance * curvature * curvature, STEEPEST)
    own = variance / (1.0 + 0.5 * ratio)
    return np.asarray(0.5 * own * curvature * (1.0 - 0.75 * ratio))


def axis_bias(seeds: EdgeSeeds) -> Array:
    """Give how far along its normal a crest is moved by fitting along a row or column.

    A row meets a circle at an angle, so the distance to the circle grows along it by
    c u - k s² u² / 2 (c, s: cosine and sine of the angle, k: curvature). Through three
    samples at -1, 0, 1 the square makes the crest appear k s² (1 - 3 u²) / 2 off.
    """
    x, y, nx, ny, _, _, px, py = seeds.table
    along_x = np.abs(px - x) >= np.abs(py - y)
    offset = np.where(along_x, x - px, y - py)
    tilt = np.where(np.abs(nx) >= np.abs(ny), ny, nx)
    return np.asarray(0.5 * seeds.curvature * tilt * tilt * (1.0 - 3.0 * offset * offset))
