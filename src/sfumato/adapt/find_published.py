"""Published ControlNets and T2I-Adapters, by name, as adapters of a published checkpoint."""

from __future__ import annotations

from sfumato.adapt.fitting import ANOTHER, check_fits
from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.adapt.published_control import control_of, is_control
from sfumato.adapt.published_files import is_published, place_of, read_published
from sfumato.adapt.published_pyramid import is_pyramid, pyramid_of
from sfumato.errors import SpecError
from sfumato.generate._published_unet import PublishedUNet
from sfumato.generate.diffusion import Diffusion

__all__ = ["find_published"]

WHO = "find_adapter"
KINDS = ("ControlNetModel", "T2IAdapter", None)


def find_published(name: str, base: Diffusion, base_name: str) -> HintAdapter | None:
    """Load a published adapter for a published checkpoint; None where there is none.

    Args:
        name: a folder as diffusers saves it (``config.json`` and weights), a file of a
            ControlNet or T2I-Adapter in either layout, ``hub:owner/name``, or a folder or
            a file in it.
        base: the diffusion that it shall steer.
        base_name: the name it was loaded by.

    Raises:
        MissingExtraError: a ControlNet, and diffusers is not installed.
        FileError: it is damaged, not whole, or the hub is out of reach.
        SpecError: a network of another kind, or one for another kind of base.
    """
    path = place_of(name, WHO)
    if not is_published(path):
        return None
    if not isinstance(base.network, PublishedUNet):
        raise SpecError(
            f"{name}: is a published adapter, and {base_name} holds {type(base).__name__}",
            hint="published adapters steer published checkpoints: generate.StableDiffusion",
        )
    state, about = read_published(path, WHO)
    kind = about.get("_class_name")
    if kind not in KINDS:
        raise SpecError(f"{name}: holds {kind}, no ControlNet or T2IAdapter", hint=ANOTHER)
    adapter: HintAdapter
    if kind == "ControlNetModel" or is_control(state):
        adapter = control_of(state, about, base, name, base_name)
    elif kind == "T2IAdapter" or is_pyramid(state):
        adapter = pyramid_of(state, name, about, base.reduction)
    else:
        raise SpecError(
            f"{name}: holds neither a ControlNet nor a T2I-Adapter, but '{next(iter(state), '')}'",
            hint=ANOTHER,
        )
    check_fits(adapter, base, name, base_name)
    return adapter.requires_grad_(False).eval()
