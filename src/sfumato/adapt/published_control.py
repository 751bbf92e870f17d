"""ControlNets of Stable Diffusion, read and written in both of their published layouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sfumato.adapt.fitting import check_model, unet_of
from sfumato.adapt.published_files import read_published
from sfumato.adapt.published_pyramid import Layout
from sfumato.adapt.stable_control import StableControl, model_settings
from sfumato.core.files import atomic_folder, write_atomically
from sfumato.core.tensors import Tensor, torch
from sfumato.core.weights import fit
from sfumato.errors import FileError
from sfumato.generate.diffusion import Diffusion

__all__ = ["control_of", "export_control_net", "is_control", "load_control_net", "original_names"]

WHO = "load_control_net"
PREFIX = "control_model."
"""Before every name in the original layout, where a whole checkpoint may stand beside it."""
FIRST = {
    "diffusers": "controlnet_cond_embedding.conv_in.weight",
    "original": "input_hint_block.0.weight",
}
"""An entry of either layout that no other network has."""


def load_control_net(
    weights: str | Path, base: Diffusion, *, base_name: str = "the base"
) -> StableControl:
    """Load a published ControlNet, whichever of the two layouts it has.

    A folder says in its ``config.json`` what it is. Of a file, channels, widths and
    projections are read from the shapes; what leaves no trace in them (heads, groups) is that
    of the base. It gets the dtype of the base.

    Args:
        weights: a folder as diffusers saves it, also with one variant of the weights only;
            a file (``.safetensors``, ``.pth``, ``.ckpt``; code inside is not run) in either
            layout, by itself or in a whole checkpoint; or ``hub:owner/name``, a folder
            or a file in it.
        base: a checkpoint of the kind that it was made for.
        base_name: how the base is called in an error.

    Raises:
        MissingExtraError: diffusers is not installed.
        FileError: damaged, not whole, of another layout, or an entry has no place.
        SpecError: it was made for a base of another kind.
    """
    state, about = read_published(weights, WHO)
    return control_of(state, about, base, str(weights), base_name)


def is_control(state: Mapping[str, Tensor]) -> bool:
    """Tell whether weights are those of a ControlNet, of either layout."""
    return any(name.removeprefix(PREFIX) in FIRST.values() for name in state)


def control_of(
    state: Mapping[str, Tensor],
    about: Mapping[str, Any],
    base: Diffusion,
    name: str,
    base_name: str,
) -> StableControl:
    """Build a ControlNet around weights; see `load_control_net`.

    Args:
        state: tensors by their published names.
        about: what its ``config.json`` says; empty where there is none.
        base: that it was made for.
        name: how it is called in an error.
        base_name: how the base is.
    """
    inside = {n.removeprefix(PREFIX): t for n, t in state.items() if n.startswith(PREFIX)}
    given = inside or dict(state)
    layout = next((layout for layout, first in FIRST.items() if first in given), None)
    if layout is None:
        raise FileError(
            f"{name}: the weights are of another layout, there is no {FIRST['original']}",
            hint=f"expected a ControlNet as diffusers or its authors save it: {PREFIX}..., "
            "input_hint_block..., or controlnet_cond_embedding...",
        )
    own: Any = unet_of(base, name, base_name).config
    model = about or {**own, **_read_from_shapes(given, layout)}
    check_model(model, base, name, base_name)
    with torch.device("meta"):  # weights of its own are not needed
        made = StableControl(model=model_settings(model))
    network: Any = made.network
    if layout == "original":
        names = {published: entry for entry, published in original_names(network).items()}
        given = {names.get(entry, entry): tensor for entry, tensor in given.items()}
    made.to(next(base.network.parameters()).dtype).to_empty(device="cpu")
    fit(network, given, name, ())
    return made.eval()


def export_control_net(control: StableControl, path: str | Path, layout: Layout) -> None:
    """Write a ControlNet in a published layout.

    Args:
        control: taught here or loaded.
        path: a folder for ``diffusers`` (an earlier export there is replaced), a
            ``.safetensors`` file for ``original``.
        layout: of diffusers, or of the authors' own programs.

    Raises:
        FileError: it cannot be written, or the file has another ending.
    """
    network: Any = control.network
    if layout == "diffusers":
        with atomic_folder(path) as temporary:
            network.save_pretrained(temporary, safe_serialization=True)
        return
    from safetensors.torch import save  # noqa: PLC0415 (an extra)

    if Path(path).suffix != ".safetensors":
        raise FileError(f"{path}: weights are written as .safetensors")
    names = original_names(network)
    state = network.state_dict().items()
    write_atomically(
        path, save({PREFIX + names[n]: t.detach().cpu().contiguous() for n, t in state})
    )


def original_names(network: Any) -> dict[str, str]:
    """Give the original name of each entry of a ``ControlNetModel``, by its own name."""
    parts = dict(_parts(network))

    def renamed(entry: str) -> str:
        head, tail = entry, ""
        while head not in parts:
            head, _, last = head.rpartition(".")
            tail = f".{last}{tail}"
        return parts[head] + tail

    return {entry: renamed(entry) for entry in network.state_dict()}


def _parts(network: Any) -> Iterator[tuple[str, str]]:
    """Give parts of a ``ControlNetModel`` and their original names."""
    yield "conv_in", "input_blocks.0.0"
    yield "time_embedding.linear_1", "time_embed.0"
    yield "time_embedding.linear_2", "time_embed.2"
    yield "add_embedding.linear_1", "label_emb.0.0"  # of the XL kind only
    yield "add_embedding.linear_2", "label_emb.0.2"
    inner = (f"blocks.{k}" for k in range(len(network.controlnet_cond_embedding.blocks)))
    for k, name in enumerate(("conv_in", *inner, "conv_out")):  # an activation after each
        yield f"controlnet_cond_embedding.{name}", f"input_hint_block.{2 * k}"
    count = 1
    for i, block in enumerate(network.down_blocks):
        for j in range(len(block.resnets)):
            yield from _residual(f"down_blocks.{i}.resnets.{j}", f"input_blocks.{count}.0")
            yield f"down_blocks.{i}.attentions.{j}", f"input_blocks.{count}.1"
            count += 1
        if block.downsamplers is not None:
            yield f"down_blocks.{i}.downsamplers.0.conv", f"input_blocks.{count}.0.op"
            count += 1
    for k in range(count):
        yield f"controlnet_down_blocks.{k}", f"zero_convs.{k}.0"
    yield from _residual("mid_block.resnets.0", "middle_block.0")
    yield "mid_block.attentions.0", "middle_block.1"
    yield from _residual("mid_block.resnets.1", "middle_block.2")
    yield "controlnet_mid_block", "middle_block_out.0"


def _residual(own: str, original: str) -> Iterator[tuple[str, str]]:
    for name, published in (
        ("norm1", "in_layers.0"),
        ("conv1", "in_layers.2"),
        ("time_emb_proj", "emb_layers.1"),
        ("norm2", "out_layers.0"),
        ("conv2", "out_layers.3"),
        ("conv_shortcut", "skip_connection"),
    ):
        yield f"{own}.{name}", f"{original}.{published}"


def _read_from_shapes(state: Mapping[str, Tensor], layout: str) -> dict[str, Any]:
    """Read all settings that leave a trace."""
    shapes = {n.removesuffix(".weight"): t.shape for n, t in state.items() if n.endswith("weight")}
    if layout == "diffusers":
        hint = "controlnet_cond_embedding."
        blocks = (f"{hint}blocks.{k}" for k in range(len(shapes)))
        convs = [f"{hint}conv_in", *blocks, f"{hint}conv_out"]
        levels = (f"down_blocks.{i}.resnets.0.conv2" for i in range(len(shapes)))
        first = "conv_in"
    else:
        convs = [f"input_hint_block.{2 * k}" for k in range(len(shapes))]
        inputs = [n for n in shapes if n.startswith("input_blocks.")]
        count = 1 + max((int(name.split(".")[1]) for name in inputs), default=0)
        ends = {k for k in range(count) if f"input_blocks.{k}.0.op" in shapes}
        firsts = [k + 1 for k in sorted(ends | {0})]
        levels = (f"input_blocks.{k}.0.out_layers.3" for k in firsts)
        first = "input_blocks.0.0"
    hints = [shapes[name] for name in convs if name in shapes]
    found: dict[str, Any] = {
        "conditioning_channels": hints[0][1],
        # Every second convolution is another width; the last one is that of the U-Net.
        "conditioning_embedding_out_channels": (hints[0][0], *(s[0] for s in hints[2:-1:2])),
        "block_out_channels": tuple(shapes[name][0] for name in levels if name in shapes),
    }
    if first in shapes:
        found["in_channels"] = shapes[first][1]
    text = [s[1] for n, s in shapes.items() if n.endswith("attn2.to_k")]
    if text:
        found["cross_attention_dim"] = text[0]
    flat = {len(s) == 2 for n, s in shapes.items() if n.endswith(".proj_in")}
    if flat:
        found["use_linear_projection"] = flat == {True}
    return found
