"""How pictures are made from noise: which sampler, how many steps, how guided."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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
        SpecError: there is no such sampler.
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
        if self.sampler not in SAMPLERS:
            close = difflib.get_close_matches(self.sampler, SAMPLERS, n=1)
            raise SpecError(
                f"there is no sampler {self.sampler!r}",
                hint=(f"did you mean {close[0]!r}? " if close else "")
                + f"samplers: {', '.join(SAMPLERS)}",
            )
        if self.steps < 1:
            raise RangeError(f"steps: {self.steps} is below 1", hint="20 to 50 are usual")

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
