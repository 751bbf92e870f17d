"""Give a picture the histogram of another."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._histogram import count_levels
from sfumato.augment._levels import apply_table
from sfumato.augment._reference import EXAMPLE, ReferenceTransform, blend, resized_like
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["HistogramMatching"]


class HistogramMatching(ReferenceTransform):
    """Give a picture the histogram of another, channel by channel.

    A value goes to the one that as large a share of the other picture lies below.

    Args:
        reference_images: the other pictures, arrays or paths; one is drawn. None to read
            them from the call.
        blend_ratio: the share of the matched picture in the result is drawn from here.
        read_fn: reads what ``reference_images`` holds; none for arrays and paths of files.
        metadata_key: the name by which the call gives the pictures.

    Raises:
        FieldError: there is no other picture.
        ShapeError: the other picture has another number of channels.

    Example:
        >>> dark, light = np.uint8([[[10], [20]]]), np.uint8([[[110], [220]]])
        >>> HistogramMatching([light], (1, 1), p=1)(dark).ravel()
        array([110, 220], dtype=uint8)
    """

    reference_images: Any = None
    blend_ratio: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.5, 1.0)
    read_fn: Any = None
    metadata_key: str = "hm_metadata"

    own_defaults = ("read_fn",)
    _example = {"reference_images": EXAMPLE}
    channels = (1, 3)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        share = rng.uniform(*self.blend_ratio)
        return {"reference": self.draw_reference(rng, targets), "share": share}

    def adapt(self, image: Image, model: Image, params: Params) -> Image:
        model = resized_like(model, image)
        if image.dtype == np.float32:
            planes = [_matched(image[..., c], model[..., c]) for c in range(image.shape[2])]
            return blend(np.stack(planes, axis=-1), image, params["share"])
        counts, wanted = count_levels(image), count_levels(model)
        tables = [_table(counts[:, c], wanted[:, c]) for c in range(image.shape[2])]
        matched = apply_table(image, np.stack(tables, axis=1).astype(image.dtype))
        return blend(matched, image, params["share"])


def _table(counts: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    have = np.flatnonzero(wanted)
    shares = np.cumsum(wanted[have]) / wanted.sum()
    return np.rint(np.interp(np.cumsum(counts) / counts.sum(), shares, have))  # type: ignore[no-any-return]


def _matched(plane: Image, model: Image) -> Image:
    values, where, counts = np.unique(plane.reshape(-1), return_inverse=True, return_counts=True)
    wanted, many = np.unique(model.reshape(-1), return_counts=True)
    shares = np.cumsum(many) / model.size
    table = np.interp(np.cumsum(counts) / plane.size, shares, wanted).astype(np.float32)
    return table[where].reshape(plane.shape) if len(values) else plane
