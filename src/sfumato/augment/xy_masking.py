"""Cut stripes out of a picture, across or down."""

from __future__ import annotations

from typing import Annotated, Any

from sfumato.augment._chance import draw_seed
from sfumato.augment._dropout import Fill, HoleDropout, Number
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import RangeError, ShapeError

__all__ = ["FrequencyMasking", "TimeMasking", "XYMasking"]

Count = Annotated[tuple[int, int], Between(0, 1 << 20)]


def _as_range(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


class XYMasking(HoleDropout):
    """Cut stripes out of a picture, from top to bottom or from side to side.

    Args:
        num_masks_x: how many stripes from top to bottom; a number or a range.
        num_masks_y: how many from side to side.
        mask_x_length: width of each of the first in pixels; a number or a range.
        mask_y_length: height of each of the second.

    Raises:
        RangeError: an empty range, or no stripes at all.
        ShapeError: a stripe longer than the picture.

    Example:
        >>> op = XYMasking(num_masks_x=1, mask_x_length=2, p=1)
        >>> int((op(np.full((4, 4), 9, np.uint8)) == 0).sum())
        8

    References:
        D. S. Park et al. SpecAugment: A Simple Data Augmentation Method for Automatic Speech
        Recognition. Interspeech 2019. arXiv:1904.08779
    """

    num_masks_x: Count = (0, 0)
    num_masks_y: Count = (0, 0)
    mask_x_length: Count = (0, 0)
    mask_y_length: Count = (0, 0)
    fill: Fill = 0.0
    fill_mask: Number | tuple[Number, ...] | None = None

    shorthand = {
        f"{name}": _as_range
        for name in ("num_masks_x", "num_masks_y", "mask_x_length", "mask_y_length")
    }
    legacy = {"fill_value": "fill", "mask_fill_value": "fill_mask"}
    blind = True
    _example = {"num_masks_x": 1, "mask_x_length": 1}

    def check(self) -> None:
        for name in ("num_masks_x", "num_masks_y", "mask_x_length", "mask_y_length"):
            low, high = getattr(self, name)
            if low > high:
                raise RangeError(f"XYMasking.{name}: the range ({low}, {high}) is empty")
        if self.mask_x_length[1] == 0 and self.mask_y_length[1] == 0:
            raise RangeError("XYMasking: mask_x_length or mask_y_length must be above 0")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        holes = []
        if self.mask_x_length[1] > width or self.mask_y_length[1] > height:
            raise ShapeError(
                f"XYMasking: stripes up to {self.mask_x_length[1]} x {self.mask_y_length[1]} px "
                f"do not fit a picture of {width} x {height} px"
            )
        for start, end in _stripes(rng, self.num_masks_x, self.mask_x_length, width):
            holes.append([start, 0, end, height])
        for start, end in _stripes(rng, self.num_masks_y, self.mask_y_length, height):
            holes.append([0, start, width, end])
        return {"holes": holes, "seed": draw_seed(rng) if isinstance(self.fill, str) else 0}


def _stripes(
    rng: Rng, counts: tuple[int, int], lengths: tuple[int, int], whole: int
) -> list[tuple[int, int]]:
    fewest, most = counts
    count = fewest if fewest == most else int(rng.integers(fewest, most + 1))
    low, high = lengths
    drawn = rng.random(2 * count).tolist()
    stripes = []
    for k in range(0, 2 * count, 2):
        length = low + int(drawn[k] * (high - low + 1))
        start = int(drawn[k + 1] * (whole - length + 1))
        stripes.append((start, start + length))
    return stripes


class TimeMasking(HoleDropout):
    """Cut one stripe of time out of a spectrogram: from top to bottom, filled with 0.

    Args:
        time_mask_param: greatest length in columns; the length is drawn from 0 to it.

    Example:
        >>> TimeMasking(3, p=1)(np.full((4, 8), 9, np.uint8)).shape
        (4, 8)

    References:
        As `XYMasking`.
    """

    time_mask_param: Annotated[int, Between(1, 1 << 20)] = 40

    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        ((start, end),) = _stripes(rng, (1, 1), (0, min(self.time_mask_param, width)), width)
        return {"holes": [[start, 0, end, height]], "seed": 0}

    @property
    def fill_mask(self) -> float:
        """Masks get 0 as the picture does."""
        return 0.0


class FrequencyMasking(HoleDropout):
    """Cut one band of frequencies out of a spectrogram: from side to side, filled with 0.

    Args:
        freq_mask_param: greatest height in rows; the height is drawn from 0 to it.

    Example:
        >>> FrequencyMasking(3, p=1)(np.full((8, 4), 9, np.uint8)).shape
        (8, 4)

    References:
        As `XYMasking`.
    """

    freq_mask_param: Annotated[int, Between(1, 1 << 20)] = 30

    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        ((start, end),) = _stripes(rng, (1, 1), (0, min(self.freq_mask_param, height)), height)
        return {"holes": [[0, start, width, end]], "seed": 0}

    @property
    def fill_mask(self) -> float:
        """Masks get 0 as the picture does."""
        return 0.0
