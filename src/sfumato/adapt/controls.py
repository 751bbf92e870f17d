"""Adapters by name, for a diffusion that was loaded: what `sfumato generate --control` means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sfumato.adapt.adapter_method import AdapterMethod
from sfumato.adapt.find_published import find_published
from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.adapt.stable_control import StableControl
from sfumato.core.files import read_text
from sfumato.core.network import CONFIG, WEIGHTS, embedded_weights, find_weights, load
from sfumato.core.shapes import Image, to_unit
from sfumato.core.spec import from_spec, parse_yaml
from sfumato.core.tensors import Tensor, functional, torch
from sfumato.core.weights import read_state
from sfumato.errors import ShapeError, SpecError
from sfumato.generate._published_unet import PublishedUNet
from sfumato.generate.diffusion import Diffusion

__all__ = ["find_adapter", "hint_tensor"]

ALSO_READS = {"canny": "lines", "subpixel": "lines", "clean": "lines"}
"""Kinds of drawings that an adapter for another kind was taught to read, too."""


def find_adapter(name: str, base: Diffusion, base_name: str) -> HintAdapter:
    """Load an adapter for a base.

    Args:
        name: the kind of hint (``canny``) where an adapter ``<base>-<kind>`` comes with
            sfumato; else a folder, embedded weights, or ``hub:owner/name``. For a base
            of `generate.StableDiffusion` also a published ControlNet or T2I-Adapter: a folder
            of diffusers, a file in its layout or the original one, a folder or file of the hub.
        base: the diffusion that it shall steer.
        base_name: the name it was loaded by.

    Raises:
        FileError: there are no such weights.
        SpecError: they are no adapter, or one of another base.
        MissingExtraError: a published ControlNet, and diffusers is not installed.
    """
    kinds = (name, ALSO_READS.get(name, name))
    known = (f"{Path(base_name).name}-{kind}" for kind in kinds)
    shelf = embedded_weights()
    short = next((short for short in known if short in shelf), None)
    if short is None and name not in shelf:
        published = find_published(name, base, base_name)
        if published is not None:
            return published
    return _taught(short or name, name, base, base_name)


def _taught(weights: str, name: str, base: Diffusion, base_name: str) -> HintAdapter:
    """Load what was taught here."""
    folder = find_weights(weights)
    spec = parse_yaml(read_text(folder / CONFIG))
    kind, settings = next(iter(spec.items())) if isinstance(spec, dict) and spec else (None, None)
    settings = settings if isinstance(settings, dict) else {}
    if settings.get("unlocked"):
        raise SpecError(
            f"{name}: the decoder of its base learned along, and {base_name} does not know it",
            hint="load(...).predict of Python uses both",
        )
    published = isinstance(base.network, PublishedUNet)
    if published and _names_same(settings.get("base"), base_name):
        # The base is there already, and large.
        with torch.random.fork_rng(devices=[]):
            found = from_spec({kind: {**settings, "base": base}})
        found.put_state(read_state(folder / WEIGHTS, name), name)
    else:
        found = load(weights)
    if not isinstance(found, AdapterMethod):
        raise SpecError(
            f"{name}: holds {type(found).__name__}, no adapter",
            hint="name what 'sfumato train' made of ControlNet or T2IAdapter",
        )
    _check_same(found.base, base, name, base_name)
    adapter = found.adapter.requires_grad_(False).eval()
    if isinstance(adapter, StableControl):  # as fast as its base
        adapter.to(next(base.network.parameters()).dtype)
    return adapter


def _names_same(base: Any, base_name: str) -> bool:
    """Tell whether a base, as a config has it, is the one of that name."""
    if isinstance(base, dict) and len(base) == 1:
        base = next(iter(base.values()))
        base = base.get("checkpoint") if isinstance(base, dict) else None
    return isinstance(base, str) and base == base_name


def _check_same(own: Diffusion, base: Diffusion, name: str, base_name: str) -> None:
    """Refuse an adapter that was taught to other weights."""
    theirs, ours = own.network.state_dict(), base.network.state_dict()
    shapes = {k: v.shape for k, v in theirs.items()} == {k: v.shape for k, v in ours.items()}
    if not shapes:
        widths = [d.network.encoder.level_channels for d in (own, base)]
        raise SpecError(
            f"{name}: was made for a U-Net of the widths {widths[0]}, {base_name} has {widths[1]}",
            hint="take the adapter of this base, or train one",
        )
    first = next(iter(ours))
    if not torch.allclose(theirs[first], ours[first].to(theirs[first]), atol=1e-2):
        raise SpecError(
            f"{name}: was taught to other weights than {base_name}",
            hint="take the adapter of this base, or train one",
        )


def hint_tensor(
    hint: Image, adapter: HintAdapter, size: tuple[int, int], *, resize: bool, who: str
) -> Tensor:
    """Make what an adapter reads of a picture.

    One channel serves an adapter of three; of three channels one of one takes the mean.

    Args:
        hint: (h, w, c).
        adapter: reads it.
        size: height and width of the picture that shall be made.
        resize: bring a hint of another size to it.
        who: how the hint is called in an error.

    Shape:
        returns (1, hint_channels, h, w), values in 0..1.

    Raises:
        ShapeError: another size that may not be changed, or channels that do not serve.
    """
    planes = torch.from_numpy(to_unit(hint)).permute(2, 0, 1)[None]
    have, wanted = planes.shape[1], adapter.hint_channels
    if have == 4:
        planes, have = planes[:, :3] * planes[:, 3:], 3
    if have != wanted and have == 1:
        planes = planes.expand(-1, wanted, -1, -1)
    elif have != wanted and wanted == 1:
        planes = planes.mean(dim=1, keepdim=True)
    elif have != wanted:
        raise ShapeError(f"{who}: the hint has {have} channels, the adapter reads {wanted}")
    if tuple(planes.shape[-2:]) != tuple(size):
        if not resize:
            raise ShapeError(
                f"{who}: the hint is {hint.shape[1]} x {hint.shape[0]} px, "
                f"the picture {size[1]} x {size[0]}",
                hint="--resize-hints brings it to the size of the picture",
            )
        planes = functional.interpolate(planes, tuple(size), mode="area")
    return planes.contiguous()
