"""Keep only the leading bits of every value."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._levels import apply_table
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range
from sfumato.errors import RangeError, ShapeError

__all__ = ["Posterize"]

Bits = Annotated[tuple[int, int], Between(1, 7)]


def _as_range(bits: Any) -> Any:
    if isinstance(bits, int) and not isinstance(bits, bool):
        return (bits, bits)
    if isinstance(bits, (list, tuple)) and len(bits) != 2:
        return tuple((b, b) if isinstance(b, int) else tuple(b) for b in bits)
    if isinstance(bits, (list, tuple)) and not all(isinstance(b, int) for b in bits):
        return tuple((b, b) if isinstance(b, int) else tuple(b) for b in bits)
    return bits


class Posterize(PixelTransform):
    """Keep only the leading bits of every value, as a poster of few inks does.

    A value of 16 bits keeps as many of its leading bits, a float those of its 8-bit level.

    Args:
        num_bits: how many bits are kept is drawn from here; a bare number is exactly that
            many, a list has a number or a range for each channel.

    Raises:
        ShapeError: a list for another number of channels than the picture has.

    Example:
        >>> Posterize(num_bits=1, p=1)(np.full((1, 1, 1), 200, np.uint8)).item()
        128
    """

    num_bits: Bits | tuple[Bits, ...] = (4, 4)

    shorthand = {"num_bits": _as_range}

    def check(self) -> None:
        for low, high in self._ranges():
            if low > high:
                raise RangeError(f"Posterize.num_bits: the range ({low}, {high}) is empty")

    def _ranges(self) -> tuple[tuple[int, int], ...]:
        bits: Any = self.num_bits
        return bits if isinstance(bits[0], tuple) else (bits,)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"num_bits": [int(rng.integers(low, high + 1)) for low, high in self._ranges()]}

    def change_image(self, image: Image, params: Params) -> Image:
        bits = params["num_bits"]
        if len(bits) not in (1, image.shape[2]):
            raise ShapeError(
                f"Posterize.num_bits: {len(bits)} channels are listed, the picture has "
                f"{image.shape[2]}"
            )
        if image.dtype == np.float32:
            levels = np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
            return self._masked(levels, bits, 8) * np.float32(1.0 / 255.0)
        return self._masked(image, bits, 8 * image.dtype.itemsize)

    @staticmethod
    def _masked(image: Image, bits: list[int], depth: int) -> Image:
        masks = np.array([((1 << b) - 1) << (depth - b) for b in bits], image.dtype)
        if len(bits) == 1:
            return np.bitwise_and(image, masks[0])  # type: ignore[no-any-return]
        levels = np.arange(int(full_range(image.dtype)) + 1).astype(image.dtype)
        return apply_table(image, levels[:, None] & masks)
