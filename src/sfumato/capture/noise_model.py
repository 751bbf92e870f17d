"""The noise of a sensor at one ISO: how far a reading strays from the light that caused it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.capture._noise_density import log_density
from sfumato.capture._noise_draws import disturb
from sfumato.capture._tukey_lambda import tukey_deviation
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.spec import Configured
from sfumato.errors import DtypeError, RangeError, ShapeError, SpecError

__all__ = ["NoiseModel"]

Levels: TypeAlias = NDArray[np.float64]
LARGEST = 1e9
PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")


class NoiseModel(Configured):
    """Say how noisy a sensor is at one ISO, and make noise that cannot be told from its own.

    A pixel that catches n electrons on average reads, in DN above black,
    ``x = K P(n) + bias + row + read``: P is a Poisson count, K the gain, ``row`` one
    normal number for each row, ``read`` normal or, with a ``tail``, Tukey-lambda.
    The reading is rounded to a multiple of ``step`` and ends at 0 and at white.
    So a mean of m = K n has the variance ``K m + sigma^2 + row^2 + step^2 / 12``.

    All values are in DN of the sensor, or in any other unit throughout: on the unit
    range, with black 0 and white 1, ``gain`` is the a and ``read_noise`` the root of the b
    of ``variance = a x + b``.

    The settings that are lists have one value for all colors, three for red, green
    and blue, or four for the sites of the 2 x 2 cell of a mosaic, row by row.

    Args:
        gain: K, DN per electron; 0 for a sensor without photon noise.
        read_noise: sigma, standard deviation of what the readout of one pixel adds, DN.
        black: reading without light, DN.
        white: reading at which a pixel saturates, DN.
        tail: lambda of the Tukey-lambda law of the read noise; 0.14 is near normal, lower
            has longer tails, down to -0.49 (below, there is no variance); none for normal.
        row_noise: standard deviation of the offset that a whole row shares, DN.
        bias: what the readout adds to each color beside black, DN.
        step: distance of two readings, 1 for a sensor that gives whole DN; 0 for none.

    Shape:
        Pictures are (h, w, colors); of a mosaic (h, w) or (h, w, 1) a model of four
        colors knows the sites; a model of one color takes any shape.

    Raises:
        RangeError: black is not below white, or a value is out of bounds.
        ShapeError: lists of different lengths, or not of 1, 3 or 4 values.

    Example:
        >>> model = NoiseModel(gain=(2.0,), read_noise=(6.0,), black=(512.0,), white=(16383.0,))
        >>> float(model.variance(100.0))
        236.0
        >>> dark = np.zeros((100, 100), np.float32)
        >>> bool(abs(model.apply(dark, rng=1).std() - 6) < 0.2)
        True

    References:
        A. Foi, M. Trimeche, V. Katkovnik, K. Egiazarian. Practical Poissonian-Gaussian
        Noise Modeling and Fitting for Single-Image Raw-Data. IEEE Transactions on Image
        Processing, 2008. doi:10.1109/TIP.2008.2001399
        K. Wei, Y. Fu, J. Yang, H. Huang. A Physics-Based Noise Formation Model for
        Extreme Low-Light Raw Denoising. CVPR 2020. arXiv:2003.12751
    """

    gain: Annotated[tuple[float, ...], Between(0.0, LARGEST)] = (1.0,)
    read_noise: Annotated[tuple[float, ...], Between(0.0, LARGEST)] = (1.0,)
    black: Annotated[tuple[float, ...], Between(-LARGEST, LARGEST)] = (0.0,)
    white: Annotated[tuple[float, ...], Between(-LARGEST, LARGEST)] = (65535.0,)
    tail: Annotated[float | None, Between(-0.49, 2.0)] = None
    row_noise: Annotated[float, Between(0.0, LARGEST)] = 0.0
    bias: Annotated[tuple[float, ...], Between(-LARGEST, LARGEST)] = (0.0,)
    step: Annotated[float, Between(0.0, LARGEST)] = 0.0

    def check(self) -> None:
        counts = {name: len(getattr(self, name)) for name in LISTS}
        wrong = next((name for name, n in counts.items() if n not in (1, 3, 4)), None)
        if wrong is not None:
            raise ShapeError(f"NoiseModel.{wrong}: expected 1, 3 or 4 values, got {counts[wrong]}")
        if len({n for n in counts.values() if n > 1}) > 1:
            said = ", ".join(f"{name} {n}" for name, n in counts.items())
            raise ShapeError(f"NoiseModel: lists for different numbers of colors: {said}")
        for black, white in zip(self._each("black"), self._each("white"), strict=True):
            if not black < white:
                raise RangeError(
                    f"NoiseModel: black {black:g} is not below white {white:g}",
                    hint="both are readings as they stand in the raw file",
                )
            if self.step > white - black:
                raise RangeError(
                    f"NoiseModel.step: {self.step:g} is more than all from black to white, "
                    f"{white - black:g}"
                )

    @property
    def colors(self) -> int:
        """How many colors the model tells apart: 1, 3 or 4."""
        return max(len(getattr(self, name)) for name in LISTS)

    @property
    def floor(self) -> Levels:
        """Variance without light of each color: read noise, row noise and rounding."""
        shared = self.row_noise**2 + self.step**2 / 12.0
        return np.square(self._each("read_noise")) + shared

    @property
    def span(self) -> Levels:
        """From black to white of each color."""
        return self._each("white") - self._each("black")

    @property
    def read_scale(self) -> Levels:
        """Scale of the Tukey-lambda law of each color; read noise itself where it is normal."""
        unit = 1.0 if self.tail is None else tukey_deviation(self.tail)
        return self._each("read_noise") / unit

    def variance(self, mean: ArrayLike) -> Levels:
        """Give the variance of readings about their mean, before clipping.

        Args:
            mean: DN above black and without bias; of a mean below 0 that of 0.

        Shape:
            mean as the class says, or (colors,); returns the same shape.
        """
        levels = np.asarray(mean, np.float64)
        gain, floor = self.per_pixel(self._each("gain"), levels), self.per_pixel(self.floor, levels)
        return np.asarray(gain * np.maximum(levels, 0.0) + floor)

    def apply(
        self, linear: NDArray[Any], rng: Rng | int | None = None, *, clip: bool = True
    ) -> NDArray[Any]:
        """Read clean light as this sensor does.

        Below 32 electrons the count is drawn from the Poisson law itself, above from a normal
        one bent to the same skewness. What is below 0 is no light: it stays as
        an offset and gets no photon noise, so that means are kept.

        Args:
            linear: clean light, DN above black, float32 or float64.
            rng: a seed or generator.
            clip: end readings at 0 and white, as a sensor does.

        Shape:
            as the class says; returns the same shape and dtype.

        Raises:
            DtypeError: not an array of floats.
            ShapeError: neither a picture nor a mosaic of this model.
            RangeError: NaN or infinite light.
        """
        light = self._light(linear, "apply")
        return disturb(self, light, np.random.default_rng(rng), clip=clip)

    def log_likelihood(self, observed: ArrayLike, mean: ArrayLike) -> Levels:
        """Give the logarithm of the density of readings, were the light known.

        The density is the exact sum over electron counts, with everything but the count
        normal with the variance `floor`; clipping is not part of it.

        Args:
            observed: readings, DN above black.
            mean: light, DN above black and without bias.

        Shape:
            as the class says, or (colors,); returns the shape of both, broadcast.

        Raises:
            SpecError: the read noise is Tukey-lambda, or there is neither read noise nor rounding.
        """
        if self.tail is not None:
            raise SpecError(
                "NoiseModel.log_likelihood: not known for Tukey-lambda read noise",
                hint="take the normal law of the same variance: model.but(tail=None)",
            )
        if self.floor.min() <= 0.0:
            raise SpecError("NoiseModel.log_likelihood: without read noise there is no density")
        seen, light = np.broadcast_arrays(
            np.asarray(observed, np.float64), np.asarray(mean, np.float64)
        )
        bias = self.per_pixel(self._each("bias"), seen)
        gain = self.per_pixel(self._each("gain"), seen)
        deviation = np.sqrt(self.per_pixel(self.floor, seen))
        return log_density(seen - bias, light, gain, deviation)

    def but(self, **changes: Any) -> NoiseModel:
        """Return a copy with some settings changed."""
        return dataclasses.replace(self, **changes)

    def only(self, color: int) -> NoiseModel:
        """Give the model of one color, which takes values of any shape.

        Raises:
            RangeError: there is no such color.
        """
        if not 0 <= color < self.colors:
            raise RangeError(f"NoiseModel.only: color {color} of {self.colors}, counted from 0")
        return self.but(**{name: (float(self._each(name)[color]),) for name in LISTS})

    def for_pattern(self, pattern: str) -> NoiseModel:
        """Lay a model of red, green and blue out on the sites of a mosaic.

        Args:
            pattern: RGGB, BGGR, GRBG or GBRG.

        Raises:
            RangeError: another pattern.
            ShapeError: the model knows the sites already.
        """
        places = _places(pattern)
        if self.colors == 4:
            raise ShapeError("NoiseModel.for_pattern: the model has four sites already")
        if self.colors == 1:
            return self.but(**{name: (getattr(self, name)[0],) * 4 for name in LISTS})
        return self.but(
            **{name: tuple(float(v) for v in self._each(name)[places]) for name in LISTS}
        )

    def without_pattern(self, pattern: str) -> NoiseModel:
        """Give the model of red, green and blue, the two greens averaged (variances, for noise).

        Raises:
            RangeError: not one of the four patterns.
            ShapeError: the model does not know four sites.
        """
        places = _places(pattern)
        if self.colors != 4:
            raise ShapeError(f"NoiseModel.without_pattern: the model has {self.colors} colors")
        joined: dict[str, Any] = {}
        for name in LISTS:
            values = np.square(self._each(name)) if name == "read_noise" else self._each(name)
            means = np.array([values[places == k].mean() for k in range(3)])
            joined[name] = tuple((np.sqrt(means) if name == "read_noise" else means).tolist())
        return self.but(**joined)

    def rescaled(
        self, *, white: float = 1.0, black: float = 0.0, step: float | None = None
    ) -> NoiseModel:
        """Say the same in other units: by default on the unit range.

        Args:
            white: of the new units.
            black: of the new units.
            step: of the new units; none to scale what there is.

        Raises:
            ShapeError: black or white differ between the colors, so that no one factor fits.
        """
        spans = np.unique(self.span)
        if len(spans) > 1:
            raise ShapeError(
                f"NoiseModel.rescaled: from black to white it is {spans.tolist()} in the colors",
                hint="take one color at a time: model.only(0)",
            )
        factor = (white - black) / float(spans[0])
        scaled = {
            name: tuple(v * factor for v in getattr(self, name))
            for name in ("gain", "read_noise", "bias")
        }
        return self.but(
            **scaled,
            black=(black,),
            white=(white,),
            row_noise=self.row_noise * factor,
            step=self.step * factor if step is None else step,
        )

    @classmethod
    def from_noise_profile(
        cls, values: Sequence[float], *, black: float = 0.0, white: float = 1.0, step: float = 0.0
    ) -> NoiseModel:
        """Build from the numbers of a DNG NoiseProfile, pairs S, O of ``S x + O``.

        Args:
            values: one pair for all planes, or one for each of three or four.
            black: of the model that is wanted; the profile itself is on the unit range.
            white: as ``black``.
            step: as ``black``; the variance of rounding is part of O and taken off again.

        Raises:
            ShapeError: not 1, 3 or 4 pairs.
            RangeError: S is not above 0, or O below the variance of rounding.
        """
        pairs = np.asarray(values, np.float64).reshape(-1)
        if len(pairs) not in (2, 6, 8):
            raise ShapeError(f"NoiseProfile: expected 1, 3 or 4 pairs, got {len(pairs)} numbers")
        if not black < white:
            raise RangeError(f"NoiseProfile: black {black:g} is not below white {white:g}")
        span = white - black
        gain, floor = pairs[0::2] * span, pairs[1::2] * span**2 - step**2 / 12.0
        if not (np.isfinite(pairs).all() and gain.min() > 0.0 and floor.min() >= 0.0):
            raise RangeError(
                f"NoiseProfile: S must be above 0, O at least 0 and no less than the rounding "
                f"{step**2 / 12 / span**2:g}, got {pairs.tolist()}"
            )
        return cls(
            gain=tuple(gain.tolist()),
            read_noise=tuple(np.sqrt(floor).tolist()),
            black=(black,),
            white=(white,),
            step=step,
        )

    def noise_profile(self) -> tuple[float, ...]:
        """Give the pairs S, O of a DNG NoiseProfile, one for each color."""
        slopes, offsets = self._each("gain") / self.span, self.floor / self.span**2
        return tuple(np.stack([slopes, offsets], axis=1).reshape(-1).tolist())

    def per_pixel(self, values: Levels, like: NDArray[Any]) -> Levels:
        """Give each pixel the value of its color, in a shape that goes with ``like``.

        Raises:
            ShapeError: the array is neither a picture nor a mosaic of this model.
        """
        if self.colors == 1:
            return np.asarray(values[0])
        if like.ndim in (1, 3) and like.shape[-1] == self.colors:
            return values
        if self.is_mosaic(like):
            cell = values.reshape(2, 2, *(1,) * (like.ndim - 2))
            height, width = like.shape[:2]
            tiled = np.tile(cell, (-(-height // 2), -(-width // 2), *(1,) * (like.ndim - 2)))
            return tiled[:height, :width]
        raise self._wrong_shape(like)

    def is_mosaic(self, array: NDArray[Any]) -> bool:
        """Tell whether an array is a mosaic of the four sites that the model knows."""
        return self.colors == 4 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1))

    def _wrong_shape(self, array: NDArray[Any]) -> ShapeError:
        wanted = f"(h, w, {self.colors})" + (" or a mosaic (h, w)" if self.colors == 4 else "")
        hint = "lay it out on the sites: model.for_pattern('RGGB')" if self.colors == 3 else None
        return ShapeError(
            f"NoiseModel of {self.colors} colors: expected {wanted}, got {array.shape}", hint=hint
        )

    def _light(self, linear: Any, who: str) -> NDArray[Any]:
        if not isinstance(linear, np.ndarray) or linear.dtype not in (np.float32, np.float64):
            kind = linear.dtype if isinstance(linear, np.ndarray) else type(linear).__name__
            raise DtypeError(
                f"NoiseModel.{who}: expected an array of float32 or float64, got {kind}",
                hint="raw.astype(np.float32) - black",
            )
        if self.colors > 1 and linear.ndim != 3 and not self.is_mosaic(linear):
            raise self._wrong_shape(linear)
        self.per_pixel(np.zeros(self.colors), linear[:2, :2] if linear.ndim > 1 else linear)
        return linear

    def _each(self, name: str) -> Levels:
        values = getattr(self, name)
        return np.array(values * self.colors if len(values) == 1 else values, np.float64)


LISTS = ("gain", "read_noise", "black", "white", "bias")


def _places(pattern: str) -> NDArray[np.intp]:
    if pattern not in PATTERNS:
        raise RangeError(f"pattern: {pattern!r} is not one of {', '.join(PATTERNS)}")
    return np.array(["RGB".index(letter) for letter in pattern])
