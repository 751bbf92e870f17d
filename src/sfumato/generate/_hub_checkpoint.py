"""Where a checkpoint lies: here, or on the hub, from which only what is needed is fetched."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sfumato.core.weights import HUB
from sfumato.errors import FileError, MissingExtraError

__all__ = ["INDEX", "fetched_checkpoint", "is_on_hub", "needed_files", "variant_of"]

WHO = "StableDiffusion"
INDEX = "model_index.json"
SINGLE_FILES = (".safetensors", ".ckpt")
NETWORKS = ("unet", "vae", "text_encoder", "text_encoder_2")
TEXTS = ("scheduler", "tokenizer", "tokenizer_2")
SPLIT = re.compile(r"-\d+-of-\d+$")


def is_on_hub(checkpoint: str) -> bool:
    """Tell whether a name is one of the hub."""
    return checkpoint.startswith(HUB)


def fetched_checkpoint(checkpoint: str) -> Path:
    """Tell where a checkpoint lies; from the hub it is fetched once.

    Args:
        checkpoint: a folder or a file; or ``hub:owner/name``, with ``@revision`` and a
            folder or file inside it where wanted: ``hub:owner/name@v2/inner``.

    Raises:
        FileError: there is none, or it cannot be fetched.
        MissingExtraError: a hub name, and huggingface_hub is not installed.
    """
    if is_on_hub(checkpoint):
        return _fetched(checkpoint[len(HUB) :])
    path = Path(checkpoint).expanduser()
    if not path.exists():
        raise FileError(
            f"there is no checkpoint {checkpoint}",
            hint=f"name a folder, a .safetensors file, or {HUB}owner/name",
        )
    return path


def variant_of(files: Sequence[str]) -> str | None:
    """Tell which of several kinds of one network's weights to take.

    Args:
        files: names in the folder of a network.

    Returns:
        None for the plain ones; else what stands before the ending of the others, that of
        half precision first.

    Example:
        >>> variant_of(["config.json", "model.fp16.safetensors"])
        'fp16'
        >>> variant_of(["model.fp16.safetensors", "model.safetensors"]) is None
        True
    """
    found: set[str] = set()
    for file in files:
        if not file.endswith(".safetensors"):
            continue
        stem = SPLIT.sub("", file.removesuffix(".safetensors"))
        _, _, variant = stem.partition(".")
        if not variant:
            return None
        found.add(SPLIT.sub("", variant))
    best = [v for v in ("fp16", "bf16") if v in found] + sorted(found)
    return best[0] if best else None


def needed_files(files: Sequence[str], inner: str = "") -> list[str]:
    """Pick what a checkpoint needs of all files of a repository.

    The other precisions, other formats and the safety checker stay where they are.

    Args:
        files: paths in the repository.
        inner: the checkpoint's folder in it.
    """
    inside = {
        str(PurePosixPath(f).relative_to(inner)): f
        for f in files
        if PurePosixPath(f).is_relative_to(inner)
    }
    wanted = [f for name, f in inside.items() if name == INDEX]
    for part in (*NETWORKS, *TEXTS):
        names = {
            n.removeprefix(f"{part}/"): f for n, f in inside.items() if n.startswith(f"{part}/")
        }
        wanted += [f for n, f in names.items() if n.endswith((".json", ".txt"))]
        if part in NETWORKS:
            variant = variant_of(list(names))
            weights = [n for n in names if n.endswith(".safetensors")]
            wanted += [names[n] for n in weights if variant_of([n]) == variant]
    return wanted


def _fetched(name: str) -> Path:
    try:
        import huggingface_hub  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise MissingExtraError(
            f"{WHO}: hub names need huggingface_hub", hint='pip install "sfumato[diffusion]"'
        ) from error
    owner, _, rest = name.partition("/")
    repository, _, inner = rest.partition("/")
    repository, _, revision = repository.partition("@")
    if not owner or not repository:
        raise FileError(
            f"{WHO}: '{HUB}{name}' is no hub name",
            hint=f"write {HUB}owner/name, {HUB}owner/name@revision or {HUB}owner/name/file",
        )
    at: dict[str, Any] = {"repo_id": f"{owner}/{repository}", "revision": revision or None}
    try:
        if inner.endswith(SINGLE_FILES):
            return Path(huggingface_hub.hf_hub_download(filename=inner, **at))
        return Path(_snapshot(huggingface_hub, at, inner)) / inner
    except FileError:
        raise
    except Exception as error:  # whatever the network and the hub may answer
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(
            f"{WHO}: '{HUB}{name}' cannot be fetched ({said[:160]})",
            hint="download the folder yourself and give its path",
        ) from error


def _snapshot(hub: Any, at: dict[str, Any], inner: str) -> str:
    try:
        files = hub.list_repo_files(**at)
    except Exception as error:  # no network: what was fetched before will do
        with contextlib.suppress(Exception):
            return str(hub.snapshot_download(local_files_only=True, **at))
        raise error
    wanted = needed_files(files, inner)
    if not any(f.endswith(INDEX) for f in wanted):
        place = f"{at['repo_id']}/{inner}".rstrip("/")
        singles = [f for f in files if f.endswith(SINGLE_FILES)]
        raise FileError(
            f"{WHO}: {place} on the hub has no {INDEX}",
            hint=f"name one of its files: {HUB}{at['repo_id']}/{singles[0]}" if singles else None,
        )
    return str(hub.snapshot_download(allow_patterns=wanted, **at))
