"""Lay the colours of labels over a picture."""

from __future__ import annotations

import colorsys
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit, to_unit
from sfumato.errors import DtypeError

__all__ = ["LabelOverlay"]

GOLDEN = (5**0.5 - 1) / 2
"""Hues stepped by the golden ratio of a turn stay far apart, however many there are."""
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


class LabelOverlay(Operator):
    """Lay a colour for each label over the picture, and draw the borders between labels.

    A pixel becomes ``(1 - opacity) picture + opacity colour`` in display values; the pixels of a
    label whose right or lower neighbour has another one get the colour alone. Grey pictures stay
    grey and take the brightness of the colours.

    Args:
        opacity: how much of the picture the colours cover.
        outlines: draw borders in full colour.
        colors: red, green and blue of each label from 0 on; labels beyond them, or all without
            any, get hues far from each other.
        clear: labels that are left as they are; negative ones always are.

    Shape:
        reads ``image`` (h, w, 1 or 3 or more) and ``mask`` (h, w); channels beyond three stay.

    Raises:
        DtypeError: the mask holds no integers or bool.
        FieldError: there is no mask.

    Example:
        >>> grey = Sample(np.full((1, 2, 3), 100, np.uint8), mask=np.array([[0, 1]]))
        >>> paint = LabelOverlay(opacity=0.5, outlines=False, colors=((200, 0, 0),), clear=(1,))
        >>> paint(grey).image.tolist()
        [[[150, 50, 50], [100, 100, 100]]]
    """

    reads = ("image", "mask")

    opacity: Annotated[float, Between(0.0, 1.0)] = 0.5
    outlines: bool = True
    colors: Annotated[tuple[tuple[int, int, int], ...], Between(0, 255)] = ()
    clear: tuple[int, ...] = ()

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        labels = np.asarray(sample.require("mask", "LabelOverlay"))
        if labels.dtype.kind not in "bui":
            raise DtypeError(
                f"LabelOverlay: the mask must hold integers or bool, got {labels.dtype}",
                hint="scores of classes become labels by scores.argmax(axis=-1)",
            )
        labels = labels.astype(np.int64)
        names, places = np.unique(labels, return_inverse=True)
        paint = np.array([self._color(int(label)) for label in names], np.float32) / 255
        shown = np.array([label >= 0 and label not in self.clear for label in names])
        colors, covered = paint[places.reshape(labels.shape)], shown[places.reshape(labels.shape)]
        strength = np.where(covered, np.float32(self.opacity), np.float32(0))
        if self.outlines:
            strength[covered & _borders(labels)] = 1.0
        image = to_unit(sample.image)
        channels = image.shape[2]
        if channels < 3:
            colors = np.repeat((colors @ LUMA)[..., None], channels, axis=2)
        drawn = image[..., : colors.shape[2]]
        mixed = image.copy()
        mixed[..., : colors.shape[2]] = drawn + strength[..., None] * (colors - drawn)
        out = from_unit(mixed, sample.image.dtype)
        out[strength == 0] = sample.image[strength == 0]
        return sample.but(image=out)

    def _color(self, label: int) -> tuple[int, int, int]:
        if 0 <= label < len(self.colors):
            return self.colors[label]
        turn = (0.61 + label * GOLDEN) % 1.0
        rgb = colorsys.hsv_to_rgb(turn, 0.55 + 0.35 * (label % 2), 1.0 - 0.2 * (label % 3))
        return round(255 * rgb[0]), round(255 * rgb[1]), round(255 * rgb[2])


def _borders(labels: NDArray[Any]) -> NDArray[np.bool_]:
    border = np.zeros(labels.shape, np.bool_)
    border[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    border[:-1] |= labels[:-1] != labels[1:]
    return border
