"""A color table: what becomes of every color, on a lattice of colors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image, check_image, from_unit, to_unit
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["LARGEST_SIZE", "ColorTable"]

LARGEST_SIZE = 129
"""Entries along an edge; 129 makes 26 MB of float32."""
LARGEST_CURVE = 65536
BAND_ROWS = 128
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)

Triple = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class ColorTable:
    """What becomes of every color, on a lattice of colors: a 3D LUT.

    Values are looked up with white at 1, whatever the dtype of the picture. Beyond the
    domain the nearest color of the table counts. Before the lattice may stand one curve a
    channel, the *shaper*, which decides where the lattice is fine; its results are then
    what ``domain`` bounds.

    Args:
        values: what the lattice colors become, red fastest: ``values[b, g, r]``.
        domain_min: the color of the first entry.
        domain_max: the color of the last entry.
        shaper: curves for red, green, blue, evenly spaced, or none.
        shaper_min: where the curves begin.
        shaper_max: where the curves end.
        title: what the file says about it.

    Shape:
        values (n, n, n, 3) float32, n from 2 to 129; shaper (m, 3) float32.

    Raises:
        ShapeError: the shape is another.
        RangeError: a value is not finite, or a domain is empty.

    Example:
        >>> swap = ColorTable.identity(2)
        >>> swap = swap.but(values=swap.values[..., ::-1])
        >>> swap(np.array([[[10, 20, 30]]], np.uint8)).tolist()
        [[[30, 20, 10]]]
    """

    values: NDArray[np.float32]
    domain_min: Triple = (0.0, 0.0, 0.0)
    domain_max: Triple = (1.0, 1.0, 1.0)
    shaper: NDArray[np.float32] | None = None
    shaper_min: Triple = (0.0, 0.0, 0.0)
    shaper_max: Triple = (1.0, 1.0, 1.0)
    title: str = ""

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, np.float32)
        size = values.shape[0] if values.ndim == 4 else 0
        if values.shape != (size, size, size, 3) or not 2 <= size <= LARGEST_SIZE:
            raise ShapeError(
                f"ColorTable: expected values (n, n, n, 3), n from 2 to {LARGEST_SIZE}, "
                f"got {np.shape(self.values)}"
            )
        object.__setattr__(self, "values", _frozen(values, "values"))
        if self.shaper is not None:
            curves = np.ascontiguousarray(self.shaper, np.float32)
            if curves.ndim != 2 or curves.shape[1] != 3 or not 2 <= len(curves) <= LARGEST_CURVE:
                raise ShapeError(
                    f"ColorTable: expected a shaper (m, 3), m from 2 to {LARGEST_CURVE}, "
                    f"got {np.shape(self.shaper)}"
                )
            object.__setattr__(self, "shaper", _frozen(curves, "shaper"))
        for name in ("domain", "shaper"):
            low, high = (_triple(getattr(self, f"{name}_{end}"), name) for end in ("min", "max"))
            if not all(a < b for a, b in zip(low, high, strict=True)):
                raise RangeError(
                    f"ColorTable: the {name} ends at {high}, before it begins at {low}",
                    hint="each maximum must be above its minimum",
                )
            object.__setattr__(self, f"{name}_min", low)
            object.__setattr__(self, f"{name}_max", high)

    @classmethod
    def identity(cls, size: int = 33) -> ColorTable:
        """Give the table that changes nothing."""
        _check_size(size, "ColorTable.identity")
        return cls(lattice(size))

    @property
    def size(self) -> int:
        """Entries along an edge."""
        return len(self.values)

    @property
    def input_min(self) -> Triple:
        """Where what can be told apart begins."""
        return self.domain_min if self.shaper is None else self.shaper_min

    @property
    def input_max(self) -> Triple:
        """Where what can be told apart ends."""
        return self.domain_max if self.shaper is None else self.shaper_max

    def but(self, **changes: Any) -> ColorTable:
        """Return a copy with some parts changed."""
        return replace(self, **changes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ColorTable):
            return NotImplemented
        mine, theirs = (
            (t.domain_min, t.domain_max, t.shaper_min, t.shaper_max) for t in (self, other)
        )
        curves = (self.shaper is None) == (other.shaper is None)
        if self.shaper is not None and other.shaper is not None:
            curves = np.array_equal(self.shaper, other.shaper)
        return curves and mine == theirs and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    def __call__(
        self,
        image: Image,
        *,
        interpolation: str = "tetrahedral",
        strength: float = 1.0,
        out: Image | None = None,
    ) -> Image:
        """Send a picture through the table.

        Args:
            image: 1, 3 or 4 channels. Alpha is kept. Of a grey picture the luma is taken
                of what its greys become.
            interpolation: ``tetrahedral``, which keeps greys as grey as the table has them,
                or ``trilinear``.
            strength: 1 is the table, 0 the picture, between are mixtures.
            out: where to put the result, apart from the image; saves fresh memory for each
                frame of a video.

        Raises:
            ShapeError: another number of channels, or an ``out`` that does not fit.
            RangeError: an unknown interpolation, or a strength outside 0..1.
        """
        check_image(image, "ColorTable")
        if interpolation not in {"tetrahedral", "trilinear"}:
            raise RangeError(
                f"ColorTable: interpolation is tetrahedral or trilinear, got {interpolation!r}"
            )
        if not 0.0 <= strength <= 1.0:
            raise RangeError(f"ColorTable: strength {strength} is outside [0, 1]")
        if image.shape[2] not in (1, 3, 4):
            raise ShapeError(f"ColorTable: expected 1, 3 or 4 channels, got {image.shape[2]}")
        out = np.empty(image.shape, image.dtype) if out is None else _checked_out(out, image)
        if strength == 0.0:
            out[...] = image
            return out
        plain = self.shaper is None and image.shape[2] != 1
        if plain and (strength == 1.0 or (image.dtype != np.float32 and self._covers_unit())):
            table = self if strength == 1.0 else self._mixed(strength)
            return table._interpolate(image, interpolation, out)
        for top in range(0, image.shape[0], BAND_ROWS):
            rows = slice(top, top + BAND_ROWS)
            band = to_unit(image[rows])
            after = self.look_up(band, interpolation)
            out[rows] = from_unit(band + np.float32(strength) * (after - band), image.dtype)
        return out

    def look_up(
        self, colors: NDArray[np.float32], interpolation: str = "tetrahedral"
    ) -> NDArray[np.float32]:
        """Do the same for float colors (h, w, c), shaper and single channels included."""
        grey = colors.shape[2] == 1
        if grey:
            colors = np.repeat(colors, 3, axis=2)
        if self.shaper is not None:
            from sfumato.color._table_pixels import apply_curves  # noqa: PLC0415 (loads numba)

            low, high = np.array(self.shaper_min), np.array(self.shaper_max)
            colors = apply_curves(colors, self.shaper, (low, high))
        result = self._interpolate(colors, interpolation, np.empty_like(colors))
        return np.asarray((result @ LUMA)[..., None]) if grey else result

    def _interpolate(self, image: Image, interpolation: Any, out: Image) -> Image:
        from sfumato.color._table_pixels import interpolate  # noqa: PLC0415 (loads numba)

        domain = np.array(self.domain_min), np.array(self.domain_max)
        return interpolate(image, self.values, domain, interpolation, out)

    def _covers_unit(self) -> bool:
        return max(self.domain_min) <= 0.0 and min(self.domain_max) >= 1.0

    def _mixed(self, strength: float) -> ColorTable:
        """Mix with the identity, which both interpolations reproduce."""
        own = lattice(self.size, self.domain_min, self.domain_max)
        return self.but(values=own + np.float32(strength) * (self.values - own))

    def resampled(self, size: int) -> ColorTable:
        """Give the table on a lattice of another size, by tetrahedral interpolation.

        Coarser loses detail. Finer gains nothing, and gives the same colors where the
        entries of the old lattice are entries of the new, as from 17 to 33.
        """
        _check_size(size, "ColorTable.resampled")
        nodes = lattice(size, self.domain_min, self.domain_max)
        plain = self.but(shaper=None, shaper_min=(0.0,) * 3, shaper_max=(1.0,) * 3)
        return self.but(values=plain.look_up(as_picture(nodes)).reshape(nodes.shape))

    def then(self, after: ColorTable, *, size: int | None = None) -> ColorTable:
        """Give the one table that does this and then another.

        Args:
            after: what the results of this table are sent through.
            size: entries along an edge; by default the larger of the two.

        The entries are exact; between them the error is that of interpolation. A shaper
        of this table is kept, one of the other is sampled.
        """
        size = max(self.size, after.size) if size is None else size
        mine = self if size == self.size else self.resampled(size)
        values = after.look_up(as_picture(mine.values)).reshape(mine.values.shape)
        title = " + ".join(t for t in (self.title, after.title) if t)
        return mine.but(values=values, title=title)


def lattice(
    size: int, low: Triple = (0.0, 0.0, 0.0), high: Triple = (1.0, 1.0, 1.0)
) -> NDArray[np.float32]:
    """Give the colors of a lattice, red fastest, (size, size, size, 3)."""
    axes = [np.linspace(a, b, size, dtype=np.float64) for a, b in zip(low, high, strict=True)]
    blue, green, red = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([red, green, blue], axis=-1).astype(np.float32)


def as_picture(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay a lattice out as a picture, blue and green downwards."""
    size = len(values)
    return values.reshape(size * size, size, 3)


def _checked_out(out: Image, image: Image) -> Image:
    fits = isinstance(out, np.ndarray) and out.shape == image.shape and out.dtype == image.dtype
    if not fits or not out.flags.c_contiguous or np.may_share_memory(out, image):
        raise ShapeError(
            f"ColorTable: 'out' must be an array of its own, {image.dtype} {image.shape}",
            hint="np.empty_like(image), or leave it out",
        )
    return out


def _check_size(size: int, who: str) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or not 2 <= size <= LARGEST_SIZE:
        raise RangeError(f"{who}: a size is a whole number from 2 to {LARGEST_SIZE}, got {size!r}")


def _frozen(array: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Check and copy, so that no one else can change what the table holds."""
    wrong = array.size - int(np.count_nonzero(np.isfinite(array)))
    if wrong:
        raise RangeError(f"ColorTable: {wrong} of {array.size} {name} are NaN or infinite")
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _triple(values: Any, name: str) -> Triple:
    try:
        red, green, blue = (float(v) for v in values)
    except (TypeError, ValueError) as error:
        raise DtypeError(
            f"ColorTable: the {name} begins and ends at three numbers, got {values!r}"
        ) from error
    if not np.isfinite([red, green, blue]).all():
        raise RangeError(f"ColorTable: the {name} must be finite, got {values!r}")
    return red, green, blue
