"""A checkpoint in one file, with the names that Stable Diffusion was published with first."""

from __future__ import annotations

import re

import torch

RESIDUAL = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
ENDS = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip
OPEN = {
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}  # fmt: skip


def original(pipe, *, second=False):
    """Give the tensors of a pipeline by the names of the original layout.

    ``second``: one text encoder, by the names of Stable Diffusion 2.
    """
    state = {f"model.diffusion_model.{n}": t for n, t in network(pipe.unet)}
    state |= {f"first_stage_model.{n}": t for n, t in coder(pipe.vae)}
    if second:
        spoken = open_clip(pipe.text_encoder.state_dict())
        state |= {f"cond_stage_model.model.{n}": t for n, t in spoken}
        return {n: t.detach().clone().contiguous() for n, t in state.items()}
    first = "conditioner.embedders.0" if hasattr(pipe, "text_encoder_2") else "cond_stage_model"
    state |= {
        f"{first}.transformer.text_model.{n.removeprefix('text_model.')}": t
        for n, t in pipe.text_encoder.state_dict().items()
    }
    if hasattr(pipe, "text_encoder_2"):
        spoken = open_clip(pipe.text_encoder_2.state_dict())
        state |= {f"conditioner.embedders.1.model.{n}": t for n, t in spoken}
    return {n: t.detach().clone().contiguous() for n, t in state.items()}


def network(unet):
    each = unet.config.layers_per_block + 1
    for name, tensor in unet.state_dict().items():
        stem, _, kind = name.rpartition(".")
        if stem in ENDS:
            yield f"{ENDS[stem]}.{kind}", tensor
            continue
        side, level, what, index, rest = re.fullmatch(
            r"(down|mid|up)_block(?:s\.(\d+))?\.(\w+)\.(\d+)\.(.+)", name
        ).groups()
        k, j = int(level or 0), int(index)
        if side == "mid":
            place = f"middle_block.{1 if what == 'attentions' else 2 * j}"
        elif what == "downsamplers":
            yield f"input_blocks.{(k + 1) * each}.0.op.{kind}", tensor
            continue
        elif what == "upsamplers":
            after = 2 if hasattr(unet.up_blocks[k], "attentions") else 1
            yield f"output_blocks.{k * each + each - 1}.{after}.conv.{kind}", tensor
            continue
        else:
            block = (
                f"input_blocks.{1 + k * each + j}"
                if side == "down"
                else (f"output_blocks.{k * each + j}")
            )
            place = f"{block}.{1 if what == 'attentions' else 0}"
        if what == "resnets":
            layer = rest.removesuffix(f".{kind}")
            rest = f"{RESIDUAL[layer]}.{kind}"
        yield f"{place}.{rest}", tensor


def coder(vae):
    count = len(vae.config.block_out_channels)
    attention = {
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
    }
    for name, tensor in vae.state_dict().items():
        new = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", name)
        new = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", new)
        new = re.sub(
            r"up_blocks\.(\d+)\.resnets", lambda m: f"up.{count - 1 - int(m[1])}.block", new
        )
        new = re.sub(
            r"up_blocks\.(\d+)\.upsamplers\.0",
            lambda m: f"up.{count - 1 - int(m[1])}.upsample", new,
        )  # fmt: skip
        new = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", new)
        new = new.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        if "mid_block.attentions.0." in new:
            for theirs, published in attention.items():
                new = new.replace(f"mid_block.attentions.0.{theirs}.", f"mid.attn_1.{published}.")
            yield new, tensor if tensor.ndim == 1 else tensor[:, :, None, None]
        else:
            yield new, tensor


def open_clip(state):
    state = {n.removeprefix("text_model."): t for n, t in state.items()}
    yield "token_embedding.weight", state["embeddings.token_embedding.weight"]
    yield "positional_embedding", state["embeddings.position_embedding.weight"]
    if "text_projection.weight" in state:
        yield "text_projection", state["text_projection.weight"].T
    for kind in ("weight", "bias"):
        yield f"ln_final.{kind}", state[f"final_layer_norm.{kind}"]
    for name, tensor in state.items():
        if not (found := re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)):
            continue
        k, layer, kind = found.groups()
        if layer in OPEN:
            yield f"transformer.resblocks.{k}.{OPEN[layer]}.{kind}", tensor
        elif layer == "self_attn.q_proj":
            three = [state[f"encoder.layers.{k}.self_attn.{q}_proj.{kind}"] for q in "qkv"]
            yield f"transformer.resblocks.{k}.attn.in_proj_{kind}", torch.cat(three)
