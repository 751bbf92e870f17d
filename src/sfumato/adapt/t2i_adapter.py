"""T2I-Adapter: a small network reads a hint once, and a diffusion follows it."""

from __future__ import annotations

from typing import Annotated

from sfumato.adapt.adapter_method import AdapterMethod, Times
from sfumato.adapt.feature_pyramid import FeaturePyramid, Form
from sfumato.core.bounds import Between
from sfumato.generate.diffusion import Diffusion

__all__ = ["T2IAdapter"]


class T2IAdapter(AdapterMethod):
    """Teach a pyramid of features to steer a frozen diffusion.

    Much smaller than a ControlNet, and asked once a picture. Noisy steps, in which the
    forms are decided, are learned from more often (``cubic``).

    Args:
        base: the diffusion: the name or folder of weights, a checkpoint of Stable Diffusion
            (folder, file, ``hub:owner/name``), or a method.
        hint_channels: of the hints: 1 for drawings and depth, 3 for color.
        unshuffle: how far the hint is folded. None for as many pixels as lie along a side
            of one latent, twice as many for the XL form.
        form: ``full``; ``light``, a quarter as wide; ``xl`` for U-Nets of diffusers that
            halve once before they attend, and need it.
        drop: share of captions that are left out while learning.
        times: ``cubic`` as published for most adapters, or ``uniform``.
        recompute: on Stable Diffusion: work features out twice while learning in place of
            keeping them; slower, in much less memory.

    Raises:
        FileError: there are no such weights.
        SpecError: the base is no diffusion, or a setting does not fit it.

    References:
        C. Mou et al. T2I-Adapter: Learning Adapters to Dig out More Controllable Ability
        for Text-to-Image Diffusion Models. AAAI, 2024. arXiv:2302.08453
    """

    def __init__(
        self,
        *,
        base: Diffusion | str,
        hint_channels: Annotated[int, Between(1, 1000)] = 1,
        unshuffle: Annotated[int, Between(1, 64)] | None = None,
        form: Form = "full",
        drop: Annotated[float, Between(0.0, 1.0)] = 0.1,
        times: Times = "cubic",
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.settle(base, times=times, drop=drop, unlocked=False, recompute=recompute)
        if unshuffle is None:
            unshuffle = self.base.reduction * (2 if form == "xl" else 1)
        self.adapter = FeaturePyramid.of(
            self.base.network, hint_channels=hint_channels, unshuffle=unshuffle, form=form
        )
        self.fit_sides()

    @classmethod
    def example(cls) -> T2IAdapter:
        """Build a small one, for checks."""
        return cls(base=cls.example_base())
