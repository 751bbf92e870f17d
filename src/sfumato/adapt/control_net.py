"""ControlNet: a diffusion learns to follow a hint, and forgets nothing."""

from __future__ import annotations

from typing import Annotated, Any

from sfumato.adapt.adapter_method import AdapterMethod, Times
from sfumato.adapt.control_encoder import ControlEncoder, usual_widths
from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.adapt.stable_control import StableControl
from sfumato.core.bounds import Between
from sfumato.generate._published_unet import PublishedUNet
from sfumato.generate.diffusion import Diffusion

__all__ = ["ControlNet"]


class ControlNet(AdapterMethod):
    """Teach a copy of a U-Net's encoder to read hints for the frozen original.

    The copy starts as the original and speaks through layers that start at zero, so
    the first step changes nothing and no step can spoil what the base knows. Half of
    the captions are left out while learning, so that the hint itself gets a meaning.
    Learning often shows no effect for long and then all of it within a few hundred steps.

    On Stable Diffusion the copy is the ControlNet of diffusers, and ``export_control_net``
    writes it in the layouts that were published.

    Args:
        base: the diffusion: the name or folder of weights, a checkpoint of Stable Diffusion
            (folder, file, ``hub:owner/name``), or a method.
        hint_channels: of the hints: 1 for drawings and depth, 3 for color.
        hint_widths: of the hint's encoder; each but the first halves the size. None for as
            many as the codes of the base are smaller than its pictures.
        drop: share of captions that are left out while learning; 0 for dense labels.
        times: ``uniform`` as published; ``cubic`` learns noisy steps more often.
        unlocked: let the base's decoder learn too, and save it; use a small rate.
        recompute: on Stable Diffusion: work features out twice while learning in place of
            keeping them; slower, in much less memory.

    Raises:
        FileError: there are no such weights.
        SpecError: the base is no diffusion, or a setting does not fit it.

    References:
        L. Zhang, A. Rao, M. Agrawala. Adding Conditional Control to Text-to-Image
        Diffusion Models. ICCV, 2023. arXiv:2302.05543
    """

    def __init__(
        self,
        *,
        base: Diffusion | str,
        hint_channels: Annotated[int, Between(1, 1000)] = 1,
        hint_widths: Annotated[tuple[int, ...], Between(1, 10_000)] | None = None,
        drop: Annotated[float, Between(0.0, 1.0)] = 0.5,
        times: Times = "uniform",
        unlocked: bool = False,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.settle(base, times=times, drop=drop, unlocked=unlocked, recompute=recompute)
        widths = usual_widths(self.base.reduction) if hint_widths is None else hint_widths
        network: Any = self.base.network
        if isinstance(network, PublishedUNet):
            control = StableControl.of(
                network.unet, hint_channels=hint_channels, hint_widths=widths
            )
            if recompute:
                control.recompute()
            self.adapter: HintAdapter = control
        else:
            self.adapter = ControlEncoder.of(
                network, hint_channels=hint_channels, hint_widths=widths
            )
        self.fit_sides()

    @classmethod
    def example(cls) -> ControlNet:
        """Build a small one, for checks."""
        return cls(base=cls.example_base(), hint_widths=(8,))
