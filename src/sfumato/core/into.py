"""Where an operator that draws puts its drawing."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit

__all__ = ["Into", "put_drawing"]

Into: TypeAlias = Literal["image", "hint"]


def put_drawing(sample: Sample, drawing: NDArray[np.float32], into: Into) -> Sample:
    """Give the sample with a drawing of unit range, in the dtype of its picture.

    A drawing of one channel has the picture's number of channels as an image, and
    one channel as a hint; a drawing in colour is kept as it is.

    Shape:
        drawing (h, w) or (h, w, 3).
    """
    codes = from_unit(drawing, sample.image.dtype)
    if codes.ndim == 2:
        channels = sample.image.shape[2] if into == "image" else 1
        codes = np.repeat(codes[..., None], channels, axis=2)
    return sample.but(image=codes) if into == "image" else sample.but(hint=codes)
