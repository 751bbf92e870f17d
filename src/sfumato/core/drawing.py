"""Operators that draw something of a picture, and where the drawing goes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit

__all__ = ["DrawingOperator", "Into"]

Into: TypeAlias = Literal["image", "hint"]


class DrawingOperator(Operator):
    """Draw something of a sample, in place of its image or beside it as a hint.

    A subclass writes `drawing`. The drawing gets the dtype of the image; one of one
    channel has the image's number of channels in its place, and one channel as a hint.

    Args:
        into: where the drawing goes: ``image``, or ``hint`` for a generator, which leaves
            the image as it is.
    """

    writes = ("image", "hint")

    into: Into = "image"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The field that the drawing goes to."""
        return (self.into,)

    @abstractmethod
    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        """Give the drawing in the unit range, (h, w) or (h, w, 3)."""

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        codes: NDArray[Any] = from_unit(self.drawing(sample, rng), sample.image.dtype)
        if codes.ndim == 2:
            channels = sample.image.shape[2] if self.into == "image" else 1
            codes = np.repeat(codes[..., None], channels, axis=2)
        return sample.but(**{self.into: codes})
