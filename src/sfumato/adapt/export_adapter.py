"""What was taught here, in the layouts that other programs read."""

from __future__ import annotations

from pathlib import Path

from sfumato.adapt.adapter_method import AdapterMethod
from sfumato.adapt.feature_pyramid import FeaturePyramid
from sfumato.adapt.published_control import export_control_net
from sfumato.adapt.published_pyramid import Layout, export_t2i_adapter
from sfumato.adapt.stable_control import StableControl
from sfumato.core.network import Network
from sfumato.errors import SpecError

__all__ = ["export_adapter"]


def export_adapter(taught: Network, path: str | Path, layout: Layout) -> None:
    """Write an adapter in a published layout: what `sfumato export` does.

    Args:
        taught: a method that `sfumato train` saved, or its adapter.
        path: a folder for ``diffusers``, a ``.safetensors`` file for ``original``.
        layout: of diffusers, or of the authors' own programs.

    Raises:
        FileError: it cannot be written, or the file has another ending.
        SpecError: no adapter, or one of a kind that was never published.
    """
    adapter = taught.adapter if isinstance(taught, AdapterMethod) else taught
    if isinstance(adapter, StableControl):
        export_control_net(adapter, path, layout)
    elif isinstance(adapter, FeaturePyramid):
        export_t2i_adapter(adapter, path, layout)
    else:
        raise SpecError(
            f"{type(adapter).__name__} has no published layout",
            hint="ControlNets of Stable Diffusion and T2I-Adapters have",
        )
