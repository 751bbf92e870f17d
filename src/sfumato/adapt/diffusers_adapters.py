"""Published ControlNets and T2I-Adapters, by name, as adapters of a published checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, Self

from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.adapt.published_pyramid import load_t2i_adapter
from sfumato.core.files import read_text
from sfumato.core.network import CONFIG
from sfumato.core.network import WEIGHTS as OWN_WEIGHTS
from sfumato.core.tensors import Tensor, torch
from sfumato.core.weights import HUB, fetched, locate
from sfumato.errors import FileError, MissingExtraError, SpecError
from sfumato.generate.asked import Asked
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.residuals import Residuals
from sfumato.generate.stable_diffusion import DTYPES, StableDiffusion

__all__ = ["PublishedControlNet", "find_published"]

WHO = "find_adapter"
ABOUT, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
"""The files of a network as diffusers saves it."""
ENDINGS = (".safetensors", ".pth")
"""Of a T2I-Adapter in a file of its own, of either layout."""
TAKE_ANOTHER = "take an adapter that was published for this kind of checkpoint"


class PublishedControlNet(HintAdapter):
    """A ControlNet that diffusers saved, in the place of our own `ControlEncoder`.

    Its weights are not saved with it, only where they are.

    Args:
        weights: a folder with ``config.json`` and safetensors.
        dtype: of all weights.

    Shape:
        see `HintAdapter`; ``down`` and ``middle`` of the residuals are filled.

    Raises:
        MissingExtraError: diffusers is not installed.
        FileError: the folder is not whole, or damaged.
        SpecError: it asks for more than text and a hint.
        ShapeError: when called, a hint of another size or number of channels.

    References:
        L. Zhang, A. Rao, M. Agrawala. Adding Conditional Control to Text-to-Image
        Diffusion Models. ICCV, 2023. arXiv:2302.05543
    """

    elsewhere = ("network",)

    def __init__(
        self, *, weights: str, dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    ) -> None:
        super().__init__()
        self.network = _loaded(weights, DTYPES[dtype])
        found = self.network.config
        if found.addition_embed_type or found.class_embed_type or found.global_pool_conditions:
            raise SpecError(
                f"{weights}: a ControlNet with more conditions than text, or with features that "
                "are averaged over the picture, is not supported",
                hint="ControlNets of Stable Diffusion 1 and 2 for drawings and maps are",
            )
        self.hint_channels = int(found.conditioning_channels)
        self.reduction = 2 ** (len(found.conditioning_embedding_out_channels) - 1)
        self.requires_grad_(False).eval()

    @classmethod
    def example(cls) -> Self:
        """There is none: a folder has to be named."""
        raise MissingExtraError(
            "PublishedControlNet needs the folder of one, and none comes with sfumato",
            hint="PublishedControlNet(weights='folder')",
        )

    def forward(self, hint: Tensor, asked: Asked) -> Residuals:
        self.check_hint(hint, asked.x)
        dtype, context = self.network.dtype, asked.condition.context
        down, middle = self.network(
            asked.x.to(dtype),
            asked.times,
            None if context is None else context.to(dtype),
            hint.to(dtype),
            return_dict=False,
        )
        return Residuals(tuple(down), middle)


def find_published(name: str, base: Diffusion, base_name: str) -> HintAdapter | None:
    """Load a published adapter for a published checkpoint; None where there is none.

    Args:
        name: a folder as diffusers saves it (``config.json`` and safetensors), a file of a
            T2I-Adapter in either layout, ``hub:owner/name`` or ``hub:owner/name/file``.
        base: the diffusion that it shall steer.
        base_name: the name it was loaded by.

    Raises:
        MissingExtraError: a ControlNet, and diffusers is not installed.
        FileError: it is damaged, not whole, or the hub is out of reach.
        SpecError: a network of another kind, or one for another kind of base.
    """
    path = _place(name)
    if path is None:
        return None
    if not isinstance(base, StableDiffusion):
        raise SpecError(
            f"{name}: is a published adapter, and {base_name} holds {type(base).__name__}",
            hint="published adapters steer published checkpoints: generate.StableDiffusion",
        )
    kind = "T2IAdapter" if path.is_file() else _kind(path)
    if kind == "ControlNetModel":
        dtype: Any = str(base.network.unet.dtype).removeprefix("torch.")
        control = PublishedControlNet(weights=str(path), dtype=dtype)
        _check_control(control, base, name, base_name)
        return control
    if kind != "T2IAdapter":
        raise SpecError(f"{name}: holds {kind}, no ControlNet or T2IAdapter", hint=TAKE_ANOTHER)
    pyramid = load_t2i_adapter(path if path.is_file() else _weights_in(path))
    _check_widths(pyramid.config["widths"], base, name, base_name)
    _check_reduction(pyramid, base, name, base_name)
    return pyramid.requires_grad_(False)


def _place(name: str) -> Path | None:
    """Tell where a published adapter of that name lies; None where it is none."""
    if name.startswith(HUB):
        asked = name[len(HUB) :]
        if asked.count("/") > 1:
            return locate(name, (), WHO)
        path = fetched(asked, (CONFIG, OWN_WEIGHTS, ABOUT, WEIGHTS), WHO)
    else:
        path = Path(name).expanduser()
    if path.is_file():
        return path if path.suffix in ENDINGS else None
    published = (path / ABOUT).is_file() and not (path / CONFIG).is_file()
    return path if published else None


def _kind(folder: Path) -> str:
    try:
        found = json.loads(read_text(folder / ABOUT))
    except ValueError as error:
        raise FileError(f"{folder / ABOUT}: is no JSON ({error})") from error
    return str(found.get("_class_name")) if isinstance(found, dict) else type(found).__name__


def _weights_in(folder: Path) -> Path:
    path = folder / WEIGHTS
    if not path.is_file():
        raise FileError(f"{folder}: there is no {WEIGHTS}", hint="was all of the folder copied?")
    return path


def _loaded(folder: str, dtype: torch.dtype) -> Any:
    try:
        import diffusers  # noqa: PLC0415 (heavy, and an extra)

        kind: Any = diffusers.ControlNetModel
    except ImportError as error:
        raise MissingExtraError(
            f"a published ControlNet needs diffusers: {error}",
            hint='pip install "sfumato[diffusion]"',
        ) from error
    _weights_in(Path(folder))
    try:
        return kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, torch_dtype=dtype
        )
    except Exception as error:  # whatever the library and damaged files may answer
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(f"{folder}: cannot be loaded ({said[:160]})") from error


def _check_control(
    control: PublishedControlNet, base: StableDiffusion, name: str, base_name: str
) -> None:
    made_for: Any = control.network
    unet: Any = base.network.unet
    own, theirs = made_for.config, unet.config
    _check_widths(own.block_out_channels, base, name, base_name)
    for what in ("in_channels", "cross_attention_dim", "layers_per_block"):
        if own[what] != theirs[what]:
            raise SpecError(
                f"{name}: was made for a U-Net with {what} {own[what]}, "
                f"{base_name} has {theirs[what]}",
                hint=TAKE_ANOTHER,
            )
    _check_reduction(control, base, name, base_name)


def _check_widths(widths: Any, base: StableDiffusion, name: str, base_name: str) -> None:
    own, theirs = list(widths), list(base.network.encoder.level_channels)
    if own != theirs:
        raise SpecError(
            f"{name}: was made for a U-Net of the widths {own}, {base_name} has {theirs}",
            hint=TAKE_ANOTHER,
        )


def _check_reduction(
    adapter: HintAdapter, base: StableDiffusion, name: str, base_name: str
) -> None:
    if adapter.reduction != base.reduction:
        raise SpecError(
            f"{name}: makes hints {adapter.reduction} times smaller, the autoencoder of "
            f"{base_name} pictures {base.reduction} times",
            hint=TAKE_ANOTHER,
        )
