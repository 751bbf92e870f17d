"""The grey value of pixels that a blurred, bent edge passes through, compiled."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

__all__ = ["pixel_shares"]

Array = NDArray[np.float64]

PARTS = 2
"""Parts of a pixel each way in which a bent edge counts as straight."""
NODES, SHARES = np.polynomial.hermite_e.hermegauss(5)
SHARES = SHARES / SHARES.sum()
NARROWEST = 1e-3
"""Of a pixel's shadow on the normal: below, differences lose too many digits."""


@compiled
def _straight(away: float, wide: float, narrow: float, blur: float) -> tuple[float, float, float]:
    """Give the share of a step in a pixel, and its slopes in the place and in blur²."""
    share, slope, widen = 0.0, 0.0, 0.0
    for i in (-0.5, 0.5):
        for j in (-0.5, 0.5):
            sign = 4.0 * i * j
            x = away + i * wide + j * narrow
            u = x / blur
            cdf = 0.5 * math.erfc(-u / math.sqrt(2.0))
            pdf = math.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
            share += sign * 0.5 * ((x * x + blur * blur) * cdf + blur * x * pdf)
            slope += sign * (x * cdf + blur * pdf)
            widen += sign * 0.5 * cdf
    area = wide * narrow
    return share / area, slope / area, widen / area


@compiled
def _sagitta(along: float, bend: float) -> float:
    """Give how far a circle has left its tangent, at a distance along it."""
    swing = along * bend
    return along * swing / (1.0 + math.sqrt(max(1.0 - swing * swing, 0.0)))


@compiled
def pixel_shares(away: Array, normals: Array, bend: Array, blur: float, out: Array) -> None:
    """Give the share of the positive side in pixels, after blur, and how it changes.

    The edge is the circle of curvature at the nearest point. The Gaussian is taken
    across the edge in closed form and along it by a rule of five points; the area of
    the pixel is that of the straight edge, exactly, in each of its parts.

    Args:
        away: signed distance of the pixel's centre to the edge.
        normals: unit normal to the positive side, (k, 2).
        bend: curvature, positive where the positive side is round.
        blur: standard deviation, above 0.
        out: filled in, (3, k): share, its slope in the distance, its slope in blur².
    """
    for k in range(away.size):
        nx, ny, curvature = normals[k, 0], normals[k, 1], bend[k]
        wide = max(abs(nx), abs(ny))
        narrow = max(min(abs(nx), abs(ny)), NARROWEST)
        if curvature == 0.0:
            out[0, k], out[1, k], out[2, k] = _straight(away[k], wide, narrow, blur)
            continue
        share, slope, widen = 0.0, 0.0, 0.0
        within = 0.5 * curvature / (12.0 * PARTS * PARTS)
        for row in range(PARTS):
            v = (row + 0.5) / PARTS - 0.5
            for column in range(PARTS):
                u = (column + 0.5) / PARTS - 0.5
                across, along = u * nx + v * ny, v * nx - u * ny
                for node in range(NODES.size):
                    sag = _sagitta(along + blur * NODES[node], curvature)
                    place = away[k] + across - sag - within
                    c, d, w = _straight(place, wide / PARTS, narrow / PARTS, blur)
                    share += SHARES[node] * c
                    slope += SHARES[node] * d
                    widen += SHARES[node] * w
        parts = PARTS * PARTS
        out[0, k], out[1, k], out[2, k] = share / parts, slope / parts, widen / parts
