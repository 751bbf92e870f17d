"""A diffusion by name, whether it is our own or a published checkpoint."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from sfumato.core.network import CONFIG, WEIGHTS, load
from sfumato.core.tensors import nn, on_device, torch
from sfumato.core.weights import HUB, fetched
from sfumato.errors import SpecError
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.stable_diffusion import Memory, StableDiffusion

__all__ = ["find_diffusion", "fingerprint", "picture_size", "usual_guidance"]

INDEX = "model_index.json"
USUAL_GUIDANCE = 3.0


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
            or a single ``.safetensors`` or ``.ckpt`` file. Either may be ``hub:owner/name``;
            a checkpoint also of a revision, ``hub:owner/name@revision``, or a file in it.
        device: where to compute.
        config: for a single file without a network, see `StableDiffusion`.
        dtype: of the weights of a checkpoint of Stable Diffusion.
        memory: how a checkpoint of Stable Diffusion keeps house, see `StableDiffusion`.

    Raises:
        FileError: there is nothing, it is damaged, or the hub is out of reach.
        SpecError: it is no diffusion, or settings of a checkpoint are given for another.
        MissingExtraError: a checkpoint, and diffusers is not installed.
        RangeError: there is no such device.
    """
    place = on_device(device, "find_diffusion")
    if _is_checkpoint(weights):
        published: Diffusion = StableDiffusion(
            checkpoint=weights, config=config, dtype=dtype, memory=memory
        ).to(place)
        return published
    if (config, dtype, memory) != (None, "float32", "full"):
        raise SpecError(
            f"{weights}: is no published checkpoint, and only these have config, dtype and memory",
            hint="leave them away",
        )
    found = load(weights, device=device)
    if not isinstance(found, Diffusion):
        raise SpecError(f"{weights}: holds {type(found).__name__}, no diffusion")
    return found


def fingerprint(network: nn.Module) -> str:
    """Give the SHA-256 of all numbers of a network, so that a picture can be made again.

    Names, dtypes and shapes count, and so do weights that lie elsewhere, such as the
    autoencoder of a latent diffusion; the file, its place and its format do not.

    Example:
        >>> a, b = nn.Linear(2, 2), nn.Linear(2, 2)
        >>> fingerprint(a) == fingerprint(b)
        False
        >>> _ = b.load_state_dict(a.state_dict())
        >>> fingerprint(a) == fingerprint(b)
        True
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}\n".encode())
        digest.update(memoryview(plain.reshape(-1).view(torch.uint8).numpy()))
    return digest.hexdigest()


def picture_size(base: Diffusion) -> tuple[int, int] | None:
    """Tell height and width of the pictures that a diffusion was taught; None if unknown.

    A published checkpoint says it in the settings of its U-Net.
    """
    unet = getattr(base.network, "unet", None)
    side = None if unet is None else getattr(unet.config, "sample_size", None)
    if isinstance(side, int):
        return (side * base.multiple_of, side * base.multiple_of)
    return base.picture_px


def usual_guidance(base: Diffusion) -> float:
    """Tell how strongly a diffusion should be guided where nothing else is said."""
    if base.text is None and base.network.encoder.label is None:
        return 1.0
    published = isinstance(base, StableDiffusion)
    return float(base.usual_sampling()["guidance"]) if published else USUAL_GUIDANCE


def _is_checkpoint(weights: str) -> bool:
    if weights.startswith(HUB):
        return "@" in weights or weights.count("/") > 1 or (_fetched(weights) / INDEX).is_file()
    path = Path(weights).expanduser()
    return path.is_file() or (path / INDEX).is_file()


def _fetched(weights: str) -> Path:
    return fetched(weights[len(HUB) :], (CONFIG, WEIGHTS, INDEX), "find_diffusion")
