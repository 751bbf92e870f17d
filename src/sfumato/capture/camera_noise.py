"""The noise of a camera: what was measured at each ISO, and what follows between."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.noise_law import NoiseLaw
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.spec import Configured
from sfumato.errors import RangeError, ShapeError

__all__ = ["CameraNoise"]

POWERS = ("gain", "read_noise")


class CameraNoise(Configured):
    """Hold the noise models of a camera, one for each ISO that was measured.

    At a measured ISO the model is the measured one. Between two, gain, read noise and
    row noise lie on a straight line of logarithms, everything else on one over the logarithm
    of ISO. Outside nothing is guessed: there, ask `law`.

    Args:
        isos: where it was measured, rising.
        models: one for each ISO.
        camera: name of the camera.
        notes: what whoever measured or read it wants to be known.

    Raises:
        ShapeError: not one model for each ISO, or models of different colors.
        RangeError: the ISO do not rise.

    Example:
        >>> low = NoiseModel(gain=(0.5,), read_noise=(2.0,))
        >>> camera = CameraNoise(isos=(100, 400), models=(low, low.but(gain=(2.0,))))
        >>> round(camera.at(200).gain[0], 9)
        1.0
        >>> camera.apply(np.ones((4, 4), np.float32), 200, rng=0).shape
        (4, 4)
    """

    _example = {"isos": (100.0,), "models": (NoiseModel(),)}

    isos: Annotated[tuple[float, ...], Between(1e-3, 1e9)]
    models: tuple[NoiseModel, ...]
    camera: str = ""
    notes: tuple[str, ...] = ()

    def check(self) -> None:
        if not self.isos or len(self.isos) != len(self.models):
            raise ShapeError(
                f"CameraNoise: expected one model for each ISO, got {len(self.isos)} ISO "
                f"and {len(self.models)} models"
            )
        if any(a >= b for a, b in zip(self.isos, self.isos[1:], strict=False)):
            raise RangeError(f"CameraNoise.isos: {self.isos} do not rise")
        if len({model.colors for model in self.models}) > 1:
            raise ShapeError("CameraNoise: the models have different numbers of colors")

    def at(self, iso: float) -> NoiseModel:
        """Give the model at an ISO within what was measured.

        Raises:
            RangeError: nothing was measured there.
        """
        if not self.isos[0] <= iso <= self.isos[-1]:
            low, high = self.isos[0], self.isos[-1]
            raise RangeError(
                f"CameraNoise: measured from ISO {low:g} to {high:g}, not at {iso:g}",
                hint="camera.law().at(iso) goes on by the law across ISO",
            )
        above = int(np.searchsorted(self.isos, iso))
        if self.isos[above] == iso:
            return self.models[above]
        low, high = self.isos[above - 1], self.isos[above]
        share = math.log(iso / low) / math.log(high / low)
        return _between(self.models[above - 1], self.models[above], share)

    def law(self) -> NoiseLaw:
        """Fit the law across ISO.

        Raises:
            ShapeError: fewer than three ISO were measured.
            RangeError: a gain or read noise of 0 was measured.
        """
        return NoiseLaw.fit(self.isos, self.models)

    def apply(
        self,
        linear: NDArray[Any],
        iso: float,
        rng: Rng | int | None = None,
        *,
        clip: bool = True,
    ) -> NDArray[Any]:
        """Read clean light as this camera does at an ISO; see `NoiseModel.apply`.

        Args:
            linear: clean light, DN above black, float32 or float64.
            iso: within what was measured.
            rng: a seed or generator.
            clip: end readings at 0 and white, as a sensor does.

        Raises:
            RangeError: nothing was measured at the ISO, or the light is not finite.
            ShapeError: neither a picture nor a mosaic of these models.
        """
        return self.at(iso).apply(linear, rng, clip=clip)


def _between(low: NoiseModel, high: NoiseModel, share: float) -> NoiseModel:
    if low.step != high.step or (low.tail is None) != (high.tail is None):
        raise RangeError(
            "CameraNoise: the models on both sides of this ISO differ in kind (step or tail)"
        )
    changes: dict[str, Any] = {
        name: tuple(
            _blend(a, b, share, power=name in POWERS)
            for a, b in zip(*_same_length(low, high, name), strict=True)
        )
        for name in (*POWERS, "black", "white", "bias")
    }
    changes["row_noise"] = _blend(low.row_noise, high.row_noise, share, power=True)
    if low.tail is not None and high.tail is not None:
        changes["tail"] = _blend(low.tail, high.tail, share, power=False)
    return low.but(**changes)


def _same_length(
    low: NoiseModel, high: NoiseModel, name: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    first, second = getattr(low, name), getattr(high, name)
    return first * (len(second) if len(first) == 1 else 1), second * (
        len(first) if len(second) == 1 else 1
    )


def _blend(a: float, b: float, share: float, *, power: bool) -> float:
    if a == b:
        return a
    if power and a > 0.0 and b > 0.0:
        return math.exp((1.0 - share) * math.log(a) + share * math.log(b))
    return (1.0 - share) * a + share * b
