"""What a set of pictures costs under a diffusion, in bits a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sfumato.core.batch import Batch
from sfumato.core.tensors import torch
from sfumato.errors import FieldError, SpecError
from sfumato.generate.diffusion import Diffusion

__all__ = ["MeanBits", "bits_of_pictures"]


@dataclass(frozen=True)
class MeanBits:
    """The mean cost of pictures.

    Args:
        mean: bits a value.
        standard_error: of the mean, from one picture to the next; NaN for a single one.
        count: how many pictures.
    """

    mean: float
    standard_error: float
    count: int


def bits_of_pictures(
    method: Diffusion,
    batches: Iterable[Batch],
    *,
    seed: int = 0,
    advance: Callable[[], None] | None = None,
) -> MeanBits:
    """Bound what pictures cost, over all steps of the diffusion: the test likelihood.

    The network is asked as often as the diffusion has steps, so take a few hundred pictures.

    Args:
        method: a diffusion of pixels.
        batches: pictures of 8 bits that it has not learned from.
        seed: of the noise.
        advance: called after each batch.

    Raises:
        SpecError: a diffusion of codes, whose bits say nothing of pictures.
        FieldError: there are no pictures.

    References:
        A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML, 2021.
    """
    if method.reduction != 1:
        raise SpecError(
            f"{type(method).__name__}: works on codes, whose bits say nothing of pictures",
            hint="bits are measured of diffusions of pixels, such as generate.ImprovedDDPM",
        )
    rng = torch.Generator().manual_seed(seed)
    costs = []
    for batch in batches:
        wanted = batch.image if batch.target is None else batch.target
        costs.append(method.bits(batch.but(image=wanted), rng).total.double())
        if advance is not None:
            advance()
    if not costs:
        raise FieldError("bits_of_pictures: there are no pictures")
    total = torch.cat(costs)
    spread = float(total.std()) if len(total) > 1 else float("nan")
    return MeanBits(float(total.mean()), spread / len(total) ** 0.5, len(total))
