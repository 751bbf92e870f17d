"""What transforms share that resample a picture: their settings, in both vocabularies."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from sfumato.augment._motion import Resampling
from sfumato.augment._vocabulary import Legacy, border_word, interpolation_word
from sfumato.augment.spatial import SpatialTransform

__all__ = [
    "BORDER_WORDS",
    "BorderMode",
    "FillValue",
    "Interpolation",
    "as_fill",
]

Interpolation: TypeAlias = Literal[
    "nearest", "linear", "cubic", "area", "lanczos", "linear_exact", "nearest_exact"
]
BorderMode: TypeAlias = Literal["constant", "replicate", "reflect", "wrap", "reflect_101"]
FillValue: TypeAlias = float | tuple[float, ...]

FILL_WORDS: dict[str, Legacy] = {"value": "fill", "mask_value": "fill_mask"}
BORDER_WORDS: dict[str, Legacy] = {
    "cval": "fill", "cval_mask": "fill_mask", "mode": "border_mode",
    "pad_val": "fill", "mask_pad_val": "fill_mask", "pad_mode": "border_mode",
    "pad_cval": "fill", "pad_cval_mask": "fill_mask",
    "fill_value": "fill", "mask_fill_value": "fill_mask", **FILL_WORDS,
}  # fmt: skip


def as_fill(value: Any) -> Any:
    """Read an array or list of fill values; none is black."""
    if value is None:
        return 0.0
    return tuple(float(v) for v in value) if hasattr(value, "__len__") else value


class Interpolated(SpatialTransform):
    """A transform that reads between pixels, and never beyond the picture."""

    interpolation: Interpolation = "linear"
    mask_interpolation: Interpolation = "nearest"

    shorthand = {"interpolation": interpolation_word, "mask_interpolation": interpolation_word}

    def resampling(self) -> tuple[Resampling, Resampling]:
        return Resampling(self.interpolation), Resampling(self.mask_interpolation)


class Framed(SpatialTransform):
    """A transform that may show what lies beyond the picture, and moves whole pixels."""

    border_mode: BorderMode = "constant"
    fill: FillValue = 0.0
    fill_mask: FillValue = 0.0

    legacy = BORDER_WORDS
    shorthand = {"border_mode": border_word, "fill": as_fill, "fill_mask": as_fill}

    def resampling(self) -> tuple[Resampling, Resampling]:
        how = Resampling("nearest", self.border_mode, self.fill)
        return how, Resampling("nearest", self.border_mode, self.fill_mask)


class Resampled(Framed):
    """A transform that reads between pixels and beyond the picture."""

    interpolation: Interpolation = "linear"
    mask_interpolation: Interpolation = "nearest"

    shorthand = {
        **Framed.shorthand,
        "interpolation": interpolation_word,
        "mask_interpolation": interpolation_word,
    }
    defaults_1_3 = {"border_mode": "reflect_101"}

    def resampling(self) -> tuple[Resampling, Resampling]:
        how = Resampling(self.interpolation, self.border_mode, self.fill)
        return how, Resampling(self.mask_interpolation, self.border_mode, self.fill_mask)
