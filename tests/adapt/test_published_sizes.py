"""Published networks have their published sizes, and ours have the same where they meet."""

from __future__ import annotations

import pytest
import torch

from sfumato.adapt.control_encoder import HintEncoder
from sfumato.adapt.steer import guess_strengths

diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

SD1 = {"cross_attention_dim": 768, "attention_head_dim": 8}
SD2 = {
    "cross_attention_dim": 1024,
    "attention_head_dim": (5, 10, 20, 20),
    "use_linear_projection": True,
}


def size(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("settings", "base", "control"),
    [(SD1, 859_520_964, 361_279_120), (SD2, 865_910_724, 364_228_240)],
)
def test_stable_diffusion_and_its_control_nets(settings, base, control):
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(**settings)
        steering = diffusers.ControlNetModel(**settings)
        own = HintEncoder(3, (16, 32, 96, 256), 320)
    assert size(unet) == base
    assert size(steering) == control
    theirs = steering.controlnet_cond_embedding
    assert size(own) == size(theirs) == 1_086_480
    shapes = [sorted(tuple(p.shape) for p in encoder.parameters()) for encoder in (own, theirs)]
    assert shapes[0] == shapes[1]
    outputs = len(steering.controlnet_down_blocks) + 1
    assert len(guess_strengths(outputs)) == 13
    assert guess_strengths(outputs)[6] == pytest.approx(0.825**6)


def test_the_text_encoder_of_stable_diffusion():
    config = transformers.CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12
    )
    with torch.device("meta"):
        assert size(transformers.CLIPTextModel(config)) == 123_060_480


def test_the_hint_encoder_is_that_of_the_library():
    torch.manual_seed(0)
    own = HintEncoder(3, (4, 8, 8, 16), 12)
    from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding

    theirs = ControlNetConditioningEmbedding(12, 3, (4, 8, 8, 16))
    layers = [m for m in own if isinstance(m, torch.nn.Conv2d)]
    for layer, other in zip(layers, (theirs.conv_in, *theirs.blocks, theirs.conv_out), strict=True):
        assert (layer.stride, layer.padding) == (other.stride, other.padding)
        torch.nn.init.normal_(layer.weight, std=0.3)
        other.load_state_dict(layer.state_dict())
    hint = torch.rand(2, 3, 24, 40)
    with torch.no_grad():
        torch.testing.assert_close(own(hint), theirs(hint))
