"""Small methods for the tests of the learning core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from sfumato.core.batch import Batch
from sfumato.core.bounds import Between
from sfumato.core.method import Method, Part
from sfumato.core.network import Network
from sfumato.core.tensors import normal_like


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


class TwoPlayers(Method):
    """A painter and a critic that learns twice as often; with dropout, norms and a counter."""

    def __init__(self, *, width: int = 4) -> None:
        super().__init__()
        self.painter = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.Dropout(0.3), nn.GELU(),
            nn.Conv2d(width, 3, 3, padding=1),
        )  # fmt: skip
        self.critic = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2), nn.GELU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(),
            nn.Linear(9 * width, 1),
        )  # fmt: skip
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def parts(self) -> Mapping[str, Iterable[nn.Parameter]]:
        return {"critic": self.critic.parameters(), "painter": self.painter.parameters()}

    def plan(self) -> Mapping[str, Part]:
        return {"critic": Part(repeats=2, lr=2e-3, betas=(0.0, 0.9)), "painter": Part(every=2)}

    def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        return batch.but(image=self.painter(batch.image))

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        noise = normal_like(batch.image, rng)
        fake = self.painter(batch.image + 0.1 * noise)
        if part == "painter":
            return {"fool": functional.softplus(-self.critic(fake)).mean()}
        real = self.critic(batch.need("target"))
        return {
            "real": functional.softplus(-real).mean(),
            "fake": functional.softplus(self.critic(fake.detach())).mean(),
        }

    def stepped(self, part: str) -> None:
        self.seen += 1


class Scalar(Method):
    """One number that should become the mean of the targets; closed form for its steps."""

    def __init__(self, *, start: float = 0.0, poison: int = -1) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(start))
        self.poison = poison

    def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        return batch.but(image=self.value.expand_as(batch.image))

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        gap = (self.value - batch.need("target")).square().mean()
        return {"square": gap * (float("nan") if self.step == self.poison else 1.0)}
