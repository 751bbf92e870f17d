"""Small methods for the tests of the learning core."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from sfumato.core.batch import Batch
from sfumato.core.bounds import Between
from sfumato.core.method import Method
from sfumato.core.network import Network


class Trunk(Network):
    """Convolutions, one after the other."""

    def __init__(
        self,
        *,
        channels: int = 3,
        width: Annotated[int, Between(1, 64)] = 4,
        depth: int = 2,
        kind: Literal["relu", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        widths = [channels, *[width] * (depth - 1), channels]
        bend = {"relu": nn.ReLU, "gelu": nn.GELU}[kind]
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, 3, padding=1), bend()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Denoiser(Method):
    """Take away what a trunk finds."""

    overlap_px = 16

    def __init__(self, *, trunk: Network, weight: float = 1.0) -> None:
        super().__init__()
        self.trunk, self.weight = trunk, weight

    def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        return batch.but(image=batch.image - self.trunk(batch.image))

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        gap = functional.l1_loss(self.predict(batch).image, batch.need("target"))
        return {"l1": self.weight * gap}


class HalvingSegmenter(Method):
    """Halve twice, double twice, and tell bright from dark; local, on a grid of 4 px."""

    multiple_of = 4
    overlap_px = 64
    writes = ("mask",)

    def __init__(self, *, classes: int = 3) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 4, stride=4)
        self.middle = nn.Conv2d(8, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, classes, 4, stride=4)

    def scores(self, x: Tensor) -> Tensor:
        return self.up(functional.gelu(self.middle(functional.gelu(self.down(x)))))

    def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        scores = self.scores(batch.image)
        return batch.but(scores=scores, mask=scores.argmax(1))

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        return {
            "cross_entropy": functional.cross_entropy(self.scores(batch.image), batch.need("mask"))
        }
