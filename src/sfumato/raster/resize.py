"""Bring a picture, and what lies on it, to another size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample

__all__ = ["Resize", "resize_image", "resize_sample"]

Size = tuple[int, int]


class Resize(Operator):
    """Bring a picture to a size given by its longer side.

    Shrinking averages over the area that each new pixel covers, so that fine
    patterns turn grey and not into moire; enlarging interpolates with the
    Lanczos kernel of eight taps. The shape is kept to the nearest pixel. Mask
    and depth take the nearest pixel's value, since labels and distances must not
    be mixed; boxes and keypoints move along.

    Args:
        long_side_px: width or height of the result, whichever is larger.

    Shape:
        image (h, w, c) of any number of channels; stack, hint and target of the
        same height and width are resized too, of another they are kept.

    Example:
        >>> photo = Sample(np.zeros((300, 400, 3), np.uint8), boxes=np.float32([[0, 0, 399, 299]]))
        >>> small = Resize(long_side_px=200)(photo)
        >>> small.image.shape, small.boxes.tolist()
        ((150, 200, 3), [[-0.25, -0.25, 199.25, 149.25]])
    """

    writes = ("image",)

    long_side_px: Annotated[int, Between(1, 100_000)]

    _example = {"long_side_px": 64}

    def size_for(self, size: Size) -> Size:
        """Give the height and width that a picture of a height and width gets."""
        height, width = size
        scale = self.long_side_px / max(height, width)
        if height >= width:
            return self.long_side_px, max(1, round(width * scale))
        return max(1, round(height * scale)), self.long_side_px

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        return resize_sample(sample, self.size_for(sample.size), resize_image)


def resize_sample(
    sample: Sample, new: Size, resizer: Callable[[NDArray[Any], Size], NDArray[Any]]
) -> Sample:
    """Bring a sample to a height and width, and everything on the picture along.

    Args:
        sample: the picture; stack, hint and target of its size are resized too.
        new: height and width to reach.
        resizer: gives a picture (h, w, c) at a height and width.
    """
    old = sample.size
    if old == new:
        return sample
    changes: dict[str, Any] = {}
    for name in ("image", "hint", "target"):
        picture = getattr(sample, name)
        if picture is not None and picture.shape[:2] == old:
            changes[name] = resizer(picture, new)
    if sample.stack is not None and sample.stack.shape[1:3] == old:
        changes["stack"] = np.stack([resizer(frame, new) for frame in sample.stack])
    for name in ("mask", "depth"):
        plane = getattr(sample, name)
        if plane is not None:
            changes[name] = _nearest(plane, new)
    for name, columns in (("keypoints", 2), ("boxes", 4)):
        table = getattr(sample, name)
        if table is not None:
            changes[name] = _moved(table, columns, old, new)
    return sample.but(**changes)


def resize_image(image: NDArray[Any], size: Size) -> NDArray[Any]:
    """Give a picture at a height and width.

    Args:
        image: uint8, uint16 or float32.
        size: height and width to reach; an axis that grows is interpolated
            after the other one was averaged.

    Shape:
        (h, w, c) to (height, width, c).

    Example:
        >>> resize_image(np.float32([[[0.0], [1.0], [1.0], [0.0]]]), (1, 2)).ravel().tolist()
        [0.5, 0.5]
    """
    height, width = image.shape[:2]
    shrunk = (min(height, size[0]), min(width, size[1]))
    planes = image
    if shrunk != (height, width):
        planes = _by_channels(planes, shrunk, cv2.INTER_AREA)
    if shrunk != size:
        planes = _by_channels(planes, size, cv2.INTER_LANCZOS4)
        if image.dtype == np.float32:
            # The kernel swings past edges; integers saturate by themselves.
            planes = np.clip(planes, min(0.0, image.min()), max(1.0, image.max()))
    return planes


def _by_channels(image: NDArray[Any], size: Size, kernel: int) -> NDArray[Any]:
    """Resize four channels at a time, which is what OpenCV takes."""
    parts = []
    for first in range(0, image.shape[2], 4):
        part = np.ascontiguousarray(image[..., first : first + 4])
        resized = cv2.resize(part, (size[1], size[0]), interpolation=kernel)
        parts.append(np.asarray(resized).reshape(*size, part.shape[2]))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


def _nearest(plane: NDArray[Any], size: Size) -> NDArray[Any]:
    rows, columns = (
        np.minimum((np.arange(new) + 0.5) * old / new, old - 1).astype(np.intp)
        for old, new in zip(plane.shape, size, strict=True)
    )
    return np.ascontiguousarray(plane[np.ix_(rows, columns)])


def _moved(table: NDArray[Any], columns: int, old: Size, new: Size) -> NDArray[Any]:
    """Scale x and y about the outer corner of the first pixel, whose centre is at 0."""
    scale = np.array([new[1] / old[1], new[0] / old[0]] * (columns // 2))
    moved = table.astype(np.result_type(table, np.float32))
    moved[:, :columns] = (table[:, :columns] + 0.5) * scale - 0.5
    return moved
