"""Published T2I-Adapters, read and written in both of their layouts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from sfumato.adapt.feature_pyramid import FeaturePyramid, Stage
from sfumato.adapt.published_files import ABOUT, read_published
from sfumato.core.files import atomic_folder, write_atomically
from sfumato.core.tensors import Tensor, nn
from sfumato.core.weights import fit
from sfumato.errors import FileError, SpecError

__all__ = [
    "Layout",
    "export_t2i_adapter",
    "is_pyramid",
    "load_t2i_adapter",
    "published_pyramid_names",
    "pyramid_of",
]

WHO = "load_t2i_adapter"
PREFIX = "adapter."
"""Before every name in the layout of diffusers."""

PUBLISHED_REDUCTION = 8
"""Of the autoencoders that published adapters were made for."""
TYPES = {"full": "full_adapter", "light": "light_adapter", "xl": "full_adapter_xl"}
"""Forms, as diffusers calls them."""

Layout = Literal["original", "diffusers"]


def load_t2i_adapter(weights: str | Path) -> FeaturePyramid:
    """Load a published adapter, whichever of the two layouts it has.

    Form, widths, folding and number of channels are read from the shapes, so adapters
    for drawings (one channel) and for color (three) both load.

    Args:
        weights: a ``.safetensors`` or ``.pth`` file, a folder that holds one, or
            ``hub:owner/name``, a folder or a file in it. Code inside is not run.

    Raises:
        FileError: the file is damaged, of another layout, or an entry has no place.
    """
    state, about = read_published(weights, WHO)
    return pyramid_of(state, f"{WHO}: {weights}", about)


def is_pyramid(state: Mapping[str, Tensor]) -> bool:
    """Tell whether weights are those of a T2I-Adapter, of either layout."""
    return any(name.removeprefix(PREFIX).startswith("body.0.") for name in state)


def pyramid_of(
    state: Mapping[str, Tensor],
    name: str,
    about: Mapping[str, Any],
    reduction: int = PUBLISHED_REDUCTION,
) -> FeaturePyramid:
    """Build an adapter around weights; see `load_t2i_adapter`.

    Args:
        state: tensors by their published names.
        name: how it is called in an error.
        about: what its ``config.json`` says; empty where there is none.
        reduction: of the base's autoencoder. One that folds twice as far has the XL form,
            which leaves no other trace in its weights.
    """
    layout: Layout = "diffusers" if any(n.startswith(PREFIX) for n in state) else "original"
    settings = _settings(state, layout, name)
    xl = (
        about["adapter_type"] == TYPES["xl"]
        if "adapter_type" in about
        else (settings["unshuffle"] == 2 * reduction)
    )
    if xl and settings["form"] == "full":
        settings["form"] = "xl"
    pyramid = FeaturePyramid(**settings)
    names = published_pyramid_names(pyramid, layout)
    theirs = {published: own for own, published in names.items()}
    renamed = {theirs.get(name, name): value for name, value in state.items()}
    fit(pyramid, renamed, name, ())
    return pyramid.eval()


def export_t2i_adapter(pyramid: FeaturePyramid, path: str | Path, layout: Layout) -> None:
    """Write an adapter in a published layout.

    Args:
        pyramid: taught here or loaded.
        path: a ``.safetensors`` file; in the layout of diffusers also a folder, with the
            ``config.json`` by which its ``T2IAdapter`` loads it. An earlier one is replaced.
        layout: of diffusers, or of the authors' own programs.

    Raises:
        FileError: it cannot be written, or the file has another ending.
        SpecError: a light form that diffusers has no settings for.
    """
    from safetensors.torch import save  # noqa: PLC0415 (an extra)

    names = published_pyramid_names(pyramid, layout)
    weights = save({names[own]: tensor for own, tensor in pyramid.saved_state().items()})
    if layout == "diffusers" and not Path(path).suffix:
        about = json.dumps({"_class_name": "T2IAdapter", **_type_of(pyramid)}, indent=2)
        with atomic_folder(path) as temporary:
            (temporary / ABOUT).write_text(about + "\n", encoding="utf-8")
            (temporary / "diffusion_pytorch_model.safetensors").write_bytes(weights)
        return
    if Path(path).suffix != ".safetensors":
        raise FileError(f"{path}: weights are written as .safetensors")
    write_atomically(path, weights)


def _type_of(pyramid: FeaturePyramid) -> dict[str, Any]:
    """Give the settings of diffusers' ``T2IAdapter``."""
    form, widths = pyramid.config["form"], list(pyramid.config["widths"])
    light = form == "light"
    if light and widths[-2:] != widths[-1:] * 2:
        raise SpecError(
            f"the light form of diffusers has two last levels of one width, this one {widths}",
            hint="name a .safetensors file: the weights alone can be written",
        )
    return {
        "adapter_type": TYPES[form],
        "in_channels": pyramid.hint_channels,
        "channels": widths[:-1] if light else widths,
        "downscale_factor": pyramid.config["unshuffle"],
        "num_res_blocks": 4 if light else 2,
    }


def published_pyramid_names(pyramid: FeaturePyramid, layout: Layout) -> dict[str, str]:
    """Give the published name of each entry, by its own name."""
    return dict(_pairs(pyramid, layout))


def _pairs(pyramid: FeaturePyramid, layout: Layout) -> Iterator[tuple[str, str]]:
    prefix = PREFIX if layout == "diffusers" else ""
    if isinstance(pyramid.conv_in, nn.Conv2d):
        yield from _layer("conv_in", f"{prefix}conv_in")
    flat = 0
    for k, stage in enumerate(pyramid.stages):
        assert isinstance(stage, Stage)
        own = f"stages.{k}"
        light = isinstance(stage.out_conv, nn.Conv2d)
        # The full form of the original has no stages: its blocks are numbered through.
        numbered = layout == "original" and not light
        outer = f"{prefix}body.{flat if numbered else k}"
        if isinstance(stage.in_conv, nn.Conv2d):
            yield from _layer(f"{own}.in_conv", f"{outer}.in_conv")
        if light:
            yield from _layer(f"{own}.out_conv", f"{outer}.out_conv")
        inner = "resnets" if layout == "diffusers" else "body"
        for j in range(len(stage.blocks)):
            block = f"{prefix}body.{flat}" if numbered else f"{outer}.{inner}.{j}"
            flat += 1
            for name in ("block1", "block2"):
                yield from _layer(f"{own}.blocks.{j}.{name}", f"{block}.{name}")


def _layer(own: str, published: str) -> Iterator[tuple[str, str]]:
    for part in ("weight", "bias"):
        yield f"{own}.{part}", f"{published}.{part}"


def _settings(state: Mapping[str, Tensor], layout: Layout, name: str) -> dict[str, Any]:
    prefix = PREFIX if layout == "diffusers" else ""
    light = f"{prefix}body.0.out_conv.weight" in state
    first = f"{prefix}body.0.in_conv.weight" if light else f"{prefix}conv_in.weight"
    if first not in state:
        raise FileError(
            f"{name}: the weights are of another layout, there is no {first}",
            hint="expected conv_in and body, or adapter.conv_in and adapter.body",
        )
    folded = state[first].shape[1]
    channels, unshuffle = _unfolded(folded, name)
    outer = {int(n.removeprefix(f"{prefix}body.").split(".")[0]) for n in state if "body." in n}
    if light:
        found = [state.get(f"{prefix}body.{k}.out_conv.weight") for k in sorted(outer)]
    elif layout == "diffusers":
        found = [state.get(f"{prefix}body.{k}.resnets.1.block2.weight") for k in sorted(outer)]
    else:
        found = [state.get(f"body.{k}.block2.weight") for k in sorted(outer)[1::2]]
    if any(weight is None for weight in found) or not found:
        raise FileError(f"{name}: a level of the adapter has no blocks, the file is not whole")
    widths = tuple(int(weight.shape[0]) for weight in found if weight is not None)
    form = "light" if light else "full"
    return {"widths": widths, "hint_channels": channels, "unshuffle": unshuffle, "form": form}


def _unfolded(folded: int, name: str) -> tuple[int, int]:
    """Tell channels and folding from their product, channels times folding squared."""
    for channels in (1, 3):
        side = math.isqrt(folded // channels)
        if channels * side**2 == folded:
            return channels, side
    raise FileError(
        f"{name}: {folded} folded channels are neither 1 nor 3 channels of a hint times a square"
    )
