"""Published weights, checked against another implementation of the same network."""

from __future__ import annotations

import pytest
import torch

from sfumato.errors import FileError
from sfumato.generate.improved_diffusion import (
    load_improved_diffusion,
    published_names,
    settings_from_published,
)
from sfumato.generate.unet import UNet

KINDS = {
    "plain": {"attention_at": (2, 4)},
    "three widths": {"multipliers": (1, 2, 3), "attention_at": (4,), "blocks": 2},
    "by class": {"classes": 5, "attention_at": (2,)},
    "added": {"steered": "add", "attention_at": (2,)},
    "guided": {"resample_blocks": True, "attention_at": (2, 4), "blocks": 2},
    "one level more": {"multipliers": (1, 1, 2, 2), "attention_at": (8,)},
    "one level alone": {"multipliers": (1,), "attention_at": (1,)},
    "narrower below": {"multipliers": (2, 1), "attention_at": (2,), "resample_blocks": True},
}


def made(**more):
    torch.manual_seed(0)
    settings = {
        "channels_out": 6, "channels": 32, "multipliers": (1, 2, 2), "blocks": 1, "heads": 4,
    }  # fmt: skip
    net = UNet(**settings | more)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net.eval()


def as_published(net):
    """The state as it was published: other names, qkv by head, attention as convolutions."""
    state = {}
    for own, name in published_names(net).items():
        value = net.state_dict()[own].clone()
        if ".qkv." in own:
            value = value.reshape(3, 4, -1, *value.shape[1:]).transpose(0, 1).reshape(value.shape)
        if ("qkv.weight" in name) or ("proj_out.weight" in name):
            value = value[..., None]
        state[name] = value
    return state


@pytest.mark.parametrize("kind", KINDS)
def test_settings_and_weights_come_back_exactly(kind, tmp_path):
    net = made(**KINDS[kind])
    state = as_published(net)
    assert len(state) == len(net.state_dict())
    torch.save(state, tmp_path / "model.pt")
    again = load_improved_diffusion(tmp_path / "model.pt", heads=4)
    assert again.config == net.config
    for name, value in net.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_names_and_shapes_are_the_published_ones():
    state = as_published(made(classes=5, attention_at=(2,)))
    assert state["input_blocks.0.0.weight"].shape == (32, 3, 3, 3)
    assert state["input_blocks.2.0.op.weight"].shape == (32, 32, 3, 3)
    assert state["input_blocks.3.1.qkv.weight"].shape == (192, 64, 1)
    assert state["middle_block.1.proj_out.weight"].shape == (64, 64, 1)
    assert state["output_blocks.0.0.in_layers.2.weight"].shape == (64, 128, 3, 3)
    assert state["output_blocks.1.1.conv.weight"].shape == (64, 64, 3, 3)
    assert state["output_blocks.3.2.conv.weight"].shape == (64, 64, 3, 3)
    assert state["label_emb.weight"].shape == (5, 128)
    assert state["out.2.bias"].shape == (6,)


def peer_of(net, classes=None):
    """The same network by diffusers, with the traps of its conversion stepped around."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(1)
    attention = (False, True, False)
    peer = diffusers.UNet2DModel(
        in_channels=3, out_channels=6, block_out_channels=(32, 64, 64), layers_per_block=1,
        down_block_types=tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in attention),
        up_block_types=tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in attention[::-1]),
        resnet_time_scale_shift="scale_shift", attn_norm_num_groups=32, downsample_padding=1,
        norm_eps=1e-5, attention_head_dim=16, num_class_embeds=classes, flip_sin_to_cos=True,
        freq_shift=0,
    )  # fmt: skip
    for module in peer.modules():
        if hasattr(module, "heads"):
            module.heads = 4
            module.scale = (module.inner_dim // 4) ** -0.5
    for parameter in peer.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return peer.eval()


def published_state_of_peer(peer, names):
    """Write the peer's weights in the published layout."""
    theirs = peer.state_dict()
    residual = {
        "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj",
        "out_layers.0": "norm2", "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
    }  # fmt: skip
    places = {
        "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
        "input_blocks.0.0": "conv_in", "out.0": "conv_norm_out", "out.2": "conv_out",
        "label_emb": "class_embedding", "middle_block.0": "mid_block.resnets.0",
        "middle_block.1": "mid_block.attentions.0", "middle_block.2": "mid_block.resnets.1",
        "input_blocks.1.0": "down_blocks.0.resnets.0",
        "input_blocks.2.0.op": "down_blocks.0.downsamplers.0.conv",
        "input_blocks.3.0": "down_blocks.1.resnets.0",
        "input_blocks.3.1": "down_blocks.1.attentions.0",
        "input_blocks.4.0.op": "down_blocks.1.downsamplers.0.conv",
        "input_blocks.5.0": "down_blocks.2.resnets.0",
        "output_blocks.0.0": "up_blocks.0.resnets.0", "output_blocks.1.0": "up_blocks.0.resnets.1",
        "output_blocks.1.1.conv": "up_blocks.0.upsamplers.0.conv",
        "output_blocks.2.0": "up_blocks.1.resnets.0", "output_blocks.3.0": "up_blocks.1.resnets.1",
        "output_blocks.2.1": "up_blocks.1.attentions.0",
        "output_blocks.3.1": "up_blocks.1.attentions.1",
        "output_blocks.3.2.conv": "up_blocks.1.upsamplers.0.conv",
        "output_blocks.4.0": "up_blocks.2.resnets.0", "output_blocks.5.0": "up_blocks.2.resnets.1",
    }  # fmt: skip
    state = {}
    for name in names:
        layer, _, part = name.rpartition(".")
        place = next(p for p in sorted(places, key=len, reverse=True) if layer.startswith(p))
        inner = layer[len(place) + 1 :]
        if inner == "qkv":
            rows = [theirs[f"{places[place]}.to_{kind}.{part}"] for kind in "qkv"]
            by_head = torch.stack([row.unflatten(0, (4, -1)) for row in rows], dim=1)
            value = by_head.flatten(0, 2)
        elif inner == "proj_out":
            value = theirs[f"{places[place]}.to_out.0.{part}"]
        else:
            theirs_inner = {"norm": "group_norm", "": ""} | residual
            value = theirs[".".join(p for p in (places[place], theirs_inner[inner], part) if p)]
        if inner in ("qkv", "proj_out") and part == "weight":
            value = value[..., None]
        state[name] = value.clone()
    return state


@pytest.mark.parametrize("classes", [None, 7])
def test_another_implementation_gives_the_same_answer(classes, tmp_path):
    own = made(attention_at=(2,), classes=classes)
    peer = peer_of(own, classes)
    state = published_state_of_peer(peer, published_names(own).values())
    torch.save(state, tmp_path / "model.pt")
    ours = load_improved_diffusion(tmp_path / "model.pt")
    rng = torch.Generator().manual_seed(2)
    x, times = torch.randn(2, 3, 16, 16, generator=rng), torch.tensor([17, 803])
    label = None if classes is None else torch.tensor([1, 6])
    with torch.no_grad():
        found = ours(x, times, label=label)
        expected = peer(x, times, class_labels=label).sample
    assert expected.std() > 0.05
    torch.testing.assert_close(found, expected, atol=2e-5 * float(expected.abs().max()), rtol=0)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(FileError, match="another layout"):
        load_improved_diffusion(tmp_path / "other.pt")


def test_an_entry_without_a_place_is_refused(tmp_path):
    state = as_published(made(**KINDS["plain"]))
    torch.save(state | {"input_blocks.1.0.extra": torch.zeros(1)}, tmp_path / "more.pt")
    with pytest.raises(FileError, match="has no place for"):
        load_improved_diffusion(tmp_path / "more.pt")
    del state["out.2.bias"]
    torch.save(state, tmp_path / "less.pt")
    with pytest.raises(FileError, match="lacks"):
        load_improved_diffusion(tmp_path / "less.pt")


def test_settings_of_the_largest_published_network_are_read_from_shapes():
    with torch.device("meta"):
        net = UNet(
            channels_out=6, channels=256, multipliers=(1, 1, 2, 2, 4, 4),
            attention_at=(8, 16, 32), head_width=64, resample_blocks=True,
        )  # fmt: skip
        state = {name: net.state_dict()[own] for own, name in published_names(net).items()}
    found = settings_from_published(state)
    assert UNet_settings(net) == found


def UNet_settings(net):
    return {k: v for k, v in net.config.items() if k in settings_from_published_names()}


def settings_from_published_names():
    return (
        "channels_in", "channels_out", "channels", "multipliers", "blocks", "attention_at",
        "classes", "steered", "resample_blocks",
    )  # fmt: skip
