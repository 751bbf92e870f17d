"""Move a ControlNet from the base that it was taught to, to another one of the same make."""

from __future__ import annotations

import copy
from typing import Any

from sfumato.adapt.fitting import check_fits, unet_of
from sfumato.adapt.stable_control import StableControl
from sfumato.core.tensors import torch
from sfumato.generate.diffusion import Diffusion

__all__ = ["transplant_control_net"]


@torch.no_grad()
def transplant_control_net(control: StableControl, old: Diffusion, new: Diffusion) -> StableControl:
    """Give a ControlNet for another base: what it learned, added to the new encoder.

    Each weight that it has in common with the U-Net becomes new + (control - old); the
    hint's encoder and the layers that started at zero stay. A base that was itself tuned
    from the old one is steered better so; what comes of it has to be looked at.

    Args:
        control: taught to the old base; it is left alone.
        old: the base that it was taught to.
        new: another checkpoint of the same make.

    Raises:
        SpecError: a base of another make.

    References:
        L. Zhang, A. Rao, M. Agrawala. Adding Conditional Control to Text-to-Image
        Diffusion Models. ICCV, 2023, and its official implementation.
    """
    who = "transplant_control_net"
    check_fits(control, old, who, "the old base")
    check_fits(control, new, who, "the new base")
    made = copy.deepcopy(control)
    network: Any = made.network
    before = unet_of(old, who, "the old base").state_dict()
    after = unet_of(new, who, "the new base").state_dict()
    for name, weight in network.state_dict().items():
        if name in before:
            step = after[name].float() - before[name].float()
            weight.copy_(weight.float() + step.to(weight.device))
    return made
