"""Diffusion in the codes of an autoencoder."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from sfumato.core.bounds import Between
from sfumato.core.network import load
from sfumato.core.tensors import Tensor, torch
from sfumato.errors import SpecError
from sfumato.generate.autoencoder import Autoencoder
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.process import DiffusionProcess, Target
from sfumato.generate.schedule import CosineSchedule, ScaledLinearSchedule
from sfumato.generate.text import WordEncoder
from sfumato.generate.unet import UNet

__all__ = ["LatentDiffusion"]

SCALED_LINEAR = DiffusionProcess(schedule=ScaledLinearSchedule(zero_terminal_snr=True))


class LatentDiffusion(Diffusion):
    """Learn pictures in the codes of a trained autoencoder, which is cheaper by far.

    The autoencoder stays as it is. Codes are divided by their spread, which is measured
    on the first batch of a training and saved.

    Args:
        autoencoder: a trained one; or where it is saved: a folder, a name, ``hub:owner/name``.
            A named one is not saved again with the model.
        network: answers noisy codes.
        process: which noise.
        target: what the network answers with; velocity where no signal is left at the end.
        times: which steps are learned from.
        min_snr: weighs the squared error; None for none.
        text: encodes captions; it learns along.
        drop: share of pictures that are learned without their condition.

    Raises:
        SpecError: autoencoder, network and text do not fit together.
        FileError: there is no such autoencoder.

    References:
        R. Rombach et al. High-Resolution Image Synthesis with Latent Diffusion Models. CVPR, 2022.
    """

    scale: Tensor

    def __init__(
        self,
        *,
        autoencoder: Autoencoder | str,
        network: UNet,
        process: DiffusionProcess = SCALED_LINEAR,
        target: Target = "velocity",
        times: Literal["uniform", "cubic", "importance"] = "uniform",
        min_snr: Annotated[float, Between(0.01)] | None = 5.0,
        text: WordEncoder | None = None,
        drop: Annotated[float, Between(0.0, 1.0)] = 0.1,
    ) -> None:
        super().__init__(
            network=network,
            process=process,
            target=target,
            times=times,
            min_snr=min_snr,
            text=text,
            drop=drop,
            clip=False,
        )
        if isinstance(autoencoder, str):
            self.elsewhere = ("autoencoder",)
            autoencoder = self._loaded(autoencoder)
        if autoencoder.latents != self.channels:
            raise SpecError(
                f"{type(self).__name__}: the autoencoder has codes of {autoencoder.latents}, "
                f"the network takes {self.channels} channels"
            )
        self.autoencoder = autoencoder.requires_grad_(False).eval()
        self.reduction = autoencoder.multiple_of
        self.multiple_of = self.reduction * network.multiple_of
        self.register_buffer("scale", torch.zeros(()))

    def usual_sampling(self) -> dict[str, Any]:
        """Guide where there is something to be guided by."""
        conditioned = self.text is not None or self.network.encoder.label is not None
        return {"guidance": 4.0 if conditioned else 1.0, "steps": 25}

    @staticmethod
    def _loaded(name: str) -> Autoencoder:
        found = load(name)
        if not isinstance(found, Autoencoder):
            raise SpecError(f"{name}: holds {type(found).__name__}, expected an Autoencoder")
        return found

    @classmethod
    def example(cls) -> LatentDiffusion:
        """Build a small one, for checks."""
        return cls(
            autoencoder=Autoencoder(**Autoencoder._example),
            network=UNet(channels_in=4, channels=16, multipliers=(1, 2), blocks=1, groups=8),
            process=DiffusionProcess(schedule=CosineSchedule(steps=100, zero_terminal_snr=True)),
            drop=0.0,
        )

    def train(self, mode: bool = True) -> Self:
        """Learn; the autoencoder does not."""
        super().train(mode)
        self.autoencoder.eval()
        return self

    @torch.no_grad()
    def codes(self, pictures: Tensor) -> Tensor:
        """Give codes of about unit spread; the first ones in training say what that is."""
        found = self.autoencoder.encode(pictures).float()
        if float(self.scale) == 0.0:
            scale = 1.0 / found.std().clamp(min=1e-6)
            if not self.training:
                return found * scale
            self.scale.copy_(scale)
        return found * self.scale

    @torch.no_grad()
    def pictures(self, codes: Tensor) -> Tensor:
        """Give pictures in 0..1."""
        scale = self.scale if float(self.scale) > 0 else torch.ones_like(self.scale)
        return self.autoencoder.decode(codes / scale).float().clamp(0.0, 1.0)
