"""Between integer levels and floats."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from sfumato.augment._levels import apply_table, levels_of
from sfumato.augment._targets import Params
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.shapes import Image, full_range

__all__ = ["FromFloat", "ToFloat"]


class ToFloat(PixelTransform):
    """Divide by white, so that a picture of integers becomes one of floats.

    Args:
        max_value: what stands for white; none for that of the dtype: 255, 65535 or 1.

    Example:
        >>> ToFloat(p=1)(np.full((1, 1, 1), 51, np.uint8)).item()
        0.20000000298023224
    """

    max_value: Annotated[float | None, Between(1e-6, 1e9)] = None
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    alters = ("dtype",)
    wants_unit_range = False

    def change_image(self, image: Image, params: Params) -> Image:
        white = full_range(image.dtype) if self.max_value is None else self.max_value
        if image.dtype == np.float32:
            return image if white == 1.0 else image / np.float32(white)
        if image.dtype == np.uint8:
            return apply_table(image, levels_of(image) / np.float32(white))
        return np.divide(image, np.float32(white), dtype=np.float32)


class FromFloat(PixelTransform):
    """Turn a picture of floats into one of integers: times white, rounded, ended at both ends.

    Args:
        dtype: of the result.
        max_value: what stands for white; none for that of the dtype.

    Example:
        >>> FromFloat(p=1)(np.full((1, 1, 1), 0.2, np.float32)).item()
        51
    """

    dtype: Literal["uint8", "uint16"] = "uint8"
    max_value: Annotated[float | None, Between(1e-6, 1e9)] = None
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    alters = ("dtype",)
    defaults_1_3 = {"dtype": "uint16"}
    wants_unit_range = False

    def change_image(self, image: Image, params: Params) -> Image:
        white = full_range(self.dtype) if self.max_value is None else self.max_value
        top = np.float32(full_range(self.dtype))
        out = np.empty(image.shape, self.dtype)
        values = np.ascontiguousarray(image, np.float32).reshape(-1)
        _to_levels(values, np.float32(white), top, out.reshape(-1))
        return out


@compiled
def _to_levels(values: Any, white: Any, top: Any, out: Any) -> None:
    low = np.float32(0.0)
    for i in range(values.size):
        out[i] = np.int32(min(max(np.rint(values[i] * white), low), top))
