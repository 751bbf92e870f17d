"""Checkpoints of Stable Diffusion with a few random weights, as their own library writes them."""

from __future__ import annotations

import pytest
import torch

NOISY_LIBRARIES = [
    pytest.mark.filterwarnings(f"ignore::{kind}")
    for kind in ("DeprecationWarning", "FutureWarning", "UserWarning")
]
"""Marks of tests that use diffusers and transformers, which warn of themselves."""

SCALED = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def tokenizer():
    from transformers import CLIPTokenizer

    letters = [chr(c) for c in range(33, 127)]
    pieces = letters + [f"{c}</w>" for c in letters]
    vocabulary = {piece: k for k, piece in enumerate(pieces)}
    vocabulary |= {"<|startoftext|>": len(vocabulary), "<|endoftext|>": len(vocabulary) + 1}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=16)


def awake(module, seed):
    rng = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.ndim > 1:
            bound = parameter[0].numel() ** -0.5
            parameter.data = bound * torch.randn(parameter.shape, generator=rng)
    return module.eval()


def autoencoder():
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(32, 32), latent_channels=4, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def text_config(words, width, **more):
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=len(words), hidden_size=width, intermediate_size=32, num_hidden_layers=3,
        num_attention_heads=2, max_position_embeddings=16,
        bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, **more,
    )  # fmt: skip


def unet(channels=(32, 64), **more):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**{
        "sample_size": 8, "in_channels": 4, "out_channels": 4, "block_out_channels": channels,
        "layers_per_block": 1, "cross_attention_dim": 16, "attention_head_dim": 8,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), **more,
    })  # fmt: skip


def pipeline(*, prediction="epsilon", channels=(32, 64), scheduler=None):
    """Build the parts and the library's own pipeline."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    from transformers import CLIPTextModel

    torch.manual_seed(0)
    words = tokenizer()
    scheduler = scheduler or DDIMScheduler(
        **SCALED, clip_sample=False, set_alpha_to_one=False, steps_offset=1,
        prediction_type=prediction,
    )  # fmt: skip
    found = StableDiffusionPipeline(
        unet=awake(unet(channels), 1), vae=awake(autoencoder(), 2),
        text_encoder=awake(CLIPTextModel(text_config(words, 16)), 3), tokenizer=words,
        scheduler=scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    found.set_progress_bar_config(disable=True)
    return found


def xl_pipeline(*, prediction="epsilon", zeros=True, scheduler=None, attending=1):
    """Build the parts and the library's own pipeline, of the XL kind (two levels attend there)."""
    from diffusers import DDIMScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    words = tokenizer()
    second = text_config(words, 24, projection_dim=20, hidden_act="gelu")
    network = unet(
        (32, 64, 64)[: 1 + attending], cross_attention_dim=40,
        addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 20, use_linear_projection=True,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * attending),
        up_block_types=(*("CrossAttnUpBlock2D",) * attending, "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 2)[: 1 + attending],
    )  # fmt: skip
    scheduler = scheduler or DDIMScheduler(
        **SCALED, clip_sample=False, set_alpha_to_one=False, steps_offset=1,
        prediction_type=prediction,
    )  # fmt: skip
    found = StableDiffusionXLPipeline(
        unet=awake(network, 1), vae=awake(autoencoder(), 2),
        text_encoder=awake(CLIPTextModel(text_config(words, 16)), 3), tokenizer=words,
        text_encoder_2=awake(CLIPTextModelWithProjection(second), 4), tokenizer_2=tokenizer(),
        scheduler=scheduler, force_zeros_for_empty_prompt=zeros, add_watermarker=False,
    )  # fmt: skip
    found.set_progress_bar_config(disable=True)
    return found
