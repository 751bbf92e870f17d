"""The few colors that a picture is made of, as a list and as a hint."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.drawing import DrawingOperator, Into
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, check_image, to_unit
from sfumato.errors import RangeError, ShapeError

__all__ = ["ShowPalette", "palette_of"]

MOST_PIXELS = 20_000
"""More pixels change a palette no longer; an even grid of so many is looked at."""


def palette_of(image: Image, colors: int = 6, *, seed: int = 0) -> NDArray[np.float32]:
    """Find the colors that stand for a picture, the commonest first.

    K-means in CIE Lab, where distances are as people see them.

    Args:
        image: uint8, uint16 or float32, sRGB.
        colors: how many; fewer come back where the picture has fewer.
        seed: of the first guess.

    Shape:
        image (h, w, 1 or 3); returns (k, 3) float32, sRGB in 0..1.

    Raises:
        ShapeError: neither 1 nor 3 channels.
        RangeError: fewer than one color asked for, or the picture holds NaN.

    Example:
        >>> flag = np.zeros((6, 9, 3), np.uint8)
        >>> flag[:, :6], flag[:, 6:] = (255, 0, 0), (0, 0, 255)
        >>> palette_of(flag, 4).round(2).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    pixels = to_unit(check_image(image, "palette_of"))
    if pixels.shape[2] not in (1, 3):
        raise ShapeError(f"palette_of: expected 1 or 3 channels, got {pixels.shape[2]}")
    if colors < 1:
        raise RangeError(f"palette_of: expected at least 1 color, got {colors}")
    if not np.isfinite(pixels).all():
        raise RangeError("palette_of: the picture holds NaN or infinity")
    flat = np.broadcast_to(np.clip(pixels, 0.0, 1.0), (*pixels.shape[:2], 3)).reshape(-1, 3)
    flat = flat[:: max(1, len(flat) // MOST_PIXELS)]
    lab = cv2.cvtColor(flat[None], cv2.COLOR_RGB2LAB)[0]
    wanted = min(colors, len(np.unique(lab.round(1), axis=0)))
    cv2.setRNGSeed(seed)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 0.05)
    # As a column of three channels: a row of numbers would be points of one dimension.
    _, labels, centers = cv2.kmeans(lab[:, None], wanted, None, stop, 3, cv2.KMEANS_PP_CENTERS)
    order = np.argsort(-np.bincount(labels.ravel(), minlength=wanted), kind="stable")
    shown = cv2.cvtColor(np.asarray(centers[order], np.float32)[None], cv2.COLOR_LAB2RGB)[0]
    return np.asarray(np.clip(shown, 0.0, 1.0), np.float32)


class ShowPalette(DrawingOperator):
    """Show where the colors of a picture lie, without its forms: a hint of color.

    Args:
        how: ``mosaic`` shrinks the picture by ``cell_px`` and enlarges it without
            smoothing, which is what the published color adapter was taught;
            ``palette`` puts the commonest colors side by side as stripes.
        cell_px: size of a tile of the mosaic.
        colors: number of stripes.
        into: where the result goes: ``hint``, or ``image``.

    Raises:
        ShapeError: neither 1 nor 3 channels.

    Example:
        >>> picture = np.zeros((8, 8, 3), np.uint8)
        >>> picture[:, 4:] = 200
        >>> ShowPalette(cell_px=4)(Sample(picture)).hint[0, ::4, 0].tolist()
        [0, 200]
    """

    how: Literal["mosaic", "palette"] = "mosaic"
    cell_px: Annotated[int, Between(1, 4096)] = 64
    colors: Annotated[int, Between(1, 64)] = 6
    into: Into = "hint"

    def drawing(self, sample: Sample, rng: Rng) -> NDArray[np.float32]:
        if sample.image.shape[2] not in (1, 3):
            raise ShapeError(f"ShowPalette: expected 1 or 3 channels, got {sample.image.shape[2]}")
        return self._mosaic(sample.image) if self.how == "mosaic" else self._stripes(sample.image)

    def _mosaic(self, image: Image) -> NDArray[np.float32]:
        height, width = image.shape[:2]
        small = (-(-width // self.cell_px), -(-height // self.cell_px))
        tiles = cv2.resize(to_unit(image), small, interpolation=cv2.INTER_AREA)
        # A gray picture loses its channel axis on the way, as drawings of one channel have it.
        return np.asarray(cv2.resize(tiles, (width, height), interpolation=cv2.INTER_NEAREST))

    def _stripes(self, image: Image) -> NDArray[np.float32]:
        palette = palette_of(image, self.colors)
        width = image.shape[1]
        which = np.minimum(np.arange(width) * len(palette) // width, len(palette) - 1)
        stripes = np.repeat(palette[which][None], image.shape[0], axis=0)
        return stripes if image.shape[2] == 3 else stripes[..., 0]
