"""Put a frame around a picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from sfumato.augment._cut import Cut
from sfumato.augment._motion import Motion
from sfumato.augment._resampled import Framed
from sfumato.augment._targets import Params, Targets
from sfumato.augment.crops import PLACES, padding_before
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import SpecError

__all__ = ["Pad", "PadIfNeeded"]

Pixels = Annotated[int, Between(1)]
Width = Annotated[int, Between(0)]
Share = Annotated[float, Between(0.0, 1.0)]


def _four_sides(value: Any) -> Any:
    if isinstance(value, int):
        return (value,) * 4
    values = tuple(value)
    return values * 2 if len(values) == 2 else values


class Pad(Framed):
    """Put a frame of a given width around the picture.

    Args:
        padding: left, top, right and bottom in pixels; two values are the sides and the top
            and bottom, one value is all.
    """

    padding: tuple[Width, Width, Width, Width] = (0, 0, 0, 0)
    p: Share = 1.0

    order = ("padding", "fill", "fill_mask", "border_mode", "p")
    shorthand = {**Framed.shorthand, "padding": _four_sides}
    _example = {"padding": (1, 2, 3, 4)}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        left, top, right, bottom = self.padding
        return Cut(-left, -top, (size[0] + top + bottom, size[1] + left + right))


def _position(value: Any) -> Any:
    return getattr(value, "value", value)


class PadIfNeeded(Framed):
    """Put a frame around a picture that is too small, or not a multiple of a number.

    Args:
        min_height: in pixels; not together with ``pad_height_divisor``.
        min_width: in pixels; not together with ``pad_width_divisor``.
        pad_height_divisor: the height becomes a multiple of it.
        pad_width_divisor: the width becomes a multiple of it.
        position: where the picture lies in the frame.

    Raises:
        SpecError: neither or both of a minimum and a divisor are given.
    """

    min_height: Pixels | None = 1024
    min_width: Pixels | None = 1024
    pad_height_divisor: Pixels | None = None
    pad_width_divisor: Pixels | None = None
    position: Literal[
        "center", "top_left", "top_right", "bottom_left", "bottom_right", "random"
    ] = "center"
    p: Share = 1.0

    order = ("min_height", "min_width", "pad_height_divisor", "pad_width_divisor", "position",
             "border_mode", "fill", "fill_mask", "p")  # fmt: skip
    defaults_1_3 = {"border_mode": "reflect_101"}
    shorthand = {**Framed.shorthand, "position": _position}
    _example = {"min_height": 50, "min_width": 60}

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        # A divisor stands instead of the minimum, which need not be unset by hand.
        for side in ("height", "width"):
            if settings.get(f"pad_{side}_divisor") is not None:
                settings.setdefault(f"min_{side}", None)
        return settings

    def check(self) -> None:
        for side in ("height", "width"):
            minimum = getattr(self, f"min_{side}")
            divisor = getattr(self, f"pad_{side}_divisor")
            if (minimum is None) == (divisor is None):
                raise SpecError(
                    f"PadIfNeeded: give either min_{side} or pad_{side}_divisor, "
                    f"got {minimum} and {divisor}"
                )

    def draw(self, rng: Rng, targets: Targets) -> Params:
        if self.position == "random":
            return {"shares": rng.random(2).tolist()}
        return {}

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        height = _padded(size[0], self.min_height, self.pad_height_divisor)
        width = _padded(size[1], self.min_width, self.pad_width_divisor)
        x_share, y_share = params["shares"] if "shares" in params else PLACES[self.position]
        left = padding_before(width - size[1], x_share)
        top = padding_before(height - size[0], y_share)
        return Cut(-left, -top, (height, width))


def _padded(length: int, minimum: int | None, divisor: int | None) -> int:
    if minimum is not None:
        return max(length, minimum)
    assert divisor is not None
    return -(-length // divisor) * divisor
