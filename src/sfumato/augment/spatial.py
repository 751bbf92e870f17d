"""Transforms that move pixels: one motion, and everything on the picture follows."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import ClassVar

from sfumato.augment._motion import Motion, Resampling
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import Transform

__all__ = ["SpatialTransform"]

_PLAIN = (Resampling(), Resampling("nearest"))


class SpatialTransform(Transform):
    """Say once where pixels go; pictures, masks, boxes and key points follow from it.

    A subclass writes `draw`, if anything is left to chance, and `motion`. Boxes become the
    exact bound of their moved outline, key points move by the exact map, with their angle
    and size.
    """

    writes = ("image", "target", "hint", "mask", "depth", "keypoints", "boxes")

    blind: ClassVar[bool] = True  # a motion before this one may then wait for it

    @abstractmethod
    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        """Give the map for a picture of this height and width; draws nothing."""

    def resampling(self) -> tuple[Resampling, Resampling]:
        """Say how pictures and how masks are resampled."""
        return _PLAIN

    @functools.cached_property
    def how(self) -> tuple[Resampling, Resampling]:
        """What `resampling` says, kept: it is asked for in every call."""
        return self.resampling()

    def work(self, targets: Targets, params: Params) -> None:
        targets.move(self.motion(params, targets.size), *self.how)
