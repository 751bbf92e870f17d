"""How pictures are made from noise: which sampler, how many steps, how guided."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from sfumato.core.tensors import Tensor
from sfumato.errors import RangeError, SpecError
from sfumato.generate.ancestral import ancestral
from sfumato.generate.asked import Adapter
from sfumato.generate.ddim import ddim
from sfumato.generate.denoise import Denoise
from sfumato.generate.dpm_solver import dpm_solver
from sfumato.generate.euler import euler
from sfumato.generate.heun import heun
from sfumato.generate.levels import Levels, Spacing
from sfumato.generate.noise import Rngs
from sfumato.generate.objective import Variance

__all__ = ["SAMPLERS", "Sampling"]

SAMPLERS: dict[str, Callable[..., Tensor]] = {
    "ancestral": ancestral,
    "ddim": ddim,
    "euler": euler,
    "heun": heun,
    "dpm_solver": dpm_solver,
}


SPACINGS: tuple[str, ...] = get_args(Spacing)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How pictures are made from noise.

    Args:
        steps: how often the network is asked; few are fast, 20 to 50 are usual.
        sampler: ``ancestral``, ``ddim``, ``euler``, ``heun`` (asks twice a step) or
            ``dpm_solver``.
        guidance: how strongly the condition is followed; 1 asks once a step, more twice.
        rescale: share by which guided answers keep the spread of unguided ones.
        spacing: where the steps lie, see `sampling_levels`.
        strength: below 1 it starts from the picture with that much noise.
        eta: noise of ``ddim``, 0 to 1.
        churn: noise of ``euler``.
        variance: of ``ancestral``: small, large or learned; None as the network can.
        adapters: what steers the network, each with its strength.

    Raises:
        SpecError: there is no such sampler or spacing.
        RangeError: a number outside its bounds.
    """

    steps: int = 30
    sampler: str = "ddim"
    guidance: float = 1.0
    rescale: float = 0.0
    spacing: Spacing = "trailing"
    strength: float = 1.0
    eta: float = 0.0
    churn: float = 0.0
    variance: Variance | None = None
    adapters: Sequence[tuple[Adapter, float]] = ()

    def __post_init__(self) -> None:
        _check_known(self.sampler, SAMPLERS, "sampler", f"samplers: {', '.join(SAMPLERS)}")
        _check_known(self.spacing, SPACINGS, "spacing", f"spacings: {', '.join(SPACINGS)}")
        if self.steps < 1:
            raise RangeError(f"steps: {self.steps} is below 1", hint="20 to 50 are usual")
        if not math.isfinite(self.guidance):
            raise RangeError(f"guidance: {self.guidance} is no strength", hint="1 to 10 are usual")

    @classmethod
    def told(cls, settings: Mapping[str, Any]) -> Sampling:
        """Build it from settings that people wrote.

        Raises:
            SpecError: there is no such setting.
        """
        names = [field.name for field in fields(cls)]
        for name in settings:
            _check_known(name, names, "setting of sampling", f"settings: {', '.join(names)}")
        return cls(**settings)

    def run(self, denoise: Denoise, x: Tensor, levels: Levels, rng: Rngs) -> Tensor:
        """Let the sampler go its way."""
        options: dict[str, Any] = {}
        if self.sampler == "ddim":
            options["eta"] = self.eta
        if self.sampler == "ancestral":
            options["variance"] = self.variance
        if self.sampler == "euler":
            options["churn"] = self.churn
        return SAMPLERS[self.sampler](denoise, x, levels, rng, **options)


def _check_known(name: str, known: Collection[str], what: str, hint: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=1)
        raise SpecError(
            f"there is no {what} {name!r}",
            hint=(f"did you mean {close[0]!r}? " if close else "") + hint,
        )
