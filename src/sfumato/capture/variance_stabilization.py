"""Transforms that make noise alike: the same at every ISO, or the same at every brightness.

All take and give float32 or float64 arrays, the dtype that came. On the side of the picture
values are DN above black and without bias; nothing is clipped but what is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.capture._unbiased_inverse import inverse_table, invert_by_table
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.spec import Configured
from sfumato.errors import DtypeError, RangeError

__all__ = ["GeneralizedAnscombe", "KSigma"]

Floats: TypeAlias = NDArray[Any]


class KSigma(Configured):
    """Bring pictures of every ISO to one noise law: variance equals mean.

    ``f(x) = x / K + sigma^2 / K^2``. The transform is affine, so it is exact both ways and
    means stay means. It does not stabilise the variance: bright is still
    noisier than dark, but in the same way at every ISO, which one denoiser can learn.

    Args:
        model: the noise; all of its `NoiseModel.floor` counts as sigma^2.

    Shape:
        as of the model; returns the same shape and dtype.

    Raises:
        RangeError: a gain of 0.

    Example:
        >>> even = KSigma(model=NoiseModel(gain=(2.0,), read_noise=(6.0,)))
        >>> even.forward(np.array([0.0, 100.0])).tolist()
        [9.0, 59.0]
        >>> even.inverse(np.array([9.0, 59.0])).tolist()
        [0.0, 100.0]

    References:
        Y. Wang, H. Huang, Q. Xu, J. Liu, Y. Liu, J. Wang. Practical Deep Raw Image
        Denoising on Mobile Devices. ECCV 2020. arXiv:2010.06935
    """

    _example = {"model": NoiseModel()}

    model: NoiseModel

    def check(self) -> None:
        _check_gain(self.model, "KSigma")

    def forward(self, linear: Floats) -> Floats:
        """Go from DN above black to electrons plus their constant."""
        linear = _checked(linear, "KSigma.forward")
        out = np.empty_like(linear)
        for place, gain, floor in _planes(self.model, linear):
            out[place] = linear[place] / gain + floor / gain**2
        return out

    def inverse(self, values: Floats) -> Floats:
        """Go back to DN above black."""
        values = _checked(values, "KSigma.inverse")
        out = np.empty_like(values)
        for place, gain, floor in _planes(self.model, values):
            out[place] = (values[place] - floor / gain**2) * gain
        return out


class GeneralizedAnscombe(Configured):
    """Give every brightness the same noise, of standard deviation 1.

    ``f(x) = 2 sqrt(max(x / K + 3/8 + sigma^2 / K^2, 0))``; without read noise and with K = 1
    this is Anscombe's transform of counts. A root of a noisy number is too small
    on average, so that after denoising f the way back is not its algebraic inverse. The
    exact unbiased inverse is the light y whose noisy readings have f as their mean,
    from a table calculated at the first use for each read noise.

    Args:
        model: the noise; all of its `NoiseModel.floor` counts as sigma^2.

    Shape:
        as of the model; returns the same shape and dtype.

    Raises:
        RangeError: a gain of 0, where noise is the same everywhere already.

    Example:
        >>> steady = GeneralizedAnscombe(model=NoiseModel(gain=(2.0,), read_noise=(6.0,)))
        >>> light = np.full((200, 200), 500.0)
        >>> noisy = steady.forward(steady.model.apply(light, rng=0, clip=False))
        >>> bool(abs(noisy.std() - 1.0) < 0.02)
        True
        >>> bool(abs(steady.inverse(noisy.mean(keepdims=True)) - 500.0) < 1.0)
        True

    References:
        F. Anscombe. The Transformation of Poisson, Binomial and Negative-Binomial
        Data. Biometrika, 1948. doi:10.1093/biomet/35.3-4.246
        M. Makitalo, A. Foi. Optimal Inversion of the Generalized Anscombe
        Transformation for Poisson-Gaussian Noise. IEEE Transactions on Image
        Processing, 2013. doi:10.1109/TIP.2012.2202675
    """

    _example = {"model": NoiseModel()}

    model: NoiseModel

    def check(self) -> None:
        _check_gain(self.model, "GeneralizedAnscombe")

    def forward(self, linear: Floats) -> Floats:
        """Go from DN above black to noise of standard deviation 1.

        Below -3/8 K - sigma^2 / K, where no root is, the result is 0.
        """
        linear = _checked(linear, "GeneralizedAnscombe.forward")
        out = np.empty_like(linear)
        for place, gain, floor in _planes(self.model, linear):
            # 2 sqrt(x/K + c) as sqrt(4 x/K + 4 c): one pass over the picture less.
            part = linear[place] * np.asarray(4.0 / gain, linear.dtype)
            part += np.asarray(1.5 + 4.0 * floor / gain**2, linear.dtype)
            np.maximum(part, 0.0, out=part)
            np.sqrt(part, out=part)
            out[place] = part
        return out

    def inverse(
        self, values: Floats, kind: Literal["exact", "closed_form", "algebraic"] = "exact"
    ) -> Floats:
        """Go back to DN above black.

        Args:
            values: what `forward` gave, denoised.
            kind: ``exact`` is the unbiased inverse. ``closed_form`` is its approximation by
                Makitalo and Foi, off by up to 0.04 electrons. Both give 0 for what is darker
                than readings of no light are on average. ``algebraic`` undoes `forward` to
                the last digit, and is wrong for anything that was averaged.

        Raises:
            RangeError: there is no such kind.
        """
        if kind not in ("exact", "closed_form", "algebraic"):
            raise RangeError(f"kind: {kind!r} is not one of exact, closed_form, algebraic")
        values = _checked(values, "GeneralizedAnscombe.inverse")
        out = np.empty_like(values)
        for place, gain, floor in _planes(self.model, values):
            part, sigma = values[place], float(np.sqrt(floor)) / gain
            if kind == "exact":
                flat = part.reshape(-1, part.shape[-1] if part.ndim > 1 else 1)
                found = np.empty_like(flat)
                invert_by_table(flat, gain, sigma, *inverse_table(sigma), found)
                out[place] = found.reshape(part.shape)
            elif kind == "closed_form":
                out[place] = gain * _closed_form(part, sigma)
            else:
                out[place] = gain * (0.25 * part**2 - (0.375 + sigma**2))
        return out


def _closed_form(values: Floats, sigma: float) -> Floats:
    # Below its smallest value the formula turns round and grows again.
    d = np.maximum(values, 2.0 * np.sqrt(0.375))
    root = float(np.sqrt(1.5))
    light = 0.25 * d**2 - 0.125 - sigma**2
    light += 0.25 * root / d - 1.375 / d**2 + 0.625 * root / d**3
    return np.asarray(np.maximum(light, 0.0))


def _check_gain(model: NoiseModel, who: str) -> None:
    if min(model.gain) <= 0.0:
        raise RangeError(f"{who}: expected gains above 0, got {model.gain}")


def _checked(array: ArrayLike, who: str) -> Floats:
    if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise DtypeError(
            f"{who}: expected an array of float32 or float64, got {kind}",
            hint="raw.astype(np.float32) - black",
        )
    return array


def _planes(model: NoiseModel, array: Floats) -> Iterator[tuple[Any, float, float]]:
    """Give for each color where its pixels are, its gain and its variance without light."""
    gains, floors = np.broadcast_to(model.gain, model.colors), model.floor
    if model.colors == 1:
        places: list[Any] = [...]
    elif model.is_mosaic(array):
        places = [np.s_[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    else:
        model.per_pixel(floors, array)  # refuses other shapes
        places = [np.s_[..., k] for k in range(model.colors)]
    for place, gain, floor in zip(places, gains, floors, strict=True):
        yield place, float(gain), float(floor)
