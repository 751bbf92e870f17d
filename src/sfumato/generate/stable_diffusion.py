"""Published checkpoints of Stable Diffusion, asked as our own diffusions are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import MissingExtraError
from sfumato.generate._diffusers import (
    ClipText,
    PublishedCoder,
    PublishedUNet,
    load_pipeline,
    save_pipeline,
    schedule_of,
)
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.levels import Levels, Spacing, sampling_levels
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.sampling import Sampling

__all__ = ["StableDiffusion"]

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SPACINGS: dict[str, Spacing] = {"leading": "leading", "trailing": "trailing", "linspace": "even"}


class StableDiffusion(Diffusion):
    """Make pictures from text with a published checkpoint of Stable Diffusion 1 or 2.

    Prompt, negative prompt, guidance, samplers, adapters, masks and starting pictures are those
    of every `Diffusion`, and so is training: an adapter may be taught to it. Schedule and
    answers (noise or velocity) are read from the checkpoint. Its weights are not saved with
    it, only where they are.

    Noise is drawn on the CPU in float32, so a seed means the same picture on every device, up to
    the arithmetic of the device.

    Args:
        checkpoint: a folder in the layout of diffusers, a single ``.safetensors`` file in the
            original layout, or ``hub:owner/name``.
        config: for a single file without a network: a folder of a checkpoint of its kind.
        dtype: of all weights; an autoencoder that overflows in 16 bits is run in 32.
        memory: ``low`` decodes picture by picture, in tiles where they are large.

    Raises:
        MissingExtraError: diffusers or transformers are not installed.
        FileError: there is no such checkpoint, it is damaged, or the hub is out of reach.
        SpecError: a checkpoint of another kind, or parts that do not fit together.

    References:
        R. Rombach et al. High-Resolution Image Synthesis with Latent Diffusion Models. CVPR, 2022.
    """

    elsewhere = ("network", "autoencoder", "words")

    def __init__(
        self,
        *,
        checkpoint: str,
        config: str | None = None,
        dtype: Literal["float32", "float16", "bfloat16"] = "float32",
        memory: Literal["full", "low"] = "full",
    ) -> None:
        parts = load_pipeline(checkpoint, config, DTYPES[dtype])
        schedule, target = schedule_of(parts.scheduler.config, checkpoint)
        text = ClipText(parts.tokenizer, parts.text_encoder)
        network: Any = PublishedUNet(parts.unet)
        words: Any = text
        super().__init__(
            network=network,
            process=DiffusionProcess(schedule=schedule),
            target=target,
            text=words,
            clip=False,
        )
        self.words = parts.text_encoder
        self.autoencoder = PublishedCoder(parts.vae, low_memory=memory == "low")
        self.requires_grad_(False).eval()
        self.multiple_of = self.reduction = self.autoencoder.multiple_of
        self.time_scale = 1.0
        self.scheduler = parts.scheduler
        found = parts.scheduler.config
        self.spacing = SPACINGS.get(found.get("timestep_spacing", "leading"), "leading")
        self.offset = int(found.get("steps_offset", 0))
        self.end_at_first = not found.get("set_alpha_to_one", True)

    @classmethod
    def example(cls) -> Self:
        """There is none: a checkpoint has to be named."""
        raise MissingExtraError(
            "StableDiffusion needs a checkpoint, and none comes with sfumato",
            hint="StableDiffusion(checkpoint='hub:owner/name')",
        )

    def export(self, folder: str | Path) -> None:
        """Write a checkpoint in the layout of diffusers, which its own pipeline loads.

        All weights as they are now, in their dtype, as safetensors; the scheduler is the one
        that was read. An earlier export there is replaced.

        Raises:
            FileError: the folder cannot be written, or holds something else.
        """
        text: Any = self.text
        save_pipeline(
            folder,
            unet=self.network.unet,
            vae=self.autoencoder.vae,
            text_encoder=self.words,
            tokenizer=text.tokenizer,
            scheduler=self.scheduler,
        )

    def train(self, mode: bool = True) -> Self:
        """Stay as it is: a published checkpoint drops nothing out."""
        return super().train(False)

    def usual_sampling(self) -> dict[str, Any]:
        """Sample as the checkpoint says."""
        return {"guidance": 7.5, "steps": 30, "spacing": self.spacing}

    def levels(self, how: Sampling) -> Levels:
        """Give the levels that a sampler visits, with the checkpoint's offset and end."""
        leading = how.spacing == "leading"
        return sampling_levels(
            self.process,
            how.steps,
            spacing=how.spacing,
            offset=self.offset if leading else 0,
            end_at_first=leading and self.end_at_first,
        )

    @torch.no_grad()
    def codes(self, pictures: Tensor) -> Tensor:
        """Give the scaled codes of pictures in 0..1."""
        return self.autoencoder.encode(pictures).float()

    @torch.no_grad()
    def pictures(self, codes: Tensor) -> Tensor:
        """Give pictures in 0..1."""
        return self.autoencoder.decode(codes).float()
