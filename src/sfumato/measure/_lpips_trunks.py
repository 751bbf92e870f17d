"""The networks of LPIPS: three trunks, their heads, and the distance between their features.

Layers carry the names of the published checkpoints (``features.0.weight``,
``lin0.model.1.weight``), so that those load as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from sfumato.core.weights import fit, locate, read_state
from sfumato.errors import FileError
from sfumato.measure._torch import Tensor, functional, nn, torch

__all__ = ["TRUNKS", "Heads", "PerceptualDistance", "Trunk", "build"]

Net: TypeAlias = Literal["alex", "vgg", "squeeze"]

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""Mean and spread of photographs in -1..1, as the heads were trained with."""
TINY = 1e-10
"""Added to the length of a feature vector, so that an empty one stays empty."""
SPARE = ("classifier.", "pre_logits.", "head.")
"""The part of a classifier that is no trunk."""


class Plan(NamedTuple):
    """Where a trunk is tapped, how wide it is there, and how its files are called."""

    taps: tuple[int, ...]
    channels: tuple[int, ...]
    trunk_files: tuple[str, ...]
    head_files: tuple[str, ...]


TRUNKS: dict[str, Plan] = {
    "alex": Plan(
        (1, 4, 7, 9, 11),
        (64, 192, 384, 256, 256),
        ("alexnet*.safetensors", "alexnet*.pth"),
        ("alex.safetensors", "alex.pth"),
    ),
    "vgg": Plan(
        (3, 8, 15, 22, 29),
        (64, 128, 256, 512, 512),
        ("vgg16*.safetensors", "vgg16*.pth"),
        ("vgg.safetensors", "vgg.pth"),
    ),
    "squeeze": Plan(
        (1, 4, 7, 9, 10, 11, 12),
        (64, 128, 256, 384, 384, 512, 512),
        ("squeezenet1_1*.safetensors", "squeezenet1_1*.pth"),
        ("squeeze.safetensors", "squeeze.pth"),
    ),
}


class Fire(nn.Module):
    """Narrow with 1 x 1, then widen with 1 x 1 and 3 x 3 side by side."""

    def __init__(self, channels: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, narrow, 1)
        self.expand1x1 = nn.Conv2d(narrow, wide, 1)
        self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.squeeze(x))
        return functional.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1))


def _alex() -> list[nn.Module]:
    return [
        *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    ]


def _vgg() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2, 2))
    return layers[:-1]


def _squeeze() -> list[nn.Module]:
    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return [
        *(nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool()),
        *(Fire(64, 16, 64), Fire(128, 16, 64), pool()),
        *(Fire(128, 32, 128), Fire(256, 32, 128), pool()),
        *(Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)),
    ]


class Trunk(nn.Module):
    """The convolutions of a classifier, tapped after the activations that LPIPS reads.

    Shape:
        ``x`` (n, 3, h, w); yields (n, c, h', w') at each tap.
    """

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.taps = TRUNKS[net].taps
        layers = {"alex": _alex, "vgg": _vgg, "squeeze": _squeeze}[net]()
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Iterator[Tensor]:
        for place, layer in enumerate(self.features):
            x = layer(x)
            if place in self.taps:
                yield x


class Head(nn.Module):
    """One non-negative weight for each channel, learned from what people found alike."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # The dropout of the training takes the place 0 in the published names.
        self.model = nn.Sequential(nn.Dropout(), nn.Conv2d(channels, 1, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        weighted: Tensor = self.model(x)
        return weighted


class Heads(nn.Module):
    """The heads of one trunk, ``lin0`` to the last."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.number = len(TRUNKS[net].channels)
        for place, channels in enumerate(TRUNKS[net].channels):
            self.add_module(f"lin{place}", Head(channels))

    def __iter__(self) -> Iterator[nn.Module]:
        return (self.get_submodule(f"lin{place}") for place in range(self.number))


class PerceptualDistance(nn.Module):
    """LPIPS of tensors; differentiable.

    Shape:
        both (n, 3, h, w), display values with white at 1; returns (n,), or (n, 1, h, w)
        with ``spatial``.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.trunk, self.heads = Trunk(net), Heads(net)
        for name, values in (("shift", SHIFT), ("scale", SCALE)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, first: Tensor, second: Tensor, *, spatial: bool = False) -> Tensor:
        size = first.shape[2:]
        features = (self.trunk((2 * x - 1 - self.shift) / self.scale) for x in (first, second))
        total = first.new_zeros(())
        # Tap by tap, so that no more than one pair of feature maps is held at a time.
        for a, b, head in zip(*features, self.heads, strict=True):
            weighted: Tensor = head((_unit_length(a) - _unit_length(b)) ** 2)
            if spatial:
                total = total + functional.interpolate(weighted, size=size, mode="bilinear")
            else:
                total = total + weighted.mean(dim=(1, 2, 3))
        return total


def _unit_length(features: Tensor) -> Tensor:
    length = features.square().sum(dim=1, keepdim=True).sqrt()
    return features / (length + TINY)


def build(net: Net, weights: str | Path, heads: str | Path | None) -> PerceptualDistance:
    """Make the network with weights from files, or seeded random ones for "random".

    Raises:
        FileError: a file is missing, damaged, or belongs to another network.
    """
    with torch.random.fork_rng(devices=[]):  # a score must not move the caller's dice
        torch.manual_seed(0)
        model = PerceptualDistance(net).eval().requires_grad_(False)
        if weights == "random":
            _randomise(model)
    plan = TRUNKS[net]
    if weights != "random":
        path = locate(weights, plan.trunk_files, f"LPIPS: the {net} trunk")
        fit(model.trunk, read_state(path, "LPIPS"), f"LPIPS: {net} trunk from {path}", SPARE)
        heads = weights if heads is None else heads
    if heads is not None:
        path = locate(heads, plan.head_files, f"LPIPS: the {net} heads")
        fit(model.heads, read_state(path, "LPIPS"), f"LPIPS: {net} heads from {path}", ())
        if any((weight < 0).any() for weight in model.heads.parameters()):
            raise FileError(
                f"LPIPS: the heads from {path} hold negative weights",
                hint="heads of version 0.1 hold none: is this the right file?",
            )
    return model


def _randomise(model: PerceptualDistance) -> None:
    for name, weight in model.named_parameters():
        if name.startswith("heads."):
            nn.init.uniform_(weight)
        elif weight.ndim > 1:
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
        else:
            nn.init.normal_(weight, std=0.1)
