"""Cut off each side, or frame it."""

from __future__ import annotations

from typing import Annotated, Any

from sfumato.augment._cut import Cut
from sfumato.augment._motion import Motion
from sfumato.augment._resampled import Resampled
from sfumato.augment._rescale import Rescale
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import SpecError

__all__ = ["CropAndPad"]

Choice = float | tuple[float, ...]
"""A fixed amount, a range to draw from, or (of more than two values) amounts to choose from."""
Sides = Choice | tuple[Choice, Choice, Choice, Choice]


class CropAndPad(Resampled):
    """Frame each side by a positive amount, or cut off a negative one.

    An amount is a number, a pair to draw from, or four of either for top, right, bottom and
    left.

    Args:
        px: the amounts in pixels; not together with ``percent``.
        percent: the amounts as shares of height and width.
        keep_size: scale the result to the size of the picture.
        sample_independently: draw for each side anew.

    Raises:
        SpecError: neither or both kinds of amounts are given.
    """

    px: Sides | None = None
    percent: Annotated[Sides, Between(-1.0)] | None = None
    keep_size: bool = True
    sample_independently: bool = True
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    order = ("px", "percent", "keep_size", "sample_independently", "interpolation",
             "mask_interpolation", "border_mode", "fill", "fill_mask", "p")  # fmt: skip
    order_1_3 = ("px", "percent", "border_mode", "fill", "fill_mask", "keep_size",
                 "sample_independently", "interpolation", "p")  # fmt: skip
    defaults_1_3 = {}
    _example = {"px": (-3.0, 2.0)}

    def check(self) -> None:
        if (self.px is None) == (self.percent is None):
            raise SpecError("CropAndPad: give px or percent, and not both")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        lengths = (height, width, height, width)
        if self.px is not None:
            amounts = [round(value) for value in self._four(self.px, rng)]
        else:
            shares = self._four(self.percent, rng)
            amounts = [int(s * n) for s, n in zip(shares, lengths, strict=True)]
        top, right, bottom, left = amounts
        left, right = _keep_one(left, right, width)
        top, bottom = _keep_one(top, bottom, height)
        return {"sides": [top, right, bottom, left]}

    def _four(self, amounts: Any, rng: Rng) -> list[float]:
        if isinstance(amounts, tuple) and len(amounts) == 4:
            return [_draw(one, rng) for one in amounts]
        if self.sample_independently:
            return [_draw(amounts, rng) for _ in range(4)]
        return [_draw(amounts, rng)] * 4

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        top, right, bottom, left = params["sides"]
        height, width = size[0] + top + bottom, size[1] + left + right
        if self.keep_size:
            return Rescale((-left, -top, height, width), size, size)
        return Cut(-left, -top, (height, width))


def _draw(amount: Any, rng: Rng) -> float:
    if isinstance(amount, tuple):
        if len(amount) == 2:
            return float(rng.uniform(min(amount), max(amount)))
        return float(amount[rng.integers(len(amount))])
    return float(amount)


def _keep_one(before: int, behind: int, length: int) -> tuple[int, int]:
    """Cut off less where nothing would be left of the picture."""
    before, behind = max(before, 1 - length), max(behind, 1 - length)
    excess = 1 - (length + before + behind)
    if excess <= 0:
        return before, behind
    give = min(excess, max(0, -behind))
    return before + (excess - give), behind + give
