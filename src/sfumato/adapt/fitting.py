"""Whether an adapter fits a base: told before anything is learned or made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sfumato.adapt.feature_pyramid import FeaturePyramid
from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.adapt.stable_control import StableControl
from sfumato.errors import SpecError
from sfumato.generate._published_unet import PublishedUNet
from sfumato.generate.diffusion import Diffusion

__all__ = ["ANOTHER", "check_fits", "check_model", "unet_of"]

XL_LEVELS = [True, False, False]
"""Which levels of the XL kind halve before they attend."""
ANOTHER = "take an adapter that was made for this kind of checkpoint"
SHARED = ("in_channels", "cross_attention_dim", "layers_per_block", "addition_embed_type")
"""Settings that a ControlNet has in common with the U-Net that it was copied from."""


def check_fits(adapter: HintAdapter, base: Diffusion, name: str, base_name: str) -> None:
    """Refuse an adapter whose features have no place in a base.

    Args:
        adapter: of any kind.
        base: that it shall steer.
        name: how the adapter is called in an error.
        base_name: how the base is.

    Raises:
        SpecError: it was made for a U-Net of other widths or another make, or for codes
            that are more or less smaller than pictures.
    """
    if isinstance(adapter, StableControl):
        check_model(adapter.config["model"], base, name, base_name)
    if isinstance(adapter, FeaturePyramid):
        _check_pyramid(adapter, base, name, base_name)
    if adapter.reduction != base.reduction:
        raise SpecError(
            f"{name}: makes hints {adapter.reduction} times smaller, the autoencoder of "
            f"{base_name} pictures {base.reduction} times",
            hint="leave hint_widths and unshuffle out, or " + ANOTHER,
        )


def check_model(model: Mapping[str, Any], base: Diffusion, name: str, base_name: str) -> None:
    """Refuse the settings of a ``ControlNetModel`` that is of another make than a base.

    Raises:
        SpecError: a setting that they have in common differs, or the base is our own.
    """
    theirs = unet_of(base, name, base_name).config
    if "block_out_channels" in model:
        _check_widths(list(model["block_out_channels"]), base, name, base_name)
    for what in SHARED:
        own = _plain(model.get(what, theirs[what]))
        if own != _plain(theirs[what]):
            raise SpecError(
                f"{name}: was made for a U-Net with {what} {own}, "
                f"{base_name} has {_plain(theirs[what])}",
                hint=ANOTHER,
            )


def unet_of(base: Diffusion, name: str, base_name: str) -> Any:
    """Give the U-Net of diffusers in a published checkpoint.

    Raises:
        SpecError: the base has one of our own.
    """
    network: Any = base.network
    if not isinstance(network, PublishedUNet):
        raise SpecError(
            f"{name}: is made for U-Nets of diffusers, {base_name} has one of another make",
            hint="published adapters steer published checkpoints: generate.StableDiffusion",
        )
    return network.unet


def _check_pyramid(pyramid: FeaturePyramid, base: Diffusion, name: str, base_name: str) -> None:
    form, widths = pyramid.config["form"], list(pyramid.config["widths"])
    if form == "xl" and len(widths) > 1 and widths[-1] == widths[-2]:
        widths = widths[:-1]  # the last one is added behind the middle
    _check_widths(widths, base, name, base_name)
    late = _halved_unattended(base.network)
    fits = late == XL_LEVELS if form == "xl" else not any(late)
    if not fits:
        wanted = "xl" if late == XL_LEVELS else "no adapter" if any(late) else "full or light"
        raise SpecError(
            f"{name}: features of the form '{form}' have no place in the U-Net of {base_name}",
            hint=f"it takes {wanted}",
        )


def _halved_unattended(network: Any) -> list[bool]:
    """Tell for each level whether features are added behind its halving, not before.

    That is what diffusers does where a level does not look at the text.
    """
    if not isinstance(network, PublishedUNet):
        return [False] * len(network.encoder.level_channels)
    unet: Any = network.unet
    return [
        not getattr(block, "has_cross_attention", False) and block.downsamplers is not None
        for block in unet.down_blocks
    ]


def _check_widths(own: list[int], base: Diffusion, name: str, base_name: str) -> None:
    theirs = list(base.network.encoder.level_channels)
    if own != theirs:
        raise SpecError(
            f"{name}: was made for a U-Net of the widths {own}, {base_name} has {theirs}",
            hint=ANOTHER,
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value
