"""The network that looks at a picture and weighs color tables."""

from __future__ import annotations

from typing import Annotated, Literal

from sfumato.core.bounds import Between
from sfumato.core.network import Network
from sfumato.core.tensors import Tensor, functional, nn, torch, uniform
from sfumato.errors import ShapeError

__all__ = ["LutPredictor"]

SEEN_PX = 256
"""Side to which pictures are shrunk before they are looked at."""
WIDTHS = (3, 16, 32, 64, 128, 128)
SLOPE = 0.2
DROPOUT = 0.5


class LutPredictor(Network):
    """Look at a picture, shrunk to 256 x 256, and give one number for each color table.

    Five convolutions of stride 2, each followed by a leaky ReLU and, as ``norms`` says,
    by an instance normalization; then one of 8 x 8. The numbers are not bounded and do not
    add up to 1. Weights are drawn after Xavier, and the last offset is 1.

    Args:
        tables: how many numbers it gives.
        norms: ``all`` normalizes after four of the five and drops half of the last features
            while training, as published for pairs; ``first`` only after the first, as
            published for unpaired pictures.

    Shape:
        (n, 3, h, w), white at 1, to (n, tables).

    References:
        H. Zeng et al. Learning Image-Adaptive 3D Lookup Tables for High Performance Photo
        Enhancement in Real-Time. TPAMI, 2022. arXiv:2009.14468
    """

    def __init__(
        self,
        *,
        tables: Annotated[int, Between(1, 64)] = 3,
        norms: Literal["all", "first"] = "all",
    ) -> None:
        super().__init__()
        self.norms = norms
        layers: list[nn.Module] = [nn.Upsample((SEEN_PX, SEEN_PX), mode="bilinear")]
        for k in range(5):
            layers += [nn.Conv2d(WIDTHS[k], WIDTHS[k + 1], 3, stride=2, padding=1)]
            layers += [nn.LeakyReLU(SLOPE)]
            if k == 0 or (norms == "all" and k < 4):
                layers.append(nn.InstanceNorm2d(WIDTHS[k + 1], affine=True))
        if norms == "all":
            layers.append(nn.Identity())  # the place of the dropout in published weights
        layers.append(nn.Conv2d(WIDTHS[-1], tables, 8))
        self.model = nn.Sequential(*layers)
        for layer in self.model:
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.ones_(layers[-1].bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Weigh; ``rng`` drops features where that is asked for while training."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise ShapeError(f"LutPredictor: expected (n, 3, h, w), got {tuple(images.shape)}")
        features: Tensor = self.model[:-1](images)
        if self.training and self.norms == "all" and rng is not None:
            kept = uniform(features.shape, rng, features.device) >= DROPOUT
            features = features * kept / (1.0 - DROPOUT)
        weights: Tensor = self.model[-1](features)
        return weights.flatten(1)


def shrunk(images: Tensor) -> Tensor:
    """Give pictures as the network sees them: bilinear, and without smoothing before."""
    seen: Tensor = functional.interpolate(
        images, (SEEN_PX, SEEN_PX), mode="bilinear", align_corners=False
    )
    return seen
