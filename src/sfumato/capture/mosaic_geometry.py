"""Flip and cut mosaics so that every color stays on its site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np

from sfumato.capture.mosaic_operator import practice_mosaics
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.errors import FieldError, ShapeError
from sfumato.io.mosaic_facts import facts_of

__all__ = ["CropMosaic", "FlipMosaic"]

Change = Callable[[Any], Any]


class FlipMosaic(Operator):
    """Mirror and transpose a mosaic by chance, its pattern unchanged.

    An even side is cut by one pixel at both ends before it is mirrored, so that it stays even
    and the first pixel keeps its color; an odd side is mirrored as it is. Transposing
    swaps the two greens of RGGB and BGGR; of GRBG and GBRG one row and column are cut
    at both ends. Image, stack, target, hint, mask and depth move along.

    Args:
        horizontal: chance that left and right are swapped.
        vertical: chance that top and bottom are swapped.
        transpose: chance that rows become columns.

    Shape:
        image (h, w, 1) to one that is up to two pixels smaller on each side.

    Raises:
        FieldError: the sample is no mosaic, or has points or boxes, which do not move along.
        ShapeError: a side too short to be cut.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array
        >>> row = mosaic_from_array(np.arange(24, dtype=np.uint16).reshape(4, 6), white=1)
        >>> FlipMosaic(horizontal=1.0, vertical=0.0, transpose=0.0)(row).image[0, :, 0].tolist()
        [4.0, 3.0, 2.0, 1.0]
    """

    horizontal: Annotated[float, Between(0.0, 1.0)] = 0.5
    vertical: Annotated[float, Between(0.0, 1.0)] = 0.5
    transpose: Annotated[float, Between(0.0, 1.0)] = 0.5

    def practice_samples(self) -> tuple[Sample, ...]:
        return practice_mosaics()

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        pattern = facts_of(sample, "FlipMosaic").pattern
        chances = rng.random(3) < (self.horizontal, self.vertical, self.transpose)
        across, down, turned = (bool(chance) for chance in chances)
        height, width = sample.size
        rows, columns = _cut(height, down), _cut(width, across)
        slanted = turned and pattern[0] == "G"

        def change(array: Any) -> Any:
            part = array[rows, columns]
            part = part[:: -1 if down else 1, :: -1 if across else 1]
            if slanted:
                # Both sides lose one pixel at each end, so an even one stays even.
                part = part[1 : _end(part.shape[0]), 1 : _end(part.shape[1])]
            return part.swapaxes(0, 1) if turned else part

        return _changed(sample, change, "FlipMosaic")


class CropMosaic(Operator):
    """Cut a part out of a mosaic that begins with the same color.

    Args:
        size: height and width of the part in pixels.
        place: ``random``, or the ``centre`` as nearly as the cell allows.

    Shape:
        image (h, w, 1) to (size, 1); stack, target, hint, mask and depth alike.

    Raises:
        FieldError: the sample is no mosaic, or has points or boxes, which do not move along.
        ShapeError: the mosaic is smaller than the part.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array
        >>> plane = mosaic_from_array(np.arange(100, dtype=np.uint16).reshape(10, 10), white=1)
        >>> CropMosaic(size=(4, 4), place="centre")(plane).image[0, 0, 0]
        np.float32(22.0)
    """

    _example = {"size": (12, 16)}

    size: Annotated[tuple[int, int], Between(1, 1_000_000)]
    place: Literal["random", "centre"] = "random"

    def practice_samples(self) -> tuple[Sample, ...]:
        return practice_mosaics()

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        facts_of(sample, "CropMosaic")
        room = [have - want for have, want in zip(sample.size, self.size, strict=True)]
        if min(room) < 0:
            raise ShapeError(
                f"CropMosaic: expected at least {self.size[1]} x {self.size[0]} px, "
                f"got {sample.size[1]} x {sample.size[0]}"
            )
        if self.place == "random":
            top, left = (2 * int(rng.integers(r // 2 + 1)) for r in room)
        else:
            top, left = (2 * (r // 4) for r in room)
        height, width = self.size
        return _changed(
            sample, lambda array: array[top : top + height, left : left + width], "CropMosaic"
        )


def _cut(length: int, mirrored: bool) -> slice:
    return slice(1, length - 1) if mirrored and length % 2 == 0 else slice(0, length)


def _end(length: int) -> int:
    return length - 1 if length % 2 == 0 else length


def _changed(sample: Sample, change: Change, who: str) -> Sample:
    for name in ("keypoints", "boxes"):
        if getattr(sample, name) is not None:
            raise FieldError(f"{who}: '{name}' of a mosaic do not move along")
    fields: dict[str, Any] = {}
    for name in ("image", "target", "hint", "mask", "depth"):
        array = getattr(sample, name)
        if array is not None:
            if array.shape[:2] != sample.size:
                raise ShapeError(
                    f"{who}: '{name}' is {array.shape[:2]}, the mosaic is {sample.size}"
                )
            fields[name] = np.ascontiguousarray(change(array))
    if fields["image"].size == 0:
        raise ShapeError(f"{who}: nothing is left of a mosaic of {sample.size}")
    if sample.stack is not None:
        fields["stack"] = np.stack([change(frame) for frame in sample.stack])
    return sample.but(**fields)
