"""How noise follows ISO: the laws that tie a camera's noise models together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.noise_model import NoiseModel
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.spec import Configured
from sfumato.errors import RangeError, ShapeError

__all__ = ["NoiseLaw"]


class NoiseLaw(Configured):
    """Give the noise of a camera at any ISO, and of cameras like it.

    The gain is proportional to ISO. Read noise and row noise are powers of the gain, known
    up to a spread: ``log sigma = slope log K + offset + spread N(0, 1)``, natural
    logarithms, DN. So `draw` makes, for training, models as different as those
    that were measured.

    Args:
        gain_per_iso: K at ISO 1 of each color, DN per electron.
        read_law: slope, offset and spread of the read noise.
        row_law: slope, offset and spread of the row noise; none for no row noise.
        tails: lambdas of the Tukey-lambda read noise that were found; none where it is normal.
        iso_range: the ISO between which the law was measured.
        black: reading without light, DN.
        white: reading at which a pixel saturates, DN.
        step: distance of two readings, DN.

    Raises:
        RangeError: black is not below white, or the ISO do not rise.

    Example:
        >>> law = NoiseLaw(gain_per_iso=(0.002,), read_law=(0.9, 1.2, 0.05), iso_range=(100, 6400))
        >>> law.at(400).gain
        (0.8,)
        >>> law.draw(3) == law.draw(3)
        True

    References:
        K. Wei, Y. Fu, J. Yang, H. Huang. A Physics-Based Noise Formation Model for
        Extreme Low-Light Raw Denoising. CVPR 2020. arXiv:2003.12751
    """

    gain_per_iso: Annotated[tuple[float, ...], Between(1e-15, 1e6)] = (0.01,)
    read_law: tuple[float, float, float] = (1.0, 1.0, 0.0)
    row_law: tuple[float, float, float] | None = None
    tails: Annotated[tuple[float, ...], Between(-0.49, 2.0)] = ()
    iso_range: Annotated[tuple[float, float], Between(1e-3, 1e9)] = (100.0, 6400.0)
    black: tuple[float, ...] = (0.0,)
    white: tuple[float, ...] = (65535.0,)
    step: Annotated[float, Between(0.0, 1e9)] = 0.0

    def check(self) -> None:
        for name, law in (("read_law", self.read_law), ("row_law", self.row_law)):
            if law is not None and not (all(map(math.isfinite, law)) and law[2] >= 0.0):
                raise RangeError(f"NoiseLaw.{name}: {law} is not a slope, an offset and a spread")
        if self.iso_range[0] > self.iso_range[1]:
            raise RangeError(f"NoiseLaw.iso_range: {self.iso_range} does not rise")
        self.at(self.iso_range[0])

    def at(self, iso: float) -> NoiseModel:
        """Give the most likely model at an ISO, also outside of what was measured.

        The lambda is the median of those found.

        Raises:
            RangeError: the ISO is not above 0.
        """
        tail = float(np.median(self.tails)) if self.tails else None
        return self._model(iso, 0.0, 0.0, tail)

    def draw(self, rng: Rng | int | None = None, *, iso: float | None = None) -> NoiseModel:
        """Draw a model as it might have been measured.

        Args:
            rng: a seed or generator.
            iso: where; by default every stop of the range is as likely.

        Raises:
            RangeError: the ISO is not above 0.
        """
        generator = np.random.default_rng(rng)
        place, (read, row) = generator.random(), generator.standard_normal(2)
        low, high = map(math.log, self.iso_range)
        chosen = math.exp(low + (high - low) * place) if iso is None else iso
        tail = float(generator.choice(self.tails)) if self.tails else None
        return self._model(chosen, float(read), float(row), tail)

    @classmethod
    def fit(cls, isos: Sequence[float], models: Sequence[NoiseModel]) -> NoiseLaw:
        """Find the law behind models measured at several ISO.

        Gains are averaged as logarithms; the other laws are least-squares lines, their spread
        the residual standard deviation. The row noise has a law where every model has some.

        Args:
            isos: of the models.
            models: one for each ISO, of the same colors.

        Raises:
            ShapeError: fewer than three ISO, or models that do not go together.
            RangeError: a gain or a read noise of 0, which has no logarithm.
        """
        places = np.asarray(isos, np.float64)
        if len(places) != len(models) or len(np.unique(places)) < 3:
            raise ShapeError(
                f"NoiseLaw.fit: a law with its spread needs three different ISO, each with "
                f"its model; got ISO {places.tolist()} and {len(models)} models"
            )
        if len({model.colors for model in models}) > 1:
            raise ShapeError("NoiseLaw.fit: the models have different numbers of colors")
        gain, read = _table(models, "gain"), _table(models, "read_noise")
        if not (gain.min() > 0.0 and read.min() > 0.0 and places.min() > 0.0):
            raise RangeError("NoiseLaw.fit: ISO, gains and read noise must all be above 0")
        row = np.array([model.row_noise for model in models])
        shared = np.log(gain).mean(axis=1)
        return cls(
            gain_per_iso=tuple(np.exp(np.log(gain / places[:, None]).mean(axis=0)).tolist()),
            read_law=_line(np.log(gain).ravel(), np.log(read).ravel()),
            row_law=_line(shared, np.log(row)) if row.min() > 0.0 else None,
            tails=tuple(model.tail for model in models if model.tail is not None),
            iso_range=(float(places.min()), float(places.max())),
            black=models[0].black,
            white=models[0].white,
            step=models[0].step,
        )

    def _model(self, iso: float, read: float, row: float, tail: float | None) -> NoiseModel:
        if not (iso > 0.0 and math.isfinite(iso)):
            raise RangeError(f"NoiseLaw: ISO is above 0, got {iso}")
        gains = np.array(self.gain_per_iso) * iso
        sigma = _power(self.read_law, gains, read)
        shared = np.array([math.exp(float(np.log(gains).mean()))])
        return NoiseModel(
            gain=tuple(gains.tolist()),
            read_noise=tuple(sigma.tolist()),
            row_noise=0.0 if self.row_law is None else float(_power(self.row_law, shared, row)[0]),
            tail=tail,
            black=self.black,
            white=self.white,
            step=self.step,
        )


def _power(
    law: tuple[float, float, float], gains: NDArray[np.float64], chance: float
) -> NDArray[np.float64]:
    slope, offset, spread = law
    return np.asarray(np.exp(slope * np.log(gains) + offset + spread * chance))


def _table(models: Sequence[NoiseModel], name: str) -> NDArray[np.float64]:
    colors = models[0].colors
    return np.array([np.broadcast_to(getattr(model, name), colors) for model in models])


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    centred = x - x.mean()
    slope = float((centred * y).sum() / (centred**2).sum())
    offset = float(y.mean() - slope * x.mean())
    residual = y - (slope * x + offset)
    return slope, offset, float(np.sqrt((residual**2).sum() / (len(x) - 2)))
