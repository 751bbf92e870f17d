"""The trainable copy of the encoder of a published U-Net that reads a hint."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.core.tensors import Tensor, torch
from sfumato.errors import MissingExtraError, SpecError
from sfumato.generate._published_unet import told_sizes
from sfumato.generate.asked import Asked
from sfumato.generate.find_diffusion import find_diffusion
from sfumato.generate.residuals import Residuals

__all__ = ["StableControl", "control_class", "model_settings"]

BEYOND = ("class_embed_type", "num_class_embeds", "encoder_hid_dim_type", "global_pool_conditions")
"""Settings of ControlNets that are told more than text and a hint."""
TOLD = "text_time"
"""What those of the XL kind are told besides: the whole text as one vector, and sizes."""


class StableControl(HintAdapter):
    """Copy the encoder of a published U-Net, and let the copy see a hint.

    What `ControlEncoder` is for our own U-Nets, this is for those of Stable Diffusion 1, 2
    and XL: the ControlNet of diffusers, taught here (`of`) or published (`load_control_net`).
    The copy may have another dtype than the U-Net; its answers are brought to that of the U-Net.

    Args:
        model: the settings of diffusers' ``ControlNetModel``.

    Shape:
        see `HintAdapter`; ``down`` and ``middle`` of the residuals are filled.

    Raises:
        MissingExtraError: diffusers is not installed.
        SpecError: settings that it does not take, or that ask for more than text and a hint.
        ShapeError: when called, a hint of another size or number of channels.

    References:
        L. Zhang, A. Rao, M. Agrawala. Adding Conditional Control to Text-to-Image
        Diffusion Models. ICCV, 2023. arXiv:2302.05543
    """

    _example = {
        "model": {
            "block_out_channels": (32, 64),
            "layers_per_block": 1,
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "cross_attention_dim": 16,
            "conditioning_channels": 1,
            "conditioning_embedding_out_channels": (8, 16),
        }
    }

    def __init__(self, *, model: Mapping[str, Any]) -> None:
        super().__init__()
        kind = control_class()
        known = inspect.signature(kind.__init__).parameters
        strangers = [name for name in model if name not in known]
        if strangers:
            raise SpecError(f"StableControl.model: a ControlNet takes no '{strangers[0]}'")
        try:
            self.network = kind(**model)
        except (ValueError, TypeError) as error:
            raise SpecError(f"StableControl.model: {error}") from error
        found = self.network.config
        self.told = found.addition_embed_type == TOLD
        if any(found[name] for name in BEYOND) or found.addition_embed_type not in (None, TOLD):
            raise SpecError(
                "a ControlNet with more conditions than text, or with features that are "
                "averaged over the picture, is not supported",
                hint="ControlNets of Stable Diffusion 1, 2 and XL for drawings and maps are",
            )
        self.hint_channels = int(found.conditioning_channels)
        widths = tuple(found.conditioning_embedding_out_channels)
        self.reduction = self.multiple_of = 2 ** (len(widths) - 1)

    @classmethod
    def of(
        cls, unet: Any, *, hint_channels: int = 1, hint_widths: tuple[int, ...]
    ) -> StableControl:
        """Make one for a U-Net of diffusers, in float32, with the weights of its encoder."""
        network = control_class().from_unet(
            unet,
            conditioning_embedding_out_channels=hint_widths,
            conditioning_channels=hint_channels,
        )
        return cls.around(network)

    @classmethod
    def around(cls, network: Any) -> StableControl:
        """Make one of a ``ControlNetModel`` that is there already."""
        with torch.device("meta"):  # the constructor's own weights are thrown away
            made = cls(model=model_settings(network.config))
        made.network = network
        return made

    @classmethod
    def from_published(cls, file: str | Path, *, entry: str | None = None, **settings: Any) -> Self:
        """See `sfumato.adapt.load_control_net`; ``base`` names a checkpoint of its kind."""
        from sfumato.adapt.published_control import (  # noqa: PLC0415 (it builds this)
            load_control_net,
        )

        if entry is not None or set(settings) != {"base"}:
            raise SpecError(
                "adapt.StableControl: published weights tell all but their base",
                hint="--set base=CHECKPOINT, and nothing else",
            )
        name = str(settings["base"])
        found: Any = load_control_net(file, find_diffusion(name), base_name=name)
        return found  # type: ignore[no-any-return]

    def recompute(self) -> None:
        """While learning, work features out a second time in place of keeping them."""
        self.network.enable_gradient_checkpointing()

    def forward(self, hint: Tensor, asked: Asked) -> Residuals:
        self.check_hint(hint, asked.x)
        dtype, given = self.network.dtype, asked.condition
        context, more = given.context, {}
        if self.told:
            assert given.pooled is not None, "checked against the base"
            more["added_cond_kwargs"] = {
                "text_embeds": given.pooled.to(dtype),
                "time_ids": told_sizes(asked.x, self.reduction),
            }
        down, middle = self.network(
            asked.x.to(dtype),
            asked.times,
            None if context is None else context.to(dtype),
            hint.to(dtype),
            return_dict=False,
            **more,
        )
        return Residuals(tuple(down), middle)


def control_class() -> Any:
    """Give diffusers' ``ControlNetModel``.

    Raises:
        MissingExtraError: diffusers is not installed.
    """
    try:
        import diffusers  # noqa: PLC0415 (heavy, and an extra)
    except ImportError as error:
        raise MissingExtraError(
            f"a ControlNet of Stable Diffusion needs diffusers: {error}",
            hint='pip install "sfumato[diffusion]"',
        ) from error
    kind: Any = diffusers.ControlNetModel
    return kind


def model_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the settings of a ``ControlNetModel`` from a configuration of diffusers."""
    known = inspect.signature(control_class().__init__).parameters
    named = {name: value for name, value in config.items() if name in known and name != "self"}
    return {n: tuple(v) if isinstance(v, list) else v for n, v in named.items()}
