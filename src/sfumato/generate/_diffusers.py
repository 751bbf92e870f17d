"""Checkpoints in the layout of diffusers, read part by part and written; loaded only when used."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfumato.core.files import atomic_folder, read_text
from sfumato.core.tensors import torch
from sfumato.errors import FileError, MissingExtraError, SfumatoError, SpecError
from sfumato.generate._hub_checkpoint import INDEX, fetched_checkpoint, is_on_hub, variant_of
from sfumato.generate._single_file import load_single_file

__all__ = ["Parts", "load_checkpoint", "save_checkpoint"]

SINGLE = "StableDiffusion(Img2Img|ControlNet|Adapter)?Pipeline"
DOUBLE = "StableDiffusionXL(Img2Img|ControlNet|ControlNetUnion|Adapter)?Pipeline"
SUPPORTED = "checkpoints of Stable Diffusion 1, 2 and XL (base) that make pictures from text are"
CLASSES = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
}
SHOWN = 3
"""How many names an error lists before it only counts."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a checkpoint, as their libraries hold them.

    Args:
        unet: the network.
        vae: the autoencoder.
        scheduler: of any kind; only its configuration is used.
        tokenizers: one or two.
        encoders: of text, as many.
        zeros: no negative prompt is all zeros, where there are two encoders.
    """

    unet: Any
    vae: Any
    scheduler: Any
    tokenizers: tuple[Any, ...]
    encoders: tuple[Any, ...]
    zeros: bool = True


def load_checkpoint(checkpoint: str, config: str | None, dtype: torch.dtype) -> Parts:
    """Load the parts of a checkpoint: a folder, a single file, or either of them on the hub.

    Raises:
        MissingExtraError: diffusers or transformers are not installed.
        FileError: there is no such checkpoint, it is damaged, or the hub is out of reach.
        SpecError: a checkpoint of another kind.
    """
    _need_libraries()
    path = fetched_checkpoint(checkpoint)
    if path.is_file():
        pipeline = load_single_file(path, config, dtype)
        pair = hasattr(pipeline, "text_encoder_2")
        names = ("", "_2") if pair else ("",)
        return Parts(
            pipeline.unet,
            pipeline.vae,
            pipeline.scheduler,
            tuple(getattr(pipeline, f"tokenizer{name}") for name in names),
            tuple(getattr(pipeline, f"text_encoder{name}") for name in names),
            bool(pipeline.config.get("force_zeros_for_empty_prompt", True)),
        )
    hint = "download the folder yourself and give its path" if is_on_hub(checkpoint) else None
    return _load_folder(path, dtype, hint)


def save_checkpoint(folder: str | Path, parts: Parts) -> None:
    """Write the parts of a checkpoint as a folder of diffusers, all or nothing.

    Args:
        folder: where to; an earlier checkpoint there is replaced.
        parts: what to write.

    Raises:
        FileError: the folder cannot be written, or holds something else.
    """
    import diffusers  # noqa: PLC0415 (heavy; what the parts are made of)

    given = {
        "unet": parts.unet,
        "vae": parts.vae,
        "scheduler": parts.scheduler,
        "text_encoder": parts.encoders[0],
        "tokenizer": parts.tokenizers[0],
    }
    if len(parts.encoders) > 1:
        kind: Any = diffusers.StableDiffusionXLPipeline
        whole = kind(
            **given,
            text_encoder_2=parts.encoders[1],
            tokenizer_2=parts.tokenizers[1],
            force_zeros_for_empty_prompt=parts.zeros,
            add_watermarker=False,
        )
    else:
        kind = diffusers.StableDiffusionPipeline
        whole = kind(
            **given, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    with atomic_folder(folder) as temporary:
        whole.save_pretrained(temporary, safe_serialization=True)


def _need_libraries() -> None:
    try:
        import diffusers  # noqa: F401, PLC0415 (heavy, and an extra)
        import transformers  # noqa: F401, PLC0415 (the same)
    except ImportError as error:
        raise MissingExtraError(
            f"Stable Diffusion needs diffusers and transformers: {error}",
            hint='pip install "sfumato[diffusion]"',
        ) from error


def _load_folder(folder: Path, dtype: torch.dtype, hint: str | None) -> Parts:
    index = _index(folder)
    names = _names(index, folder)
    found = {
        name: _network(folder, name, index, dtype)
        for name in ("unet", "vae", *(f"text_encoder{n}" for n in names))
    }
    try:
        return Parts(
            found["unet"],
            found["vae"],
            _scheduler(folder, index),
            tuple(_tokenizer(folder, f"tokenizer{n}") for n in names),
            tuple(found[f"text_encoder{n}"] for n in names),
            bool(index.get("force_zeros_for_empty_prompt", True)),
        )
    except SfumatoError:
        raise
    except Exception as error:  # whatever two libraries and files may answer
        raise FileError(f"{folder}: cannot be loaded ({first_line(error)})", hint=hint) from error


def _index(folder: Path) -> dict[str, Any]:
    if not (folder / INDEX).is_file():
        raise FileError(
            f"{folder}: there is no {INDEX}, so it is no checkpoint",
            hint="a checkpoint's own folder has one, beside unet, vae and text_encoder",
        )
    try:
        index = json.loads(read_text(folder / INDEX))
    except ValueError as error:
        raise FileError(f"{folder / INDEX}: is no JSON ({error})") from error
    if not isinstance(index, dict):
        raise FileError(f"{folder / INDEX}: holds no settings by name")
    return index


def _names(index: dict[str, Any], folder: Path) -> Sequence[str]:
    """Tell the endings of the text parts' names: of one encoder, or of two."""
    kind = str(index.get("_class_name"))
    single, double = re.fullmatch(SINGLE, kind), re.fullmatch(DOUBLE, kind)
    if not single and not double:
        raise SpecError(f"{folder}: holds a {kind}, which is not supported", hint=SUPPORTED)
    if double and _class_of(index, "text_encoder") is None:
        raise SpecError(
            f"{folder}: is a refiner (it has only its second text encoder), which is not supported",
            hint="name the base checkpoint",
        )
    return ("", "_2") if double else ("",)


def _class_of(index: dict[str, Any], name: str) -> str | None:
    """Give the class that a checkpoint names for a part; None where it has no such part."""
    entry = index.get(name)
    known = isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str)
    return str(entry[1]) if known and isinstance(entry, list) else None


def _network(folder: Path, name: str, index: dict[str, Any], dtype: torch.dtype) -> Any:
    """Load a network; every weight must have its place, and every place its weight."""
    import diffusers  # noqa: PLC0415 (heavy)
    import transformers  # noqa: PLC0415 (heavy)

    library, wanted = CLASSES[name]
    said = _class_of(index, name)
    if said is not None and said != wanted:
        raise SpecError(
            f"{folder}: its {name} is a {said}, expected {wanted}",
            hint=SUPPORTED,
        )
    place = folder / name
    if not (place / "config.json").is_file():
        raise FileError(
            f"{folder}: the part {name!r} is missing", hint="was all of the folder copied?"
        )
    files = [file.name for file in place.iterdir()]
    if not any(file.endswith(".safetensors") for file in files):
        raise FileError(
            f"{place}: there are no weights as .safetensors",
            hint="other kinds of files may run code when they are read, and are left alone",
        )
    kind: Any = getattr({"diffusers": diffusers, "transformers": transformers}[library], wanted)
    as_type = "torch_dtype" if library == "diffusers" else "dtype"
    try:
        with _quietly():
            found, report = kind.from_pretrained(
                place,
                variant=variant_of(files),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                **{as_type: dtype},
            )
    except Exception as error:  # whatever two libraries and files may answer
        raise FileError(f"{place}: cannot be loaded ({first_line(error)})") from error
    _account(place, report)
    return found.eval()


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep the bars of transformers from the terminal: what is loaded is small, or read once."""
    from transformers.utils import logging as said  # noqa: PLC0415 (heavy)

    logging: Any = said
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _account(place: Path, report: dict[str, Any]) -> None:
    """Refuse what the libraries would only warn of: weights that lack are left to chance."""
    complaints = {
        "lacks": report.get("missing_keys"),
        "has no place for": report.get("unexpected_keys"),
        "has other shapes at": report.get("mismatched_keys"),
    }
    said = []
    for what, names in complaints.items():
        named = sorted(str(n[0]) if isinstance(n, tuple) else str(n) for n in names or ())
        named = [n for n in named if not n.endswith("position_ids")]  # counted, not learned
        if named:
            more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
            said.append(f"{what} {', '.join(named[:SHOWN])}{more}")
    if said:
        raise FileError(
            f"{place}: the file {'; '.join(said)}",
            hint="weights and config.json must come from one checkpoint",
        )


def _scheduler(folder: Path, index: dict[str, Any]) -> Any:
    import diffusers  # noqa: PLC0415 (heavy)

    name = _class_of(index, "scheduler") or "DDIMScheduler"
    kind: Any = getattr(diffusers, name, None) if name.endswith("Scheduler") else None
    if kind is None:
        raise SpecError(f"{folder}: there is no scheduler {name} in diffusers", hint=SUPPORTED)
    if not (folder / "scheduler" / "scheduler_config.json").is_file():
        raise FileError(
            f"{folder}: the part 'scheduler' is missing", hint="was all of the folder copied?"
        )
    return kind.from_pretrained(folder / "scheduler", local_files_only=True)


def _tokenizer(folder: Path, name: str) -> Any:
    import transformers  # noqa: PLC0415 (heavy)

    if not (folder / name).is_dir():
        raise FileError(
            f"{folder}: the part {name!r} is missing", hint="was all of the folder copied?"
        )
    return transformers.CLIPTokenizer.from_pretrained(folder / name, local_files_only=True)


def first_line(error: Exception) -> str:
    """Give what an error says first, short."""
    said = str(error).strip().partition("\n")[0] or type(error).__name__
    return said[:160]
