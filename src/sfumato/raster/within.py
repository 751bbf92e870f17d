"""Confine any operator to a region."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.warp import WarpOperator
from sfumato.errors import DtypeError, FieldError, RangeError, ShapeError
from sfumato.raster.mask import as_mask, invert
from sfumato.raster.mask_feather import feather
from sfumato.raster.mask_file import read_mask
from sfumato.raster.mask_polygon import fill_polygons
from sfumato.raster.sharpen import Sharpen

__all__ = ["Within"]

Corners = tuple[tuple[float, float], ...]
BLENDED = ("image", "stack", "hint", "target")
CHOSEN = ("mask", "depth")
"""Labels and distances must not be mixed: each pixel takes the one or the other."""
GEOMETRY_HINT = "move the picture outside of Within, and confine what changes its values"


class Within(Operator):
    """Apply an operator inside a mask and leave the rest exactly as it was.

    Where the mask is 0 every bit of the picture stays; where it is 1 it is what the
    operator gives; between, the two are blended. The operator sees the whole picture,
    so its result inside does not depend on the mask. With ``inverted`` the mask
    shields instead.

    Image, stack, hint and target are confined so; mask and depth, if the operator
    writes them, are taken where the mask is at least 1/2. Facts it adds are kept.

    Args:
        op: any operator that keeps the size of the picture.
        mask: a grey PNG of the picture's size (black is out), or polygons, each a list
            of x and y; without it the sample's own ``mask`` is taken, where whatever
            is not 0 is in.
        units: of the polygons: ``fraction`` of the picture's width and height, from
            its upper left corner, or ``px``, pixel centers at whole numbers.
        feather_px: width of the fall-off inside the border of a hard mask.
        inverted: apply the operator outside of the mask.

    Shape:
        reads what the operator reads; the mask (h, w) fits the image.

    Raises:
        ShapeError: the operator moves pixels, or changes size or channels; the mask
            does not fit.
        DtypeError: a soft mask is to be feathered.
        FieldError: the operator changes what the values mean (``space``).

    Example:
        >>> import sfumato as sf
        >>> left = (((0, 0), (0.5, 0), (0.5, 1), (0, 1)),)
        >>> noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
        >>> out = Within(op=sf.raster.Sharpen(amount=2.0), mask=left)(noise)
        >>> bool((out[:, 4:] == noise[:, 4:]).all()), bool((out == noise).all())
        (True, False)
    """

    op: Operator
    mask: Path | tuple[Corners, ...] | None = None
    units: Literal["fraction", "px"] = "fraction"
    feather_px: Annotated[float, Between(0.0, 10_000.0)] = 0.0
    inverted: bool = False

    _example = {"op": Sharpen(amount=1.0), "feather_px": 3.0}

    def check(self) -> None:
        for inner in _operators(self.op):
            if isinstance(inner, WarpOperator):
                raise ShapeError(
                    f"Within: {type(inner).__name__} moves pixels and cannot be confined",
                    hint=GEOMETRY_HINT,
                )
        if isinstance(self.mask, tuple):
            self._fill((1, 1))  # refuses what is no polygon before a picture comes

    @property
    def inputs(self) -> tuple[str, ...]:
        own = ("mask",) if self.mask is None else ()
        return tuple(dict.fromkeys((*self.op.inputs, *own)))

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.op.outputs

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        share = self._share(sample)
        result = self.op.apply(sample, rng)
        self._check_result(sample, result)
        changes: dict[str, Any] = {}
        for name in (*BLENDED, *CHOSEN):
            old, new = getattr(sample, name), getattr(result, name)
            if old is None or new is old:
                continue
            self._check_pair(name, old, new)
            mix = _blend if name in BLENDED else _choose
            changes[name] = mix(old, new, share)
        return result.but(**changes)

    def _share(self, sample: Sample) -> NDArray[Any]:
        if self.mask is None:
            mask = as_mask(sample.mask, "Within", size=sample.size)
        elif isinstance(self.mask, Path):
            mask = read_mask(self.mask, sample.size)
        else:
            mask = self._fill(sample.size)
        if self.inverted:
            mask = invert(mask)
        if self.feather_px == 0:
            return mask
        if mask.dtype != np.bool_:
            raise DtypeError(
                "Within: the mask has soft edges already, feather_px has no border to begin at",
                hint="set feather_px to 0, or give a mask of black and white only",
            )
        return feather(mask, feather_px=self.feather_px, side="inside")

    def _fill(self, size: tuple[int, int]) -> NDArray[Any]:
        assert isinstance(self.mask, tuple)
        rings = [np.asarray(corners, np.float64).reshape(-1, 2) for corners in self.mask]
        if self.units == "fraction":
            rings = [ring * [size[1], size[0]] - 0.5 for ring in rings]
        return fill_polygons(rings, size)

    def _check_result(self, sample: Sample, result: Sample) -> None:
        who = type(self.op).__name__
        if result.space != sample.space:
            raise FieldError(
                f"Within: {who} turns '{sample.space}' into '{result.space}', and one picture "
                "cannot hold both",
                hint="convert the whole picture before and after Within",
            )
        for name in ("keypoints", "boxes"):
            old, new = getattr(sample, name), getattr(result, name)
            if old is not None and new is not old and not np.array_equal(old, new):
                raise ShapeError(
                    f"Within: {who} moves {name}, so it moves pixels", hint=GEOMETRY_HINT
                )

    def _check_pair(self, name: str, old: NDArray[Any], new: NDArray[Any] | None) -> None:
        who = type(self.op).__name__
        if new is None or new.shape != old.shape:
            came = "nothing" if new is None else new.shape
            raise ShapeError(
                f"Within: {who} makes {came} of '{name}' {old.shape}", hint=GEOMETRY_HINT
            )
        if name in BLENDED and new.dtype != old.dtype:
            raise DtypeError(f"Within: {who} makes {new.dtype} of '{name}' {old.dtype}")


def _operators(value: Any) -> Iterator[Operator]:
    """List an operator and all that it is made of."""
    if isinstance(value, Operator):
        yield value
        for setting in value.config.values():
            yield from _operators(setting)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _operators(item)


def _blend(old: NDArray[Any], new: NDArray[Any], share: NDArray[Any]) -> NDArray[Any]:
    if old.ndim == 4:
        return np.stack([_blend(*frames, share) for frames in zip(old, new, strict=True)])
    out = old.copy()
    if share.dtype == np.bool_:
        np.copyto(out, new, where=share[..., None])
        return out
    np.copyto(out, new, where=(share == 1.0)[..., None])
    between = (share > 0.0) & (share < 1.0)
    if not between.any():
        return out
    before, after = old[between].astype(np.float32), new[between].astype(np.float32)
    mixed = before + share[between][:, None] * (after - before)
    if old.dtype == np.float32 and not np.isfinite(mixed).all():
        raise RangeError(
            "Within: NaN or infinity lies under the soft border of the mask",
            hint="mend the picture first: np.nan_to_num(image)",
        )
    out[between] = np.rint(mixed) if old.dtype != np.float32 else mixed
    return out


def _choose(old: NDArray[Any], new: NDArray[Any], share: NDArray[Any]) -> NDArray[Any]:
    return np.where(share >= 0.5, new, old)
