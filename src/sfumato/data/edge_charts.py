"""Charts of one edge whose place is known exactly, for measuring edge detectors."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.shapes import Image, from_unit
from sfumato.core.spec import Configured
from sfumato.errors import RangeError

__all__ = ["DiscChart", "EdgeChart", "LineChart"]

Array = NDArray[np.float64]

FAR = 8.0
"""Beyond so many standard deviations a blurred step is flat to 1e-15."""
PROFILE_STEP = 1.0 / 1024.0
RULE_POINTS = 6


class EdgeChart(Configured, ABC):
    """A picture of one ideal step, with the distance of every place to the step.

    The step is blurred by a Gaussian, integrated over the area of each pixel, then
    noise is added and the value rounded to the dtype that is asked for. Pixel centres
    lie at integers.

    Args:
        size: height and width of the picture in pixels.
        low: value on the dark side, unit range.
        high: value on the bright side.
        blur_px: standard deviation of the Gaussian before the pixels integrate.
        noise_sd: standard deviation of white Gaussian noise, unit range.
        seed: draws the noise.
    """

    size: Annotated[tuple[int, int], Between(1, 65536)] = (64, 64)
    low: Annotated[float, Between(0.0, 1.0)] = 50.0 / 255.0
    high: Annotated[float, Between(0.0, 1.0)] = 200.0 / 255.0
    blur_px: Annotated[float, Between(0.0, 100.0)] = 0.0
    noise_sd: Annotated[float, Between(0.0, 1.0)] = 0.0
    seed: Annotated[int, Between(0, 2**63 - 1)] = 0

    def check(self) -> None:
        if not self.low < self.high:
            raise RangeError(
                f"{type(self).__name__}: low {self.low:g} must be below high {self.high:g}"
            )

    @abstractmethod
    def coverage(self) -> Array:
        """Give the share (h, w) of bright side in each pixel, after blur."""

    @abstractmethod
    def distance(self, x: Any, y: Any) -> Array:
        """Give the signed distance of places to the step in pixels, positive where bright."""

    @abstractmethod
    def curve(self, step_px: float = 0.25) -> Array:
        """Give points (k, 2) on the step inside the picture, evenly spaced."""

    def clean(self) -> Array:
        """Give the picture without noise and rounding, float64 (h, w)."""
        return self.low + (self.high - self.low) * self.coverage()

    def picture(self, dtype: DTypeLike = np.uint8) -> Image:
        """Give the picture (h, w, 1) with noise, in the dtype."""
        values = self.clean()
        if self.noise_sd:
            rng = np.random.default_rng(self.seed)
            values = values + rng.normal(0.0, self.noise_sd, values.shape)
        return np.asarray(from_unit(values[..., None], dtype))


class LineChart(EdgeChart):
    """A straight step at any angle and sub-pixel offset.

    Every pixel has a closed form: the half plane is convolved with two boxes, the
    projections of the pixel's sides, and the Gaussian.

    Args:
        size: height and width of the picture in pixels.
        low: value on the dark side, unit range.
        high: value on the bright side.
        blur_px: standard deviation of the Gaussian before the pixels integrate.
        noise_sd: standard deviation of white Gaussian noise, unit range.
        seed: draws the noise.
        angle_deg: direction of the normal, which points to the bright side; 0 is to
            the right, 90 down.
        offset_px: how far the step lies from the middle of the picture along the normal.

    Example:
        >>> chart = LineChart(size=(3, 4), low=0.0, high=1.0, offset_px=0.25)
        >>> chart.clean()[0].tolist()
        [0.0, 0.0, 0.75, 1.0]
        >>> chart.distance(2.0, 0.0).round(12)
        np.float64(0.25)
    """

    angle_deg: Annotated[float, Between(-360.0, 360.0)] = 0.0
    offset_px: Annotated[float, Between(-1e5, 1e5)] = 0.0

    @property
    def normal(self) -> tuple[float, float]:
        """Unit vector to the bright side."""
        angle = math.radians(self.angle_deg)
        return math.cos(angle), math.sin(angle)

    def distance(self, x: Any, y: Any) -> Array:
        nx, ny = self.normal
        from_middle = np.subtract(x, (self.size[1] - 1) / 2) * nx
        along: Array = from_middle + np.subtract(y, (self.size[0] - 1) / 2) * ny - self.offset_px
        return along

    def curve(self, step_px: float = 0.25) -> Array:
        nx, ny = self.normal
        reach = math.hypot(*self.size)
        t = np.arange(-reach, reach, step_px)
        x = (self.size[1] - 1) / 2 + self.offset_px * nx - t * ny
        y = (self.size[0] - 1) / 2 + self.offset_px * ny + t * nx
        return _inside(np.stack([x, y], axis=1), self.size)

    def coverage(self) -> Array:
        y, x = np.mgrid[0 : self.size[0], 0 : self.size[1]].astype(np.float64)
        away = self.distance(x, y)
        wide, narrow = sorted((abs(c) for c in self.normal), reverse=True)
        share = (away > 0).astype(np.float64)
        near = np.abs(away) < 0.75 + FAR * self.blur_px
        share[near] = _line_share(away[near], wide, narrow, self.blur_px)
        return share


class DiscChart(EdgeChart):
    """A disc of any radius and centre, brighter or darker than its ground.

    Without blur, a pixel's value is the exact area of its square inside the circle.
    With blur, the radial profile of the blurred disc is integrated over the pixel
    by a product Gauss rule (error below 1e-6 of the step for blur from 0.3 px).

    Args:
        size: height and width of the picture in pixels.
        low: value on the dark side, unit range.
        high: value on the bright side.
        blur_px: standard deviation of the Gaussian before the pixels integrate.
        noise_sd: standard deviation of white Gaussian noise, unit range.
        seed: draws the noise.
        radius_px: radius of the circle.
        center_px: x and y of the centre; the middle of the picture without it.
        bright: the disc is the bright side.

    Raises:
        RangeError: a blur above 0 and below 0.3 px, which the rule does not resolve.

    Example:
        >>> disc = DiscChart(size=(32, 32), low=0.0, high=1.0, radius_px=10.3)
        >>> bool(abs(disc.clean().sum() - np.pi * 10.3**2) < 1e-9)
        True
    """

    radius_px: Annotated[float, Between(0.5, 1e5)] = 20.0
    center_px: tuple[float, float] | None = None
    bright: bool = True

    def check(self) -> None:
        super().check()
        if 0.0 < self.blur_px < 0.3:
            raise RangeError(
                f"DiscChart: a blur of {self.blur_px:g} px is not resolved",
                hint="use 0, or 0.3 px and more",
            )

    @property
    def center(self) -> tuple[float, float]:
        """Centre of the circle, x and y."""
        return self.center_px or ((self.size[1] - 1) / 2, (self.size[0] - 1) / 2)

    def distance(self, x: Any, y: Any) -> Array:
        cx, cy = self.center
        inside = self.radius_px - np.hypot(np.subtract(x, cx), np.subtract(y, cy))
        return np.asarray(inside if self.bright else -inside, np.float64)

    def curve(self, step_px: float = 0.25) -> Array:
        count = max(8, round(2 * math.pi * self.radius_px / step_px))
        angle = np.arange(count) * (2 * math.pi / count)
        (cx, cy), r = self.center, self.radius_px
        return _inside(np.stack([cx + r * np.cos(angle), cy + r * np.sin(angle)], 1), self.size)

    def coverage(self) -> Array:
        y, x = np.mgrid[0 : self.size[0], 0 : self.size[1]].astype(np.float64)
        dx, dy = np.abs(x - self.center[0]), np.abs(y - self.center[1])
        inside = self.radius_px - np.hypot(dx, dy)
        share = (inside > 0).astype(np.float64)
        near = np.abs(inside) < 0.75 + FAR * self.blur_px
        if self.blur_px:
            share[near] = _blurred_share(dx[near], dy[near], self.radius_px, self.blur_px)
        else:
            share[near] = _disc_share(dx[near], dy[near], self.radius_px)
        return share if self.bright else np.asarray(1.0 - share)


def _inside(points: Array, size: tuple[int, int]) -> Array:
    limit = np.array([size[1] - 1.0, size[0] - 1.0])
    return np.asarray(points[((points >= 0) & (points <= limit)).all(axis=1)])


def _line_share(away: Array, wide: float, narrow: float, blur: float) -> Array:
    """Convolve a step with boxes of two widths and a Gaussian, at distances ``away``."""
    if narrow < 1e-4:  # below, the second difference loses more digits than the box matters
        ends = [_ramp(away + sign * wide / 2, blur) for sign in (1, -1)]
        return np.asarray((ends[0] - ends[1]) / wide)
    corners = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    total = sum(
        weight * _bowl(away + (a * wide + b * narrow) / 2, blur) for a, b, weight in corners
    )
    return np.asarray(total / (wide * narrow))


def _ramp(x: Array, blur: float) -> Array:
    """Integrate a blurred step once."""
    if not blur:
        return np.maximum(x, 0.0)
    cdf, pdf = _normal(x / blur)
    return np.asarray(x * cdf + blur * pdf)


def _bowl(x: Array, blur: float) -> Array:
    """Integrate a blurred step twice."""
    if not blur:
        return np.asarray(0.5 * np.maximum(x, 0.0) ** 2)
    cdf, pdf = _normal(x / blur)
    return np.asarray(0.5 * ((x * x + blur * blur) * cdf + blur * x * pdf))


def _normal(u: Array) -> tuple[Array, Array]:
    return np.asarray(_cdf(np.ascontiguousarray(u))), np.exp(-0.5 * u * u) / math.sqrt(2 * math.pi)


@compiled
def _cdf(u: Array) -> Array:
    out = np.zeros_like(u)
    flat, result = u.ravel(), out.ravel()
    for k in range(flat.size):
        result[k] = 0.5 * math.erfc(-flat[k] / math.sqrt(2.0))
    return out


def _disc_share(dx: Array, dy: Array, radius: float) -> Array:
    """Give the area of unit squares inside a circle about the origin, exactly."""
    corners = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    total = sum(weight * _quadrant(dx + a * 0.5, dy + b * 0.5, radius) for a, b, weight in corners)
    return np.asarray(np.clip(total, 0.0, 1.0))


def _quadrant(x: Array, y: Array, radius: float) -> Array:
    """Give the signed area of the circle between the origin and a corner."""
    sign = np.sign(x) * np.sign(y)
    a, b = np.minimum(np.abs(x), radius), np.minimum(np.abs(y), radius)
    flat_to = np.sqrt((radius - b) * (radius + b))
    under_roof = np.minimum(a, flat_to)
    arc = _cap(a, radius) - _cap(under_roof, radius)
    return np.asarray(sign * (b * under_roof + arc))


def _cap(t: Array, radius: float) -> Array:
    # Near t = radius an arc sine loses half of the digits; an error of the root cancels here.
    root = np.sqrt((radius - t) * (radius + t))
    return np.asarray(0.5 * (t * root + radius**2 * np.arctan2(t, root)))


def _blurred_share(dx: Array, dy: Array, radius: float, blur: float) -> Array:
    start = max(0.0, radius - FAR * blur - 2.0)
    places = np.arange(start, radius + FAR * blur + 2.0, PROFILE_STEP)
    profile = _radial_profile(places, radius, blur)
    nodes, weights = np.polynomial.legendre.leggauss(RULE_POINTS)
    total = np.zeros_like(dx)
    for a, wa in zip(nodes / 2, weights / 2, strict=True):
        for b, wb in zip(nodes / 2, weights / 2, strict=True):
            total += wa * wb * np.interp(np.hypot(dx + a, dy + b), places, profile)
    return total


def _radial_profile(r: Array, radius: float, blur: float) -> Array:
    """Blur a disc: chords across the line of sight, weighted by the Gaussian."""
    widest = math.asin(min(1.0, FAR * blur / radius))
    nodes, weights = np.polynomial.legendre.leggauss(96)
    angle = nodes * widest
    across, chord = radius * np.sin(angle), radius * np.cos(angle)
    gauss = np.exp(-0.5 * (across / blur) ** 2) / (blur * math.sqrt(2 * math.pi))
    total = np.zeros_like(r)
    for c, w in zip(chord, weights * widest * chord * gauss, strict=True):
        total += w * (_cdf((c - r) / blur) - _cdf((-c - r) / blur))
    return total
