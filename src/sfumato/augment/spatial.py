"""Transforms that move pixels: one motion, and everything on the picture follows."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from sfumato.augment._motion import Motion, Resampling, move_boxes, move_keypoints
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import Transform

__all__ = ["SpatialTransform"]


class SpatialTransform(Transform):
    """Say once where pixels go; pictures, masks, boxes and key points follow from it.

    A subclass writes `draw`, if anything is left to chance, and `motion`. Boxes become the
    exact bound of their moved outline, key points move by the exact map, with their angle
    and size.
    """

    writes = ("image", "target", "hint", "mask", "depth", "keypoints", "boxes")

    exact: ClassVar[bool] = False
    """Whether whole pixels are moved, so that nothing is resampled."""

    @abstractmethod
    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        """Give the map for a picture of this height and width; draws nothing."""

    def resampling(self) -> tuple[Resampling, Resampling]:
        """Say how pictures and how masks are resampled."""
        return Resampling(), Resampling("nearest")

    def work(self, targets: Targets, params: Params) -> None:
        move_targets(targets, self.motion(params, targets.size), *self.resampling())


def move_targets(targets: Targets, motion: Motion, how: Resampling, how_mask: Resampling) -> None:
    """Carry everything along one motion."""
    for name, value in targets.images.items():
        if type(value) is list:
            targets.images[name] = [motion.image(item, how) for item in value]
        else:
            targets.images[name] = motion.image(value, how)
    if targets.masks:
        targets.change_masks(lambda plane: motion.image(plane, how_mask))
    if targets.followers:
        targets.change_followers(lambda plane: motion.image(plane, how))
    for name, boxes in targets.boxes.items():
        targets.boxes[name] = move_boxes(motion, boxes)
    for name, points in targets.keypoints.items():
        targets.keypoints[name] = move_keypoints(motion, points)
    targets.size = motion.size
