"""A critic that looks at patches: is this piece of a picture real?"""

from __future__ import annotations

from sfumato.core.tensors import nn

__all__ = ["PatchCritic"]


class PatchCritic(nn.Sequential):
    """Judge every patch of a picture by a few convolutions.

    Args:
        channels_in: of the pictures.
        channels: width after the first convolution; doubled by each further layer.
        layers: convolutions that halve the size; three look at patches of 70 px.

    Shape:
        (n, channels_in, h, w), sides of 32 px at least with three layers; returns
        (n, 1, h', w'), higher where a patch looks real.

    References:
        P. Isola et al. Image-to-Image Translation with Conditional Adversarial Networks.
        CVPR, 2017.
    """

    def __init__(self, channels_in: int = 3, channels: int = 64, layers: int = 3) -> None:
        parts: list[nn.Module] = [nn.Conv2d(channels_in, channels, 4, stride=2, padding=1)]
        width = channels
        for k in range(1, layers + 1):
            wide = channels * min(2**k, 8)
            stride = 2 if k < layers else 1
            parts += [
                nn.LeakyReLU(0.2),
                nn.Conv2d(width, wide, 4, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(wide),
            ]
            width = wide
        super().__init__(*parts, nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 4, padding=1))
        for module in self:
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)
