"""A U-Net of diffusers in the place of our own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import SpecError
from sfumato.generate.residuals import Residuals

__all__ = ["PublishedUNet", "told_sizes"]

TOLD_SIZES = 6
"""Numbers by which a network of the XL kind is told sizes; its refiner takes 5."""
SUPPORTED = "checkpoints of Stable Diffusion 1, 2 and XL (base) that make pictures from text are"


def told_sizes(x: Tensor, reduction: int) -> Tensor:
    """Give what networks of the XL kind are told of the size of pictures.

    Height and width that a picture was taken from, top and left of where it was cut out, and
    height and width that it shall have: a whole picture of its own size.

    Args:
        x: latents.
        reduction: pixels of a picture along one side of a latent.

    Shape:
        x (n, c, h, w); returns (n, 6) float32, in pixels.
    """
    height, width = (side * reduction for side in x.shape[-2:])
    told = torch.tensor([height, width, 0, 0, height, width], dtype=torch.float32)
    return told.to(x.device, non_blocking=True).expand(len(x), -1)


class PublishedUNet(nn.Module):
    """A text-conditioned U-Net of diffusers, asked as ours is.

    Args:
        unet: the network.
        reduction: pixels of a picture along one side of what it works on.
        pooled: length of the vector for the whole text, where there is one.

    Raises:
        SpecError: it wants to be told more than text, that vector, and sizes.
    """

    def __init__(self, unet: Any, *, reduction: int = 1, pooled: int | None = None) -> None:
        super().__init__()
        self.unet, self.reduction = unet, reduction
        config = unet.config
        self.told = config.addition_embed_type is not None
        _check(unet, pooled)
        self.config: dict[str, Any] = {
            "channels_in": config.in_channels,
            "channels_out": config.out_channels,
            "context": config.cross_attention_dim,
        }
        self.multiple_of = 1  # diffusers brings odd sides together again
        self.encoder = SimpleNamespace(label=None, level_channels=list(config.block_out_channels))

    def forward(
        self,
        x: Tensor,
        times: Tensor,
        *,
        label: Tensor | None = None,
        context: Tensor | None = None,
        pooled: Tensor | None = None,
        residuals: Residuals | None = None,
    ) -> Tensor:
        """Answer noisy latents, in their dtype."""
        dtype = self.unet.dtype
        more: dict[str, Any] = {}
        if self.told:
            assert pooled is not None, "checked when the checkpoint was loaded"
            more["added_cond_kwargs"] = {
                "text_embeds": pooled.to(dtype),
                "time_ids": told_sizes(x, self.reduction),
            }
        if residuals is not None and residuals.down:
            middle = residuals.middle
            more["down_block_additional_residuals"] = tuple(r.to(dtype) for r in residuals.down)
            more["mid_block_additional_residual"] = (
                torch.zeros((), dtype=dtype, device=x.device)
                if middle is None
                else middle.to(dtype)
            )
        if residuals is not None and residuals.levels:
            # The network takes them off its list: it gets one of its own at each question.
            more["down_intrablock_additional_residuals"] = [
                r.to(dtype).clone() for r in residuals.levels
            ]
        context = None if context is None else context.to(dtype)
        answer = self.unet(x.to(dtype), times, context, return_dict=False, **more)[0]
        return torch.as_tensor(answer).to(x.dtype)


def _check(unet: Any, pooled: int | None) -> None:
    config = unet.config
    kind = config.addition_embed_type
    odd = {
        "a class": config.class_embed_type or config.num_class_embeds,
        "the strength of guidance (a distilled consistency model)": config.time_cond_proj_dim,
        "pictures": config.encoder_hid_dim_type,
        kind: kind not in (None, "text_time"),
    }
    for what, there in odd.items():
        if there:
            raise SpecError(
                f"a U-Net that is told {what} besides the text is not supported", hint=SUPPORTED
            )
    if config.in_channels != config.out_channels:
        raise SpecError(
            f"a U-Net of {config.in_channels} channels that answers with {config.out_channels} "
            "(for inpainting, depth or edits) is not supported",
            hint=f"{SUPPORTED}; fill_in=True fills holes with any of them",
        )
    if (kind == "text_time") != (pooled is not None):
        raise SpecError(
            "the U-Net wants two text encoders, there is one"
            if pooled is None
            else "the U-Net takes one text encoder, there are two",
            hint="U-Net and text encoders must come from one checkpoint",
        )
    if pooled is None:
        return
    have, each = unet.add_embedding.linear_1.in_features, config.addition_time_embed_dim
    if have != each * TOLD_SIZES + pooled:
        raise SpecError(
            f"the U-Net is told {have} numbers besides the text, {TOLD_SIZES} sizes of {each} and "
            f"a text of {pooled} are {each * TOLD_SIZES + pooled}",
            hint=SUPPORTED,
        )
