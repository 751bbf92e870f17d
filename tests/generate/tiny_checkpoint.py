"""A checkpoint of Stable Diffusion with a few random weights, as its own library writes it."""

from __future__ import annotations

import torch


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


def pipeline(*, prediction="epsilon", channels=(32, 64)):
    """Build the parts and the library's own pipeline."""
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    words = tokenizer()
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=channels,
        layers_per_block=1, cross_attention_dim=16, attention_head_dim=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(32, 32), latent_channels=4, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=16,
            bos_token_id=len(words) - 2, eos_token_id=len(words) - 1,
        )
    )  # fmt: skip
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
        set_alpha_to_one=False, steps_offset=1, prediction_type=prediction,
    )  # fmt: skip
    found = StableDiffusionPipeline(
        unet=awake(unet, 1), vae=awake(vae, 2), text_encoder=awake(text, 3), tokenizer=words,
        scheduler=scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    found.set_progress_bar_config(disable=True)
    return found
