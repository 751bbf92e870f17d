"""Weights in the layout in which the improved and the guided diffusion models were published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sfumato.core.tensors import Tensor
from sfumato.core.weights import fit, read_state
from sfumato.errors import FileError
from sfumato.generate.unet import UNet
from sfumato.generate.unet_parts import UNetBlock
from sfumato.nn.residual import ResidualBlock

__all__ = ["load_improved_diffusion", "published_names", "settings_from_published"]

WHO = "load_improved_diffusion"


def load_improved_diffusion(
    path: str | Path, *, heads: int = 4, head_width: int | None = None
) -> UNet:
    """Load a published checkpoint: settings from the shapes, weights exactly.

    The number of attention heads leaves no trace in the weights and must be told:
    4 for the models of CIFAR-10 and ImageNet, 1 for LSUN, heads of 64 for guided ones.

    Args:
        path: a ``.pt`` or ``.safetensors`` file of tensors; its code is not run.
        heads: attention heads.
        head_width: width of a head, in place of their number.

    Raises:
        FileError: the file is damaged, of another layout, or an entry has no place.
    """
    state = read_state(Path(path), WHO)
    settings = settings_from_published(state)
    network = UNet(**settings, heads=heads, head_width=head_width)
    fit(network, _renamed(network, state), f"{WHO}: {path}", ())
    return network.eval()


def settings_from_published(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Read the settings of a `UNet` from the names and shapes of published weights.

    Raises:
        FileError: the names are of another layout.
    """
    try:
        return _settings(state)
    except (KeyError, IndexError, ValueError) as error:
        raise FileError(
            f"{WHO}: the weights are of another layout, there is no {error}",
            hint="expected time_embed, input_blocks, middle_block, output_blocks and out",
        ) from error


def _settings(state: Mapping[str, Tensor]) -> dict[str, Any]:
    stem = state["input_blocks.0.0.weight"]
    channels = state["time_embed.0.weight"].shape[1]
    widths: list[int] = []
    counts = [0]
    attention_at: list[int] = []
    last = max(int(name.split(".")[1]) for name in state if name.startswith("input_blocks."))
    width = stem.shape[0]
    convolved, doubled = _reductions(state, last)
    for k in range(1, last + 1):
        if k in convolved or k in doubled:
            widths.append(width)
            counts.append(0)
            continue
        width = state[f"input_blocks.{k}.0.in_layers.2.weight"].shape[0]
        counts[-1] += 1
        if f"input_blocks.{k}.1.qkv.weight" in state and 2 ** len(widths) not in attention_at:
            attention_at.append(2 ** len(widths))
    widths.append(width)
    steer = state["middle_block.0.emb_layers.1.weight"].shape[0]
    label = state.get("label_emb.weight")
    return {
        "channels_in": stem.shape[1],
        "channels_out": state["out.2.weight"].shape[0],
        "channels": channels,
        "multipliers": tuple(w // channels for w in widths),
        "blocks": counts[0],
        "attention_at": tuple(attention_at),
        "classes": None if label is None else label.shape[0],
        "steered": "scale" if steer == 2 * width else "add",
        "resample_blocks": bool(doubled),
    }


def _reductions(state: Mapping[str, Tensor], last: int) -> tuple[set[int], set[int]]:
    """Find which input blocks halve the size: by convolution, or as residual blocks.

    A residual block that halves looks like any other. Each level of the encoder has n
    blocks and one of those, the decoder n + 1 a level: that gives n.
    """
    convolved = {k for k in range(1, last + 1) if f"input_blocks.{k}.0.op.weight" in state}
    if convolved:
        return convolved, set()
    blocks = [int(name.split(".")[1]) for name in state if name.startswith("output_blocks.")]
    # Both halves have (n + 1) blocks a level, but the last of the encoder halves nothing more.
    total = max(blocks) + 1
    grows = {
        int(name.split(".")[1])
        for name in state
        if name.startswith("output_blocks.")
        and name.endswith(".in_layers.0.weight")
        and name.split(".")[2] != "0"
    }
    each = min(grows) + 1 if grows else total
    return set(), {k for k in range(each, last + 1, each)}


def published_names(network: UNet) -> dict[str, str]:
    """Give the published name of each entry of a `UNet`, by its own name."""
    return dict(_pairs(network))


def _pairs(network: UNet) -> Iterator[tuple[str, str]]:
    encoder, decoder = network.encoder, network.decoder
    yield from _layer("encoder.time.first", "time_embed.0")
    yield from _layer("encoder.time.second", "time_embed.2")
    if encoder.label is not None:
        yield "encoder.label.weight", "label_emb.weight"
    yield from _layer("encoder.stem", "input_blocks.0.0")
    for k, block in enumerate(encoder.blocks):
        own, published = f"encoder.blocks.{k}", f"input_blocks.{k + 1}"
        if isinstance(block, UNetBlock):
            yield from _block(block, own, published)
        else:
            yield from _layer(f"{own}.resample", f"{published}.0.op")
    first = encoder.middle[0]
    assert isinstance(first, UNetBlock)
    yield from _residual(first.residual, "encoder.middle.0.residual", "middle_block.0")
    yield from _attention("encoder.middle.0.attention", "middle_block.1")
    second = encoder.middle[1]
    assert isinstance(second, UNetBlock)
    yield from _residual(second.residual, "encoder.middle.1.residual", "middle_block.2")
    for k, block in enumerate(decoder.blocks):
        assert isinstance(block, UNetBlock)
        yield from _block(block, f"decoder.blocks.{k}", f"output_blocks.{k}")
    yield from _layer("decoder.norm", "out.0")
    yield from _layer("decoder.out", "out.2")


def _layer(own: str, published: str) -> Iterator[tuple[str, str]]:
    for part in ("weight", "bias"):
        yield f"{own}.{part}", f"{published}.{part}"


def _block(block: UNetBlock, own: str, published: str) -> Iterator[tuple[str, str]]:
    yield from _residual(block.residual, f"{own}.residual", f"{published}.0")
    place = 1
    if block.attention is not None:
        yield from _attention(f"{own}.attention", f"{published}.{place}")
        place += 1
    if isinstance(block.grow, ResidualBlock):
        yield from _residual(block.grow, f"{own}.grow", f"{published}.{place}")
    elif block.grow is not None:
        yield from _layer(f"{own}.grow.conv", f"{published}.{place}.conv")


def _residual(block: ResidualBlock, own: str, published: str) -> Iterator[tuple[str, str]]:
    parts = {
        "norm_in": "in_layers.0",
        "conv_in": "in_layers.2",
        "film": "emb_layers.1",
        "norm_out": "out_layers.0",
        "conv_out": "out_layers.3",
    }
    for mine, theirs in parts.items():
        yield from _layer(f"{own}.{mine}", f"{published}.{theirs}")
    if any(True for _ in block.shortcut.parameters()):
        yield from _layer(f"{own}.shortcut", f"{published}.skip_connection")


def _attention(own: str, published: str) -> Iterator[tuple[str, str]]:
    for mine, theirs in {"norm": "norm", "qkv": "qkv", "out": "proj_out"}.items():
        yield from _layer(f"{own}.{mine}", f"{published}.{theirs}")


def _renamed(network: UNet, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    heads = {
        f"{name}.qkv": module.heads
        for name, module in network.named_modules()
        if name.endswith("attention")
    }
    found: dict[str, Tensor] = {}
    names = published_names(network)
    for own, published in names.items():
        if published not in state:
            continue  # `fit` tells what is missing
        value = state[published]
        layer = own.rpartition(".")[0]
        if layer.endswith("attention.qkv"):
            value = _by_kind(value, heads[layer])
        if layer.endswith(("attention.qkv", "attention.out")) and value.ndim == 3:
            value = value[..., 0]  # published as a convolution of length 1
        found[own] = value
    strangers = {name: value for name, value in state.items() if name not in names.values()}
    return found | strangers


def _by_kind(value: Tensor, heads: int) -> Tensor:
    """Sort rows from (head, kind, width) to (kind, head, width)."""
    width = value.shape[0] // (3 * heads)
    sorted_ = value.reshape(heads, 3, width, *value.shape[1:]).transpose(0, 1)
    return sorted_.reshape(value.shape)
