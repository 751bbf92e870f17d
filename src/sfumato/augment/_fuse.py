"""Several motions carried out as one, where that resamples a picture once instead of twice."""

from __future__ import annotations

from typing import TypeAlias

from sfumato.augment._cut import Cut
from sfumato.augment._motion import Motion, Resampling
from sfumato.augment._projective import Projective
from sfumato.augment._symmetry import Symmetry

__all__ = ["Step", "fused"]

Step: TypeAlias = tuple[Motion, Resampling, Resampling]
"""A motion, how pictures are resampled along it, and how masks are."""


def fused(first: Step, second: Step) -> Step | None:
    """Give one step that does both, or none where two are better.

    A symmetry before or after, and a crop after, change nothing in what a homography
    gives; two homographies fuse where they are resampled alike.
    """
    (before, how, how_mask), (after, how_after, how_mask_after) = first, second
    if before.matrix is None or after.matrix is None or before.ellipse or after.ellipse:
        return None
    together = after.matrix @ before.matrix
    if isinstance(before, Symmetry) and isinstance(after, Projective):
        return Projective(together, after.size, before.size), how_after, how_mask_after
    if not isinstance(before, Projective):
        return None
    inside = isinstance(after, Cut) and after.inside(before.size)
    if isinstance(after, Symmetry) or inside:
        return Projective(together, after.size, before.source), how, how_mask
    alike = how == how_after and how_mask == how_mask_after
    if isinstance(after, Projective) and alike:
        return Projective(together, after.size, before.source), how, how_mask
    return None
