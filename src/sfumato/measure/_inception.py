"""Inception v3 as the Fréchet Inception distance reads it.

The entries carry the names of the published conversion of the weights of 2015
(``Mixed_5b.branch1x1.conv.weight``). It differs from the classifier that goes by the
same name elsewhere: averages leave the padding out, the last block takes a maximum,
and there are 1008 classes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sfumato.measure._torch import Tensor, functional, nn, torch

__all__ = ["SIDE_PX", "Inception", "resize_tensorflow"]

SIDE_PX = 299
CLASSES = 1008


class Unit(nn.Module):
    """Convolution, normalisation, rectifier."""

    def __init__(
        self,
        channels: int,
        width: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padded: bool = True,
    ) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        border = (sides[0] // 2, sides[1] // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(channels, width, sides, stride, border, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)), inplace=True)


def _mean(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class Block(nn.Module):
    """Branches of units side by side, their results one after the other in channels.

    A branch is a list of names of units. A name with several parts, as in
    ``branch3x3_2a+2b``, stands for units that read the same and are joined.
    """

    branches: Sequence[Sequence[str]] = ()

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.pool(x)]
        parts[:0] = [self._along(branch, x) for branch in self.branches]
        return torch.cat(parts, dim=1)

    def pool(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(x, 3, stride=2)

    def _along(self, branch: Sequence[str], x: Tensor) -> Tensor:
        for step in branch:
            first, *others = step.split("+")
            stem = first.rpartition("_")[0]
            names = [first, *(f"{stem}_{other}" for other in others)]
            results = [self.get_submodule(name)(x) for name in names]
            x = results[0] if not others else torch.cat(results, dim=1)
        return x


class BlockA(Block):
    """35 x 35: reach of 1, 5 and 3 + 3."""

    branches = (
        ("branch1x1",),
        ("branch5x5_1", "branch5x5_2"),
        ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
    )

    def __init__(self, channels: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Unit(channels, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = Unit(channels, 48, 1), Unit(48, 64, 5)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Unit(channels, 64, 1), Unit(64, 96, 3)
        self.branch3x3dbl_3 = Unit(96, 96, 3)
        self.branch_pool = Unit(channels, pooled, 1)

    def pool(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.branch_pool(_mean(x))
        return pooled


class BlockB(Block):
    """From 35 x 35 to 17 x 17."""

    branches = (("branch3x3",), ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"))

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = Unit(channels, 384, 3, stride=2, padded=False)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Unit(channels, 64, 1), Unit(64, 96, 3)
        self.branch3x3dbl_3 = Unit(96, 96, 3, stride=2, padded=False)


class BlockC(Block):
    """17 x 17: reach of 1, 7 and 7 + 7, along rows and columns in turn."""

    branches = (
        ("branch1x1",),
        ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
        tuple(f"branch7x7dbl_{k}" for k in range(1, 6)),
    )

    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        along, across = (1, 7), (7, 1)
        self.branch1x1 = Unit(channels, 192, 1)
        self.branch7x7_1 = Unit(channels, narrow, 1)
        self.branch7x7_2, self.branch7x7_3 = Unit(narrow, narrow, along), Unit(narrow, 192, across)
        self.branch7x7dbl_1 = Unit(channels, narrow, 1)
        self.branch7x7dbl_2 = Unit(narrow, narrow, across)
        self.branch7x7dbl_3 = Unit(narrow, narrow, along)
        self.branch7x7dbl_4 = Unit(narrow, narrow, across)
        self.branch7x7dbl_5 = Unit(narrow, 192, along)
        self.branch_pool = Unit(channels, 192, 1)

    def pool(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.branch_pool(_mean(x))
        return pooled


class BlockD(Block):
    """From 17 x 17 to 8 x 8."""

    branches = (("branch3x3_1", "branch3x3_2"), tuple(f"branch7x7x3_{k}" for k in range(1, 5)))

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = Unit(channels, 192, 1)
        self.branch3x3_2 = Unit(192, 320, 3, stride=2, padded=False)
        self.branch7x7x3_1, self.branch7x7x3_2 = Unit(channels, 192, 1), Unit(192, 192, (1, 7))
        self.branch7x7x3_3 = Unit(192, 192, (7, 1))
        self.branch7x7x3_4 = Unit(192, 192, 3, stride=2, padded=False)


class BlockE(Block):
    """8 x 8: rows and columns side by side."""

    branches = (
        ("branch1x1",),
        ("branch3x3_1", "branch3x3_2a+2b"),
        ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a+3b"),
    )

    def __init__(self, channels: int, *, brightest: bool) -> None:
        super().__init__()
        self.brightest = brightest
        along, across = (1, 3), (3, 1)
        self.branch1x1 = Unit(channels, 320, 1)
        self.branch3x3_1 = Unit(channels, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = Unit(384, 384, along), Unit(384, 384, across)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Unit(channels, 448, 1), Unit(448, 384, 3)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = Unit(384, 384, along), Unit(384, 384, across)
        self.branch_pool = Unit(channels, 192, 1)

    def pool(self, x: Tensor) -> Tensor:
        wide = functional.max_pool2d(x, 3, stride=1, padding=1) if self.brightest else _mean(x)
        pooled: Tensor = self.branch_pool(wide)
        return pooled


class Inception(nn.Module):
    """The network up to its 2048 averaged features; the classifier is only carried along.

    Shape:
        ``x`` (n, 3, 299, 299) in -1..1; returns (n, 2048).
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2, padded=False)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3, padded=False)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3, padded=False)
        self.Mixed_5b, self.Mixed_5c = BlockA(192, 32), BlockA(256, 64)
        self.Mixed_5d = BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b, self.Mixed_6c = BlockC(768, 128), BlockC(768, 160)
        self.Mixed_6d, self.Mixed_6e = BlockC(768, 160), BlockC(768, 192)
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b = BlockE(1280, brightest=False)
        self.Mixed_7c = BlockE(2048, brightest=True)
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = functional.max_pool2d(x, 3, stride=2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = functional.max_pool2d(x, 3, stride=2)
        for name, block in self.named_children():
            if name.startswith("Mixed_"):
                x = block(x)
        return x.mean(dim=(2, 3))


def resize_tensorflow(x: Tensor, side: int) -> Tensor:
    """Resize by straight lines as TensorFlow 1 did: corners on corners of pixels, no prefilter.

    Shape:
        ``x`` (n, c, h, w); returns (n, c, side, side).
    """
    for axis in (2, 3):
        length = x.shape[axis]
        place = torch.arange(side, dtype=x.dtype, device=x.device) * (length / side)
        low = place.long()
        share = (place - low).reshape(-1, *(1,) * (3 - axis))
        first = x.index_select(axis, low)
        x = first + (x.index_select(axis, (low + 1).clamp_max(length - 1)) - first) * share
    return x
