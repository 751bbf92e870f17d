"""One picture and what belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import Any

import numpy as np

from sfumato.core.shapes import (
    Boxes,
    FloatImage,
    Image,
    Mask,
    Points,
    Stack,
    check_image,
    check_stack,
)
from sfumato.errors import FieldError, ShapeError

__all__ = ["Sample"]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture and what belongs to it; nothing in it is edited in place.

    A sample always has a picture to show: for a bracket it is the reference
    frame, for a sketch the sketch.

    Args:
        image: uint8, uint16 or float32.
        stack: the frames of a bracket, burst or focus series, as ``image``.
        mask: integer or bool labels of the pixels.
        keypoints: x then y, pixel centres at integers; further columns are kept.
        boxes: x0 y0 x1 y1 in the coordinates of the keypoints.
        depth: distance or layer of each pixel, float32.
        hint: a picture that guides a generator: edges, depth, sketch.
        target: the picture that training or measuring compares with.
        text: a caption or prompt.
        space: which light the values mean: ``srgb``, ``linear``, ``raw``, ``lab``.
        meta: facts about the picture, units in the names: ``exposure_time_s``,
            ``iso``, ``f_number``, ``focal_length_mm``, ``file_name``, ``exif``
            and ``icc_profile`` (bytes), ``notes`` (texts by keyword); ``frames`` holds
            one such mapping for each frame of the stack.

    Shape:
        image, hint, target (h, w, c); stack (n, h, w, c); mask, depth (h, w);
        keypoints (k, 2 or more); boxes (k, 4 or more).

    Raises:
        ShapeError: a field has the wrong shape, or does not fit the image.
        DtypeError: a picture is not uint8, uint16 or float32.

    Example:
        >>> sample = Sample(np.zeros((4, 6, 3), np.uint8), text="night")
        >>> sample.size, sample.fields()
        ((4, 6), ('image', 'text'))
    """

    image: Image
    _: KW_ONLY
    stack: Stack | None = None
    mask: Mask | None = None
    keypoints: Points | None = None
    boxes: Boxes | None = None
    depth: FloatImage | None = None
    hint: Image | None = None
    target: Image | None = None
    text: str | None = None
    space: str = "srgb"
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_image(self.image, "Sample.image")
        if self.stack is not None:
            check_stack(self.stack, "Sample.stack")
        for name in ("mask", "depth"):
            plane = getattr(self, name)
            if plane is not None and np.shape(plane) != self.size:
                raise ShapeError(
                    f"Sample.{name}: expected the size of the image {self.size}, "
                    f"got {np.shape(plane)}"
                )
        for name, columns in (("keypoints", 2), ("boxes", 4)):
            table = getattr(self, name)
            if table is not None and (np.ndim(table) != 2 or np.shape(table)[1] < columns):
                raise ShapeError(
                    f"Sample.{name}: expected (k, {columns}) or more columns, got {np.shape(table)}"
                )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.image.shape[0], self.image.shape[1]

    def but(self, **changes: Any) -> Sample:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def fields(self) -> tuple[str, ...]:
        """Name what the sample has, in the order of the class."""
        always = ("space", "meta")
        named = (f.name for f in fields(self) if f.name not in always)
        return tuple(name for name in named if getattr(self, name) is not None)

    def require(self, name: str, who: str) -> Any:
        """Return a field, or say who misses it.

        Raises:
            FieldError: the sample does not have the field.
        """
        value = getattr(self, name)
        if value is None:
            raise FieldError(
                f"{who} reads '{name}', which this sample does not have",
                hint=f"it has: {', '.join(self.fields())}",
            )
        return value
