"""Stretch the tones of every channel to the full range."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._histogram import count_levels, in_levels
from sfumato.augment._levels import apply_table
from sfumato.augment._targets import Params
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.shapes import Image

__all__ = ["AutoContrast"]


class AutoContrast(PixelTransform):
    """Stretch the tones of every channel to the full range.

    The histogram has 256 levels; floats are worked on by them, 16-bit pictures by 65536.

    Args:
        cutoff: this percentage of the pixels may be lost at either end.
        ignore: a level that is not counted.
        method: ``pil`` stretches along a line, as Pillow does; ``cdf`` along the cumulative
            histogram between the two ends.

    Example:
        >>> AutoContrast(method="pil", p=1)(np.uint8([[[50, 0, 9], [100, 0, 9]]]))[0, :, 0]
        array([  0, 255], dtype=uint8)
    """

    cutoff: Annotated[float, Between(0.0, 100.0)] = 0.0
    ignore: Annotated[int | None, Between(0, 65535)] = None
    method: Literal["cdf", "pil"] = "cdf"

    def change_image(self, image: Image, params: Params) -> Image:
        return in_levels(image, self._stretched)

    def _stretched(self, image: Image) -> Image:
        counts = count_levels(image)
        tables = np.stack([self._table(counts[:, c]) for c in range(image.shape[2])], axis=1)
        return apply_table(image, tables.astype(image.dtype))

    def _table(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        levels = np.arange(float(len(counts)))
        white = len(counts) - 1
        if self.ignore is not None and self.ignore <= white:
            counts = counts.copy()
            counts[self.ignore] = 0
        total = int(counts.sum())
        lost = int(total * self.cutoff // 100)
        cumulative = np.cumsum(counts)
        low = int(np.searchsorted(cumulative, lost, "right"))
        high = white - int(np.searchsorted(np.cumsum(counts[::-1]), lost, "right"))
        if high <= low:
            return levels
        table: NDArray[Any]
        if self.method == "pil":
            table = (levels - low) * (white / (high - low))
        else:
            base = float(cumulative[low])
            table = (cumulative - base) * (white / max(float(cumulative[high]) - base, 1.0))
        table = np.rint(np.clip(table, 0.0, white))
        if self.ignore is not None and self.ignore <= white:
            table[self.ignore] = self.ignore
        return table
