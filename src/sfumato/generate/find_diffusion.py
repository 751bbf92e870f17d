"""A diffusion by name, whether it is our own or a published checkpoint."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from sfumato.core.network import CONFIG, WEIGHTS, find_weights, load
from sfumato.core.tensors import on_device
from sfumato.core.weights import HUB, fetched
from sfumato.errors import SpecError
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.stable_diffusion import Memory, StableDiffusion

__all__ = ["find_diffusion", "fingerprint"]

INDEX = "model_index.json"
CHUNK = 2**20


def find_diffusion(
    weights: str,
    *,
    device: str = "cpu",
    config: str | None = None,
    dtype: Literal["float32", "float16", "bfloat16"] = "float32",
    memory: Memory = "full",
) -> Diffusion:
    """Load a diffusion.

    Args:
        weights: weights that come with sfumato, a folder that `sfumato train` or ``save``
            wrote; or a checkpoint of Stable Diffusion: a folder in the layout of diffusers,
            or a single ``.safetensors`` or ``.ckpt`` file. Either may be ``hub:owner/name``.
        device: where to compute.
        config: for a single file without a network, see `StableDiffusion`.
        dtype: of the weights of a checkpoint of Stable Diffusion.
        memory: how a checkpoint of Stable Diffusion keeps house, see `StableDiffusion`.

    Raises:
        FileError: there is nothing, it is damaged, or the hub is out of reach.
        SpecError: it is no diffusion.
        MissingExtraError: a checkpoint, and diffusers is not installed.
        RangeError: there is no such device.
    """
    place = on_device(device, "find_diffusion")
    if _is_checkpoint(weights):
        published: Diffusion = StableDiffusion(
            checkpoint=weights, config=config, dtype=dtype, memory=memory
        ).to(place)
        return published
    found = load(weights, device=device)
    if not isinstance(found, Diffusion):
        raise SpecError(f"{weights}: holds {type(found).__name__}, no diffusion")
    return found


def fingerprint(weights: str) -> str:
    """Give the SHA-256 of all weights of a diffusion, so that a picture can be made again.

    Raises:
        FileError: there are none.
    """
    if not _is_checkpoint(weights):
        files = [find_weights(weights) / WEIGHTS]
    elif weights.startswith(HUB):
        files = sorted(_fetched(weights).rglob("*.safetensors"))
    else:
        path = Path(weights).expanduser()
        files = [path] if path.is_file() else sorted(path.rglob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while part := opened.read(CHUNK):
                digest.update(part)
    return digest.hexdigest()


def _is_checkpoint(weights: str) -> bool:
    if weights.startswith(HUB):
        return "@" in weights or weights.count("/") > 1 or (_fetched(weights) / INDEX).is_file()
    path = Path(weights).expanduser()
    return path.is_file() or (path / INDEX).is_file()


def _fetched(weights: str) -> Path:
    return fetched(weights[len(HUB) :], (CONFIG, WEIGHTS, INDEX), "find_diffusion")
