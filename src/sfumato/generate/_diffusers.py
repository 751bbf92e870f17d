"""Networks of diffusers and transformers in the places of our own; loaded only when used."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sfumato.core.files import atomic_folder
from sfumato.core.tensors import Tensor, nn, torch
from sfumato.core.weights import HUB
from sfumato.errors import FileError, MissingExtraError, SpecError
from sfumato.generate.process import Target
from sfumato.generate.residuals import Residuals
from sfumato.generate.schedule import CosineSchedule, LinearSchedule, ScaledLinearSchedule, Schedule

__all__ = [
    "ClipText",
    "PublishedCoder",
    "PublishedUNet",
    "load_pipeline",
    "save_pipeline",
    "schedule_of",
]

log = logging.getLogger(__name__)

SCHEDULES: dict[str, type[LinearSchedule] | type[ScaledLinearSchedule] | type[CosineSchedule]] = {
    "linear": LinearSchedule,
    "scaled_linear": ScaledLinearSchedule,
    "squaredcos_cap_v2": CosineSchedule,
}
TARGETS: dict[str, Target] = {
    "epsilon": "noise",
    "v_prediction": "velocity",
    "sample": "clean",
}


class PublishedUNet(nn.Module):
    """A text-conditioned U-Net of diffusers, asked as ours is.

    Args:
        unet: the network.
    """

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = unet
        config = unet.config
        if config.addition_embed_type is not None:
            raise SpecError(
                f"a U-Net that is told {config.addition_embed_type} besides the text is not "
                "supported",
                hint="checkpoints of Stable Diffusion 1 and 2 are",
            )
        self.config: dict[str, Any] = {
            "channels_in": config.in_channels,
            "channels_out": config.out_channels,
            "context": config.cross_attention_dim,
        }
        self.multiple_of = 1  # diffusers brings odd sides together again
        self.encoder = SimpleNamespace(
            label=None, level_channels=list(unet.config.block_out_channels)
        )

    def forward(
        self,
        x: Tensor,
        times: Tensor,
        *,
        label: Tensor | None = None,
        context: Tensor | None = None,
        residuals: Residuals | None = None,
    ) -> Tensor:
        """Answer noisy latents, in their dtype."""
        dtype = self.unet.dtype
        more: dict[str, Any] = {}
        if residuals is not None and residuals.down:
            middle = residuals.middle
            more["down_block_additional_residuals"] = tuple(r.to(dtype) for r in residuals.down)
            more["mid_block_additional_residual"] = (
                torch.zeros((), dtype=dtype, device=x.device)
                if middle is None
                else middle.to(dtype)
            )
        if residuals is not None and residuals.levels:
            # The network takes them off its list: it gets one of its own at each question.
            more["down_intrablock_additional_residuals"] = [
                r.to(dtype).clone() for r in residuals.levels
            ]
        answer = self.unet(x.to(dtype), times, context, return_dict=False, **more)[0]
        return torch.as_tensor(answer).to(x.dtype)


class ClipText:
    """The text encoder of a checkpoint and its tokenizer.

    Args:
        tokenizer: of transformers.
        encoder: of transformers.

    Raises:
        SpecError: the vocabulary of the tokenizer is not that of the encoder.
    """

    def __init__(self, tokenizer: Any, encoder: Any) -> None:
        self.tokenizer, self.encoder = tokenizer, encoder
        own, wanted = len(tokenizer), encoder.config.vocab_size
        if own != wanted:
            raise SpecError(
                f"the tokenizer knows {own} words, the text encoder {wanted}",
                hint="tokenizer and text encoder must come from one checkpoint",
            )
        self.width = int(encoder.config.hidden_size)
        self.length = int(min(tokenizer.model_max_length, encoder.config.max_position_embeddings))

    def cut(self, caption: str) -> int:
        """Tell how many tokens of a caption are too many."""
        return max(0, len(self.tokenizer(caption, verbose=False).input_ids) - self.length)

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Give the tokens of captions, (n, length, width)."""
        for caption in captions:
            if cut := self.cut(caption):
                log.warning("the prompt is %d tokens too long, its end is cut", cut)
        asked = self.tokenizer(
            list(captions),
            padding="max_length",
            max_length=self.length,
            truncation=True,
            return_tensors="pt",
        )
        ids = asked.input_ids.to(self.encoder.device)
        masked = getattr(self.encoder.config, "use_attention_mask", False)
        mask = asked.attention_mask.to(ids.device) if masked else None
        found: Tensor = self.encoder(ids, attention_mask=mask)[0]
        return found


class PublishedCoder(nn.Module):
    """An autoencoder of diffusers, asked as ours is.

    Args:
        vae: the network.
        low_memory: pictures one by one, in tiles where they are large.
    """

    def __init__(self, vae: Any, *, low_memory: bool) -> None:
        super().__init__()
        self.vae = vae
        self.latents = int(vae.config.latent_channels)
        self.multiple_of = 2 ** (len(vae.config.block_out_channels) - 1)
        self.scale = float(vae.config.scaling_factor)
        if low_memory:
            vae.enable_slicing()
            vae.enable_tiling()

    def encode(self, pictures: Tensor) -> Tensor:
        """Give the means of the codes of pictures in 0..1, scaled."""
        found = self.vae.encode((2.0 * pictures - 1.0).to(self.vae.dtype)).latent_dist.mode()
        return torch.as_tensor(found).to(pictures.dtype) * self.scale

    def decode(self, codes: Tensor) -> Tensor:
        """Give pictures in 0..1; what half precision cannot hold is done again in single."""
        read = self._read(codes)
        if not bool(torch.isfinite(read).all()) and self.vae.dtype != torch.float32:
            log.warning("the autoencoder overflowed in %s, it is run in float32", self.vae.dtype)
            self.vae.to(torch.float32)
            read = self._read(codes)
        return ((read + 1.0) / 2.0).clamp(0.0, 1.0)

    def _read(self, codes: Tensor) -> Tensor:
        given = (codes / self.scale).to(self.vae.dtype)
        return torch.as_tensor(self.vae.decode(given, return_dict=False)[0]).to(codes.dtype)


def schedule_of(config: Any, who: str) -> tuple[Schedule, Target]:
    """Read schedule and target from the configuration of a scheduler of diffusers.

    Raises:
        SpecError: betas or answers of a kind that is not known here.
    """
    kind, answers = config.get("beta_schedule"), config.get("prediction_type", "epsilon")
    if kind not in SCHEDULES or answers not in TARGETS or config.get("trained_betas") is not None:
        raise SpecError(
            f"{who}: a scheduler with {kind!r} betas and {answers!r} answers is not supported",
            hint=f"known are {', '.join(SCHEDULES)} and {', '.join(TARGETS)}",
        )
    steps = int(config["num_train_timesteps"])
    settings: dict[str, Any] = {
        "steps": steps,
        "zero_terminal_snr": bool(config.get("rescale_betas_zero_snr", False)),
    }
    if kind != "squaredcos_cap_v2":
        # Ours gives the range of a diffusion of 1000 steps where it is linear.
        share = steps / 1000 if kind == "linear" else 1.0
        ends = (config["beta_start"], config["beta_end"])
        settings["beta_range"] = tuple(float(end) * share for end in ends)
    return SCHEDULES[kind](**settings), TARGETS[answers]


def load_pipeline(checkpoint: str, config: str | None, dtype: torch.dtype) -> Any:
    """Load the parts of a checkpoint: a folder, a hub name, or a single file.

    Raises:
        MissingExtraError: diffusers or transformers are not installed.
        FileError: there is no such checkpoint, it is damaged, or the hub is out of reach.
        SpecError: a checkpoint of another kind.
    """
    try:
        import diffusers  # noqa: PLC0415 (heavy, and an extra)

        kind: Any = diffusers.StableDiffusionPipeline
    except ImportError as error:
        raise MissingExtraError(
            f"Stable Diffusion needs diffusers and transformers: {error}",
            hint='pip install "sfumato[diffusion]"',
        ) from error
    options: dict[str, Any] = {
        "torch_dtype": dtype,
        "safety_checker": None,
        "requires_safety_checker": False,
    }
    path = Path(checkpoint).expanduser()
    on_hub = checkpoint.startswith(HUB)
    if not on_hub and not path.exists():
        raise FileError(
            f"there is no checkpoint {checkpoint}",
            hint=f"name a folder, a .safetensors file, or {HUB}owner/name",
        )
    try:
        if path.is_file():
            extra = {} if config is None else {"config": config}
            return kind.from_single_file(str(path), **extra, **options)
        if path.is_dir():
            _check_kind(path)
        name = checkpoint[len(HUB) :] if on_hub else str(path)
        return kind.from_pretrained(
            name, use_safetensors=True, local_files_only=not on_hub, **options
        )
    except SpecError:
        raise
    except Exception as error:  # whatever two libraries, files and the network may answer
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        hint = "download the folder yourself and give its path" if on_hub else None
        if path.is_file() and config is None:
            hint = "without a network give config=, a folder of the same kind of checkpoint"
        raise FileError(f"{checkpoint}: cannot be loaded ({said[:160]})", hint=hint) from error


def save_pipeline(folder: str | Path, **parts: Any) -> None:
    """Write the parts of a checkpoint as a folder of diffusers, all or nothing.

    Args:
        folder: where to; an earlier checkpoint there is replaced.
        parts: ``unet``, ``vae``, ``text_encoder``, ``tokenizer``, ``scheduler``.

    Raises:
        FileError: the folder cannot be written, or holds something else.
    """
    import diffusers  # noqa: PLC0415 (heavy; what the parts are made of)

    kind: Any = diffusers.StableDiffusionPipeline
    whole = kind(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    with atomic_folder(folder) as temporary:
        whole.save_pretrained(temporary, safe_serialization=True)


def _check_kind(folder: Path) -> None:
    index = folder / "model_index.json"
    if not index.is_file():
        raise FileError(f"{folder}: there is no model_index.json, so it is no checkpoint")
    kind = json.loads(index.read_text(encoding="utf-8")).get("_class_name")
    if not str(kind).startswith("StableDiffusion") or "XL" in str(kind) or "3" in str(kind):
        raise SpecError(
            f"{folder}: holds a {kind}, which is not supported",
            hint="checkpoints of Stable Diffusion 1 and 2 are",
        )
