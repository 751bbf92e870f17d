"""Checkpoints in one file, in the layout that they were published in first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sfumato.core.tensors import torch
from sfumato.core.weights import HUB
from sfumato.errors import FileError, SfumatoError, SpecError

__all__ = ["kind_of_file", "load_single_file"]

NETWORK = "model.diffusion_model."
ONE, FIRST, SECOND = "cond_stage_model.", "conditioner.embedders.0.", "conditioner.embedders.1."
OTHERS = {
    "joint_blocks.": "Stable Diffusion 3",
    "double_blocks.": "Flux",
    "lora_": "LoRA",
    "control_model.": "ControlNet",
}
HINT = "files of Stable Diffusion 1, 2 and XL (base) with U-Net, autoencoder and text encoders are"


def kind_of_file(names: Iterable[str], who: str) -> str:
    """Tell by the names of its tensors what a file holds: ``single`` or ``double``.

    Raises:
        SpecError: something else than a whole checkpoint with one or two text encoders.
    """
    names = list(names)

    def some(beginning: str) -> bool:
        return any(name.startswith(beginning) for name in names)

    for inside, kind in OTHERS.items():
        if any(inside in name for name in names):
            raise SpecError(f"{who}: holds a {kind}, which is not supported", hint=HINT)
    if some(NETWORK) and some(FIRST) and not some(SECOND):
        raise SpecError(
            f"{who}: is a refiner (it has only its second text encoder), which is not supported",
            hint="name the base checkpoint",
        )
    for what, there in (
        ("U-Net", some(NETWORK)),
        ("autoencoder", some("first_stage_model.")),
        ("text encoder", some(ONE) or some(SECOND)),
    ):
        if not there:
            raise SpecError(f"{who}: holds no {what}, so it is no whole checkpoint", hint=HINT)
    return "double" if some(SECOND) else "single"


def load_single_file(path: Path, config: str | None, dtype: torch.dtype) -> Any:
    """Load a checkpoint from one file, as the pipeline of diffusers that it is of.

    Args:
        path: the file.
        config: a folder or ``hub:owner/name`` of a checkpoint of its kind, which says how
            the networks are built; None lets diffusers fetch that.
        dtype: of all weights.

    Raises:
        FileError: damaged, or what it says does not fit.
        SpecError: a checkpoint of another kind.
    """
    import diffusers  # noqa: PLC0415 (heavy, and an extra)

    double = kind_of_file(_names_in(path), str(path)) == "double"
    kind: Any = diffusers.StableDiffusionXLPipeline if double else diffusers.StableDiffusionPipeline
    options: dict[str, Any] = {"torch_dtype": dtype}
    if config is not None:
        options["config"] = config.removeprefix(HUB)
        options["local_files_only"] = not config.startswith(HUB)
        if not config.startswith(HUB) and not Path(config).expanduser().is_dir():
            raise FileError(
                f"config: there is no folder {config}",
                hint=f"name the folder of a checkpoint of the same kind, or {HUB}owner/name",
            )
    options |= {"add_watermarker": False} if double else {"safety_checker": None}
    try:
        found = kind.from_single_file(str(path), **options)
    except Exception as error:  # whatever two libraries, files and the network may answer
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        hint = "is config= the folder of a checkpoint of the same kind?"
        if config is None:
            hint = "without a network give config=, a folder of the same kind of checkpoint"
        raise FileError(f"{path}: cannot be loaded ({said[:160]})", hint=hint) from error
    _check_whole(found, path)
    return found


def _check_whole(pipeline: Any, path: Path) -> None:
    """Refuse what the library would leave empty."""
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        network = getattr(pipeline, part, None)
        if network is None:
            continue
        empty = [name for name, tensor in network.named_parameters() if tensor.is_meta]
        if empty:
            raise FileError(
                f"{path}: lacks {len(empty)} weights of the {part}, among them {empty[0]}",
                hint="is config= the folder of a checkpoint of the same kind?",
            )
        network.eval()


def _names_in(path: Path) -> list[str]:
    try:
        if path.suffix == ".safetensors":
            from safetensors import safe_open  # noqa: PLC0415 (an extra)

            with safe_open(path, "pt") as opened:
                return list(opened.keys())
        found: Any = torch.load(path, map_location="meta", weights_only=True)
        while isinstance(found, dict) and "state_dict" in found:
            found = found["state_dict"]
        if not isinstance(found, dict):
            raise FileError(f"{path}: holds {type(found).__name__}, not tensors by name")
        return [str(name) for name in found]
    except SfumatoError:
        raise
    except Exception as error:  # foreign bytes, read by two libraries
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(
            f"{path}: cannot be read as a checkpoint ({said[:160]})",
            hint="a .safetensors file, or a .ckpt that holds tensors only",
        ) from error
