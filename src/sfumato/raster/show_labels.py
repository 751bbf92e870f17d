"""A label map as a picture: one color for each label."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.drawing import DrawingOperator, Into
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import to_unit
from sfumato.errors import DtypeError, ShapeError

__all__ = ["ShowLabels", "label_colors"]


def label_colors(count: int) -> NDArray[np.float32]:
    """Give colors that are told apart easily, the same for the same label always.

    The bits of a label, from the lowest, set the bits of red, green and blue from the
    highest: 0 is black, 1 dark red, 2 dark green, and so on, as the label maps of
    PASCAL VOC are colored.

    Shape:
        returns (count, 3) float32 in 0..1.

    Example:
        >>> (label_colors(4) * 255).astype(int).tolist()
        [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    """
    labels = np.arange(count)[:, None]
    channel = np.arange(3)
    codes = np.zeros((count, 3), np.int64)
    for k in range(8):
        codes |= ((labels >> (3 * k + channel)) & 1) << (7 - k)
    return (codes / np.float32(255.0)).astype(np.float32)


class ShowLabels(DrawingOperator):
    """Show a sample's mask as a picture with one color for each label.

    Args:
        opacity: 1 shows the colors alone; less lets the picture through.
        into: where the result goes: ``hint`` for a generator, or ``image``.

    Raises:
        FieldError: the sample has no mask.
        DtypeError: the labels are no whole numbers from 0 to 65535.
        ShapeError: an overlay on a picture of neither 1 nor 3 channels.

    Example:
        >>> mask = np.array([[0, 1]], np.int32)
        >>> ShowLabels()(Sample(np.zeros((1, 2, 3), np.uint8), mask=mask)).hint.tolist()
        [[[0, 0, 0], [128, 0, 0]]]
    """

    reads = ("image", "mask")
    opacity: Annotated[float, Between(0.0, 1.0)] = 1.0
    into: Into = "hint"

    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        mask = np.asarray(sample.require("mask", "ShowLabels"))
        if mask.dtype.kind not in "bui" or mask.min(initial=0) < 0 or mask.max(initial=0) > 65535:
            raise DtypeError("ShowLabels: labels are whole numbers from 0 to 65535")
        colors = label_colors(int(mask.max(initial=0)) + 1)[mask.astype(np.int64)]
        if self.opacity < 1.0:
            if sample.image.shape[2] not in (1, 3):
                raise ShapeError(
                    f"ShowLabels: expected 1 or 3 channels, got {sample.image.shape[2]}"
                )
            colors = self.opacity * colors + (1.0 - self.opacity) * to_unit(sample.image)
        return colors.astype(np.float32)
