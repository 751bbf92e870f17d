"""Give the values of a picture the distribution of another's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._reference import EXAMPLE, ReferenceTransform, blend
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["PixelDistributionAdaptation"]


class PixelDistributionAdaptation(ReferenceTransform):
    """Give the values of a picture the distribution of another's.

    ``standard`` matches mean and deviation of each channel, ``minmax`` the smallest and largest
    value; ``pca`` turns the principal axes of the colors onto those of the other picture, mean
    on mean.

    Args:
        reference_images: the other pictures, arrays or paths; one is drawn. None to read
            them from the call.
        blend_ratio: the share of the adapted picture in the result is drawn from here.
        read_fn: reads what ``reference_images`` holds; none for arrays and paths of files.
        transform_type: which of the three.
        metadata_key: the name by which the call gives the pictures.

    Raises:
        FieldError: there is no other picture.
        ShapeError: the other picture has another number of channels.

    Example:
        >>> dark, light = np.uint8([[[10], [20]]]), np.uint8([[[100], [140]]])
        >>> op = PixelDistributionAdaptation([light], (1, 1), transform_type="minmax", p=1)
        >>> op(dark).ravel()
        array([100, 140], dtype=uint8)
    """

    reference_images: Any = None
    blend_ratio: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.25, 1.0)
    read_fn: Any = None
    transform_type: Literal["pca", "standard", "minmax"] = "pca"
    metadata_key: str = "pda_metadata"

    own_defaults = ("read_fn",)
    _example = {"reference_images": EXAMPLE}
    channels = (1, 3)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        share = rng.uniform(*self.blend_ratio)
        return {"reference": self.draw_reference(rng, targets), "share": share}

    def adapt(self, image: Image, model: Image, params: Params) -> Image:
        channels = image.shape[2]
        own = image.reshape(-1, channels).astype(np.float32)
        other = model.reshape(-1, channels).astype(np.float32)
        if self.transform_type == "pca":
            matrix, shift = _turn(own, other)
            values = own @ matrix + shift
        else:
            (low, spread), (base, wanted) = (
                _scale(values, self.transform_type) for values in (own, other)
            )
            factor = wanted / np.where(spread > 0.0, spread, 1.0)
            values = (own - low) * factor + base
        white = full_range(image.dtype)
        values = np.clip(values, 0.0, white).reshape(image.shape)
        adapted = values if white == 1.0 else np.rint(values)
        return blend(adapted.astype(image.dtype), image, params["share"])


def _scale(values: NDArray[np.float32], kind: str) -> tuple[NDArray[Any], NDArray[Any]]:
    if kind == "standard":
        return values.mean(axis=0), values.std(axis=0)
    low = values.min(axis=0)
    return low, values.max(axis=0) - low


def _turn(
    own: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give the matrix and the shift that bring the axes of one cloud onto those of another."""
    axes = []
    means = []
    for values in (own, other):
        mean = values.mean(axis=0, dtype=np.float64)
        _, vectors = np.linalg.eigh(
            np.cov(values, rowvar=False, bias=True).reshape(values.shape[1], -1)
        )
        # Axes have no direction of their own: all point to where the values grow.
        axes.append(vectors * np.where(vectors.sum(axis=0) < 0.0, -1.0, 1.0))
        means.append(mean)
    matrix = axes[0] @ axes[1].T
    return matrix.astype(np.float32), (means[1] - means[0] @ matrix).astype(np.float32)
