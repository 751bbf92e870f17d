"""Where the weights of a published adapter are, and what stands beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sfumato.core.files import read_text
from sfumato.core.network import CONFIG
from sfumato.core.network import WEIGHTS as OWN_WEIGHTS
from sfumato.core.tensors import Tensor
from sfumato.core.weights import FILES, HUB, fetched, locate, read_state
from sfumato.errors import FileError

__all__ = ["ABOUT", "is_published", "place_of", "read_published"]

ABOUT = "config.json"
"""What diffusers writes about a network."""
WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.*.safetensors",
    "diffusion_pytorch_model.bin",
)
"""What it calls the weights; the first that is there counts. The second is a variant."""
OTHERS = ("*.safetensors", "*.pth", "*.ckpt")


def place_of(weights: str | Path, who: str) -> Path:
    """Tell where a file or a folder lies; what is on the hub is fetched.

    Raises:
        FileError: the hub is out of reach, or has no such thing.
        MissingExtraError: a hub name, and huggingface_hub is not installed.
    """
    if not str(weights).startswith(HUB):
        return Path(weights).expanduser()
    name = str(weights)[len(HUB) :]
    for pattern in WEIGHTS:  # one after another: each may be gigabytes
        path = fetched(name, (CONFIG, OWN_WEIGHTS, ABOUT, pattern), who)
        if path.is_file() or (path / CONFIG).is_file() or any(path.glob(pattern)):
            break
    return path


def is_published(path: Path) -> bool:
    """Tell whether somebody else's weights lie there, by the names of files alone."""
    if path.is_file():
        return path.suffix in FILES
    return (path / ABOUT).is_file() and not (path / CONFIG).is_file()


def read_published(weights: str | Path, who: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read weights, and what a ``config.json`` beside them says; nothing where a file is named.

    Args:
        weights: a file, a folder, or a hub name.
        who: how the reader is called in an error.

    Raises:
        FileError: there are none, several that are meant alike, or they are damaged.
        MissingExtraError: a hub name, and huggingface_hub is not installed.
    """
    path = place_of(weights, who)
    about: dict[str, Any] = {}
    if path.is_dir():
        about = _about(path)
        pattern = next((p for p in (*WEIGHTS, *OTHERS) if any(path.glob(p))), None)
        path = locate(path, WEIGHTS if pattern is None else (pattern,), who)
    return read_state(locate(path, (), who), who, perhaps="state_dict"), about


def _about(folder: Path) -> dict[str, Any]:
    if not (folder / ABOUT).is_file():
        return {}
    try:
        found = json.loads(read_text(folder / ABOUT))
    except ValueError as error:
        raise FileError(f"{folder / ABOUT}: is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise FileError(f"{folder / ABOUT}: holds no settings of a network")
    return found
