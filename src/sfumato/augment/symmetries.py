"""The symmetries of a rectangle and of a square: flips, quarter turns, the transpose."""

from __future__ import annotations

from typing import Annotated

from sfumato.augment._motion import Motion
from sfumato.augment._symmetry import ELEMENTS, Symmetry
from sfumato.augment._targets import Params, Targets
from sfumato.augment.spatial import SpatialTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng

__all__ = [
    "D4",
    "Flip",
    "HorizontalFlip",
    "RandomRotate90",
    "SquareSymmetry",
    "Transpose",
    "VerticalFlip",
]

Share = Annotated[float, Between(0.0, 1.0)]


class HorizontalFlip(SpatialTransform):
    """Mirror left and right.

    Example:
        >>> HorizontalFlip(p=1)(np.array([[1, 2, 3]], np.uint8))
        array([[3, 2, 1]], dtype=uint8)
    """

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Symmetry("h", size)


class VerticalFlip(SpatialTransform):
    """Mirror up and down.

    Example:
        >>> VerticalFlip(p=1)(np.array([[1], [2], [3]], np.uint8)).ravel()
        array([3, 2, 1], dtype=uint8)
    """

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Symmetry("v", size)


class Flip(SpatialTransform):
    """Mirror left and right, up and down, or both, each as often: a name of albumentations 1.3."""

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"element": ("h", "v", "r180")[int(rng.random() * 3)]}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Symmetry(params["element"], size)


class Transpose(SpatialTransform):
    """Swap rows and columns.

    Example:
        >>> Transpose(p=1)(np.array([[1, 2], [3, 4]], np.uint8))
        array([[1, 3],
               [2, 4]], dtype=uint8)
    """

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Symmetry("t", size)


class RandomRotate90(SpatialTransform):
    """Turn by no, one, two or three quarters, counter-clockwise, each as often."""

    p: Share = 1.0

    defaults_1_3 = {"p": 0.5}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"factor": int(rng.random() * 4)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Symmetry(("e", "r90", "r180", "r270")[params["factor"]], size)


class D4(SpatialTransform):
    """Lay the picture on itself by one of the eight symmetries of a square, each as often."""

    p: Share = 1.0

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"group_element": ELEMENTS[int(rng.random() * 8)]}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Symmetry(params["group_element"], size)


class SquareSymmetry(D4):
    """Lay the picture on itself by a symmetry of a square; another name of `D4`."""
