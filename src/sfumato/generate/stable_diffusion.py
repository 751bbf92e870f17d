"""Published checkpoints of Stable Diffusion, asked as our own diffusions are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from sfumato.core.batch import Batch
from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import FileError, MissingExtraError, RangeError, SfumatoError, ShapeError
from sfumato.generate._clip_text import ClipPair, ClipText
from sfumato.generate._diffusers import Parts, load_checkpoint, save_checkpoint
from sfumato.generate._published_coder import PublishedCoder
from sfumato.generate._published_unet import PublishedUNet
from sfumato.generate._schedulers import schedule_of
from sfumato.generate._stage import Stage
from sfumato.generate.asked import Asked, Condition
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.levels import Levels, Spacing, sampling_levels
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.sampling import Sampling

__all__ = ["StableDiffusion"]

Memory = Literal["full", "low", "offload", "least"]
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SPACINGS: dict[str, Spacing] = {"leading": "leading", "trailing": "trailing", "linspace": "even"}


class StableDiffusion(Diffusion):
    """Make pictures from text with a published checkpoint of Stable Diffusion 1, 2 or XL.

    Prompt, negative prompt, guidance, samplers, adapters, masks and starting pictures are those
    of every `Diffusion`, and so is training: an adapter may be taught to it. Schedule and
    answers (noise or velocity) are read from the checkpoint, whatever sampler its scheduler
    stands for. Its weights are not saved with it, only where they are.

    Checkpoints of the XL kind have two text encoders and are told sizes: those of the picture
    that is made. Where they say so, no negative prompt is all zeros. Their refiner is refused.

    Noise is drawn on the CPU in float32, so a seed means the same picture on every device, up to
    the arithmetic of the device.

    Args:
        checkpoint: a folder in the layout of diffusers, a single ``.safetensors`` file in the
            original layout, or either of them on the hub: ``hub:owner/name``, with
            ``@revision`` and a folder or file inside it where wanted.
        config: for a single file without a network: a folder of a checkpoint of its kind.
        dtype: of all weights; an autoencoder that overflows in 16 bits is run in 32.
        memory: ``offload`` brings text encoders, U-Net and autoencoder to the device one after
            the other, which changes no picture; ``low`` lets the autoencoder work in tiles
            where pictures are large, which shifts tones a little; ``least`` does both.

    Raises:
        MissingExtraError: diffusers or transformers are not installed.
        FileError: there is no such checkpoint, it is damaged, or the hub is out of reach.
        SpecError: a checkpoint of another kind, or parts that do not fit together.

    References:
        R. Rombach et al. High-Resolution Image Synthesis with Latent Diffusion Models. CVPR, 2022.
        D. Podell et al. SDXL: Improving Latent Diffusion Models for High-Resolution Image
        Synthesis. ICLR, 2024. arXiv:2307.01952
    """

    elsewhere = ("network", "autoencoder", "words")

    def __init__(
        self,
        *,
        checkpoint: str,
        config: str | None = None,
        dtype: Literal["float32", "float16", "bfloat16"] = "float32",
        memory: Memory = "full",
    ) -> None:
        parts = load_checkpoint(checkpoint, config, DTYPES[dtype])
        with _understood(checkpoint):
            schedule, target = schedule_of(parts.scheduler, checkpoint)
            text = _text(parts)
            coder = PublishedCoder(parts.vae, tiled=memory in ("low", "least"))
            network: Any = PublishedUNet(
                parts.unet,
                reduction=coder.multiple_of,
                pooled=text.pooled_width if isinstance(text, ClipPair) else None,
            )
            found = parts.scheduler.config
            spacing = str(found.get("timestep_spacing", "leading"))
            offset = int(found.get("steps_offset", 0))
        words: Any = text
        super().__init__(
            network=network,
            process=DiffusionProcess(schedule=schedule),
            target=target,
            text=words,
            clip=False,
        )
        self.speech: ClipText | ClipPair = text
        self.words = nn.ModuleList(text.encoders)
        self.autoencoder = coder
        self.requires_grad_(False).eval()
        self.multiple_of = self.reduction = coder.multiple_of
        self.time_scale = 1.0
        self.parts_read = parts
        self.spacing = SPACINGS.get(spacing, "leading")
        # What its own library does with the older kinds, too: some say 0 and mean 1.
        self.offset = offset if self.is_xl else 1
        self.end_at_first = not found.get("set_alpha_to_one", True)
        self.stage = Stage() if memory in ("offload", "least") else None
        if coder.latents != self.channels:
            raise ShapeError(
                f"{checkpoint}: the autoencoder has codes of {coder.latents}, "
                f"the U-Net takes {self.channels} channels",
                hint="both must come from one checkpoint",
            )
        if self.is_xl and dtype == "float16" and parts.vae.config.get("force_upcast", False):
            nn.Module.to(coder.vae, torch.float32)  # it is known to overflow

    @classmethod
    def example(cls) -> Self:
        """There is none: a checkpoint has to be named."""
        raise MissingExtraError(
            "StableDiffusion needs a checkpoint, and none comes with sfumato",
            hint="StableDiffusion(checkpoint='hub:owner/name')",
        )

    @property
    def is_xl(self) -> bool:
        """Whether it is of the XL kind: with two text encoders, and told sizes."""
        return isinstance(self.speech, ClipPair)

    def export(self, folder: str | Path) -> None:
        """Write a checkpoint in the layout of diffusers, which its own pipeline loads.

        All weights as they are now, in their dtype, as safetensors; the scheduler is the one
        that was read. An earlier export there is replaced.

        Raises:
            FileError: the folder cannot be written, or holds something else.
        """
        save_checkpoint(folder, self.parts_read)

    def train(self, mode: bool = True) -> Self:
        """Stay as it is: a published checkpoint drops nothing out."""
        return super().train(False)

    # Where it works.

    @property
    def device(self) -> torch.device:
        """Where it works, and where batches have to be."""
        return next(self.parameters()).device if self.stage is None else self.stage.device

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Go to a device, or to another dtype; where it offloads, only when working."""
        place = kwargs.get("device", args[0] if args else None)
        if self.stage is None or not isinstance(place, (str, int, torch.device)):
            return super().to(*args, **kwargs)
        self.stage.clear()
        self.stage.device = torch.device(place)
        return self

    def _call(self, *networks: nn.Module) -> None:
        if self.stage is not None:
            self.stage.call(*networks)

    # What it is asked, and how it answers.

    def condition(self, batch: Batch, dropped: Tensor | None = None) -> Condition:
        """Give what the pictures of a batch shall show; see `Diffusion.condition`."""
        silent = [False] * len(batch) if dropped is None else dropped.tolist()
        return self._said(batch.captions(), silent)

    def _without(self, batch: Batch, negative: str | Sequence[str]) -> Condition:
        given = (negative,) * len(batch) if isinstance(negative, str) else tuple(negative)
        if len(given) != len(batch):
            raise ShapeError(f"there are {len(given)} negative prompts for {len(batch)} pictures")
        return self._said(given, [not caption for caption in given])

    @torch.no_grad()
    def _said(self, captions: Sequence[str], silent: Sequence[bool]) -> Condition:
        """Encode captions; what is silent has none, which is not always the empty one."""
        self._call(*self.words)
        said = self.speech.nothing(1) if all(silent) else self.speech.condition(captions)
        found = {"context": said.context, "pooled": said.pooled}
        for name, tensor in found.items():
            if tensor is None:
                continue
            if not bool(torch.isfinite(tensor).all()):
                raise RangeError(
                    "the text encoder answered with NaN or infinity",
                    hint="in 16 bits try dtype='bfloat16' or 'float32'; else its weights are "
                    "damaged",
                )
            if all(silent):
                found[name] = tensor.expand(len(captions), *tensor.shape[1:]).clone()
            elif any(silent):
                nothing: Tensor = getattr(self.speech.nothing(1), name)
                found[name] = tensor.clone()
                found[name][list(silent)] = nothing  # type: ignore[index]
        return Condition(
            **{name: None if t is None else t.to(self.device) for name, t in found.items()}
        )

    def answer(self, asked: Asked, residuals: Any = None) -> Tensor:
        """Ask the network."""
        self._call(self.network)
        given = asked.condition
        network: Any = self.network
        found: Tensor = network(
            asked.x, asked.times, context=given.context, pooled=given.pooled, residuals=residuals
        )
        return found

    def usual_sampling(self) -> dict[str, Any]:
        """Sample as the checkpoint says."""
        return {"guidance": 5.0 if self.is_xl else 7.5, "steps": 30, "spacing": self.spacing}

    def levels(self, how: Sampling) -> Levels:
        """Give the levels that a sampler visits, with the checkpoint's offset and end."""
        strided = how.spacing in ("leading", "trailing")
        return sampling_levels(
            self.process,
            how.steps,
            spacing=how.spacing,
            offset=self.offset if how.spacing == "leading" else 0,
            # The other samplers of its own library end at the clean picture.
            end_at_first=strided and how.sampler == "ddim" and self.end_at_first,
        )

    @torch.no_grad()
    def codes(self, pictures: Tensor) -> Tensor:
        """Give the scaled codes of pictures in 0..1."""
        self._call(self.autoencoder)
        return self.autoencoder.encode(pictures).float()

    @torch.no_grad()
    def pictures(self, codes: Tensor) -> Tensor:
        """Give pictures in 0..1."""
        self._call(self.autoencoder)
        return self.autoencoder.decode(codes).float()


@contextlib.contextmanager
def _understood(checkpoint: str) -> Iterator[None]:
    """Tell whose settings cannot be understood, whatever stumbles over them."""
    try:
        yield
    except SfumatoError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise FileError(
            f"{checkpoint}: settings that cannot be understood ({error})",
            hint="the .json files of a checkpoint say how it is built: fetch them again",
        ) from error


def _text(parts: Parts) -> ClipText | ClipPair:
    tokenizers, encoders = parts.tokenizers, parts.encoders
    if len(encoders) == 1:
        return ClipText(tokenizers[0], encoders[0])
    first = ClipText(tokenizers[0], encoders[0], "the first text encoder")
    second = ClipText(tokenizers[1], encoders[1], "the second text encoder")
    return ClipPair(first, second, zeros=parts.zeros)
