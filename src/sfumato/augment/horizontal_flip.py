"""Mirror left and right."""

from __future__ import annotations

from sfumato.augment._motion import Motion
from sfumato.augment._symmetry import Symmetry
from sfumato.augment._targets import Params
from sfumato.augment.spatial import SpatialTransform

__all__ = ["HorizontalFlip"]


class HorizontalFlip(SpatialTransform):
    """Mirror left and right.

    Example:
        >>> HorizontalFlip(p=1)(np.array([[1, 2, 3]], np.uint8))
        array([[3, 2, 1]], dtype=uint8)
    """

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Symmetry("h", size)
