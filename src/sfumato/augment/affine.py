"""Any map that keeps parallels: scale, turn, shear and move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._motion import Motion, apply_matrix
from sfumato.augment._projective import Projective, rotation_about, shift
from sfumato.augment._resampled import Resampled
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import as_range, symmetric
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import RangeError

__all__ = ["Affine", "fitted"]

Range = tuple[float, float]
Axes = tuple[Range, Range]
"""A range for x and one for y."""


def _axes(value: Any, bare: Any) -> Any:
    """Read a number, a range, or a dict of such for x and y."""
    if isinstance(value, Mapping):
        return tuple(bare(value[axis]) if axis in value else None for axis in ("x", "y"))
    return value


def _scale(value: Any) -> Any:
    if value is None:
        return (1.0, 1.0)
    axes = _axes(as_range(value), as_range)
    return tuple(axis or (1.0, 1.0) for axis in axes) if isinstance(value, Mapping) else axes


def _translate(value: Any) -> Any:
    if value is None or not isinstance(value, Mapping):
        return as_range(value)
    return tuple(axis or (0.0, 0.0) for axis in _axes(value, as_range))


def _rotate(value: Any) -> Any:
    return (0.0, 0.0) if value is None else as_range(value)


def _shear(value: Any) -> Any:
    if value is None:
        return (0.0, 0.0)
    if isinstance(value, (int, float)):
        return symmetric(value)
    axes = _axes(value, as_range)
    return tuple(axis or (0.0, 0.0) for axis in axes) if isinstance(value, Mapping) else axes


class Affine(Resampled):
    """Scale, turn and shear about the center, then move.

    A range for both axes, or a dict with one for ``x`` and one for ``y``, is taken by
    ``scale``, ``translate_percent``, ``translate_px`` and ``shear``.

    Args:
        scale: drawn for each axis; one number is a fixed scale.
        translate_percent: the move as a share of width and height.
        translate_px: the move in pixels; not together with ``translate_percent``.
        rotate: the angle in degrees, counter-clockwise.
        shear: angles in degrees; one range shears along x, and y as much by another draw.
        fit_output: change the size so that all of the moved picture is in view.
        keep_ratio: scale both axes alike.
        rotate_method: boxes become the bound of the moved box, or of the ellipse in it.
        balanced_scale: shrink as often as grow, where the range allows both.

    Raises:
        RangeError: both kinds of moves are given, or a scale is not positive.
    """

    scale: Annotated[Range | Axes, Between(0.0)] = (1.0, 1.0)
    translate_percent: Annotated[Range | Axes, Between()] | None = None
    translate_px: Annotated[Range | Axes, Between()] | None = None
    rotate: Annotated[Range, Between()] = (0.0, 0.0)
    shear: Annotated[Range | Axes, Between(-89.0, 89.0)] = (0.0, 0.0)
    fit_output: bool = False
    keep_ratio: bool = False
    rotate_method: Literal["largest_box", "ellipse"] = "largest_box"
    balanced_scale: bool = False

    order = ("scale", "translate_percent", "translate_px", "rotate", "shear", "interpolation",
             "mask_interpolation", "fit_output", "keep_ratio", "rotate_method", "balanced_scale",
             "border_mode", "fill", "fill_mask", "p")  # fmt: skip
    order_1_3 = ("scale", "translate_percent", "translate_px", "rotate", "shear", "interpolation",
                 "mask_interpolation", "fill", "fill_mask", "border_mode", "fit_output",
                 "keep_ratio", "rotate_method", "p")  # fmt: skip
    defaults_1_3 = {}
    shorthand = {
        **Resampled.shorthand,
        "scale": _scale,
        "translate_percent": _translate,
        "translate_px": _translate,
        "rotate": _rotate,
        "shear": _shear,
    }

    @classmethod
    def understand_1_3(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """Without any argument 1.3 did a little of everything."""
        moves = ("scale", "translate_percent", "translate_px", "rotate", "shear")
        if any(settings.get(name) is not None for name in moves):
            return settings
        little = {"scale": (0.9, 1.1), "translate_percent": (-0.1, 0.1), "rotate": (-15, 15)}
        return {**settings, **little, "shear": {"x": (-10, 10), "y": (-10, 10)}}

    def check(self) -> None:
        if self.translate_percent is not None and self.translate_px is not None:
            raise RangeError(
                "Affine: translate_percent and translate_px are both given", hint="leave one out"
            )
        if min(np.ravel(self.scale)) <= 0:
            raise RangeError(f"Affine.scale: {self.scale} reaches 0")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        height, width = targets.size
        draws = [self._draw_scale(rng, axis) for axis in _per_axis(self.scale)]
        if self.keep_ratio:
            draws[1] = draws[0]
        move = [0.0, 0.0]
        if self.translate_px is not None:
            move = [float(np.rint(rng.uniform(*axis))) for axis in _per_axis(self.translate_px)]
        elif self.translate_percent is not None:
            shares = [rng.uniform(*axis) for axis in _per_axis(self.translate_percent)]
            move = [float(int(shares[0] * width)), float(int(shares[1] * height))]
        return {
            "scale": draws,
            "translate": move,
            "rotate": rng.uniform(*self.rotate),
            "shear": [rng.uniform(*axis) for axis in _per_axis(self.shear)],
        }

    def _draw_scale(self, rng: Rng, axis: Range) -> float:
        low, high = axis
        if self.balanced_scale and low < 1.0 < high:
            low, high = (low, 1.0) if rng.random() < 0.5 else (1.0, high)
        return float(rng.uniform(low, high))

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        height, width = size
        center = ((width - 1) / 2, (height - 1) / 2)
        x, y = np.tan(np.deg2rad(params["shear"]))
        shear = np.array([[1.0, -x, 0.0], [-y, 1.0, 0.0], [0.0, 0.0, 1.0]])
        inner = shear @ rotation_about((0.0, 0.0), params["rotate"])
        inner = inner @ np.diag([*params["scale"], 1.0])
        matrix = shift(*center) @ inner @ shift(-center[0], -center[1])
        matrix = shift(*params["translate"]) @ matrix
        out = size
        if self.fit_output:
            matrix, out = fitted(matrix, size)
        return Projective(matrix, out, size, ellipse=self.rotate_method == "ellipse")


def _per_axis(value: Any) -> Axes:
    first = value[0]
    return value if isinstance(first, tuple) else (value, value)


def fitted(
    matrix: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Move a map, and choose a size, so that all of the picture is in view."""
    height, width = size
    right, bottom = width - 0.5, height - 0.5
    corners = np.array([[-0.5, -0.5], [right, -0.5], [-0.5, bottom], [right, bottom]])
    moved = apply_matrix(matrix, corners)
    low, high = moved.min(axis=0), moved.max(axis=0)
    extent = np.ceil(high - low - 1e-9).astype(int)
    # What is left of the last pixel is shared by both sides.
    rest = (extent - (high - low)) / 2
    shifted = shift(*(rest - 0.5 - low)) @ matrix
    return shifted, (int(max(1, extent[1])), int(max(1, extent[0])))
