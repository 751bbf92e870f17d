"""Improved denoising diffusion: the variance is learned too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from sfumato.core.bounds import Between
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.objective import Objective, Variance
from sfumato.generate.process import DiffusionProcess, Target
from sfumato.generate.schedule import CosineSchedule, LinearSchedule
from sfumato.generate.unet import UNet

__all__ = ["ImprovedDDPM"]

LONG_COSINE = DiffusionProcess(schedule=CosineSchedule(steps=4000))
PUBLISHED: dict[str, dict[str, Any]] = {
    "cifar10": {"blocks": 3, "dropout": 0.3},
    "imagenet64": {"blocks": 3, "multipliers": (1, 2, 3, 4), "attention_at": (4, 8)},
    "imagenet64-by-class": {
        "channels": 192,
        "blocks": 3,
        "multipliers": (1, 2, 3, 4),
        "attention_at": (4, 8),
        "classes": 1000,
    },
    "lsun256": {
        "multipliers": (1, 1, 2, 2, 4, 4),
        "attention_at": (16,),
        "heads": 1,
        "steered": "add",
    },
}


class ImprovedDDPM(Diffusion):
    """Learn noise and variance, so that few steps make good pictures and likelihoods are close.

    The network answers with the noise and, for each value, with a share between
    the smallest and the largest sensible log variance. The noise learns from its squared
    error, the variance from the variational bound (the hybrid objective); or both
    from the bound, with steps drawn by their losses.

    Args:
        network: answers with twice its channels.
        process: 4000 steps of the cosine.
        target: what the network answers with.
        objective: ``hybrid`` for pictures, ``vlb`` for likelihoods.
        variance: learned, unless compared.
        times: ``importance`` for ``vlb``.
        drop: share of pictures learned without their class.
        rescale_times: tell the network the noise as if there were 1000 steps; the
            published models by class were told the step itself.

    Raises:
        SpecError: network and variance do not fit together.

    References:
        A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML, 2021.

    Example:
        >>> net = UNet(channels_out=6, channels=16, multipliers=(1, 2), blocks=1, groups=8)
        >>> ImprovedDDPM(network=net).generate(size=(8, 8), steps=2).image.shape
        torch.Size([1, 3, 8, 8])
    """

    def __init__(
        self,
        *,
        network: UNet,
        process: DiffusionProcess = LONG_COSINE,
        target: Target = "noise",
        objective: Objective = "hybrid",
        variance: Variance = "learned",
        times: Literal["uniform", "cubic", "importance"] = "uniform",
        drop: Annotated[float, Between(0.0, 1.0)] = 0.0,
        rescale_times: bool = True,
    ) -> None:
        super().__init__(
            network=network,
            process=process,
            target=target,
            objective=objective,
            variance=variance,
            times=times,
            drop=drop,
        )
        if not rescale_times:
            self.time_scale = 1.0

    def usual_sampling(self) -> dict[str, Any]:
        """Walk the learned chain, with both its ends."""
        return {"sampler": "ancestral", "spacing": "even", "steps": 50}

    @classmethod
    def example(cls) -> ImprovedDDPM:
        """Build a small one, for checks."""
        network = UNet(channels_out=6, channels=16, multipliers=(1, 2), blocks=1, groups=8)
        return cls(network=network, process=DiffusionProcess(schedule=CosineSchedule(steps=100)))

    @classmethod
    def published(
        cls, name: Literal["cifar10", "imagenet64", "imagenet64-by-class", "lsun256"]
    ) -> ImprovedDDPM:
        """Build a published model, with random weights.

        See `sfumato.generate.load_improved_diffusion` for its weights. The model of LSUN
        has a linear schedule of 1000 steps.
        """
        network = UNet(channels_out=6, **PUBLISHED[name])
        process = DiffusionProcess(schedule=LinearSchedule()) if name == "lsun256" else LONG_COSINE
        return cls(network=network, process=process, rescale_times=name != "imagenet64-by-class")
