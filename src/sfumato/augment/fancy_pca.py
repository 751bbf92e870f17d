"""Vary the colors along the axes in which they vary anyway."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._levels import add_by_channel
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["FancyPCA"]


class FancyPCA(PixelTransform):
    """Vary the colors along the axes in which they vary anyway.

    With p_k the eigenvectors and l_k the eigenvalues of the covariance of the picture's own
    colors on the unit range, every pixel gets sum_k a_k l_k p_k added, a_k normal.

    Args:
        alpha: standard deviation of the a_k.

    Example:
        >>> FancyPCA(alpha=0, p=1)(np.full((2, 2, 3), 7, np.uint8))[0, 0]
        array([7, 7, 7], dtype=uint8)

    References:
        A. Krizhevsky, I. Sutskever, G. E. Hinton. ImageNet Classification with Deep
        Convolutional Neural Networks. NIPS 2012.
    """

    alpha: Annotated[float, Between(0.0, 100.0)] = 0.1

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"alphas": rng.normal(0.0, self.alpha, (targets.image.shape[2],)).tolist()}

    def change_image(self, image: Image, params: Params) -> Image:
        values, vectors = np.linalg.eigh(_covariance(image))
        shift = vectors @ (np.array(params["alphas"]) * values)
        white = full_range(image.dtype)
        # Rounded here: what adds cuts the rest off.
        shift = shift if white == 1.0 else np.rint(shift * white)
        return add_by_channel(image, shift.astype(np.float32))


def _covariance(image: Image) -> NDArray[np.float64]:
    """Give the covariance of the channels on the unit range."""
    channels = image.shape[2]
    sums, products = np.zeros(channels), np.zeros((channels, channels))
    _moments(np.ascontiguousarray(image), sums, products)
    count = image.shape[0] * image.shape[1]
    covariance: NDArray[np.float64] = products - np.outer(sums, sums) / count
    return covariance / max(count - 1, 1) / full_range(image.dtype) ** 2  # type: ignore[no-any-return]


@compiled
def _moments(image: Any, sums: Any, products: Any) -> None:
    height, width, channels = image.shape
    row = np.empty((channels, width))
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                row[c, x] = image[y, x, c]
        for c in range(channels):
            for x in range(width):
                sums[c] += row[c, x]
            for d in range(c + 1):
                total = 0.0
                for x in range(width):
                    total += row[c, x] * row[d, x]
                products[c, d] += total
                if d < c:
                    products[d, c] += total
