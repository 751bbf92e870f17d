"""Raw mosaics: what the sensor gave, signed and linear, before anyone made a picture of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.sample import Sample
from sfumato.core.shapes import FloatImage
from sfumato.errors import DtypeError, FileError, RangeError, ShapeError
from sfumato.io import raw
from sfumato.io.formats import sniff
from sfumato.io.limits import check_pixels, pixel_limit
from sfumato.io.metadata import facts
from sfumato.io.mosaic_facts import MosaicFacts
from sfumato.io.source import open_source

__all__ = ["is_mosaic_file", "mosaic_from_array", "read_codes", "read_mosaic"]


def is_mosaic_file(path: str | Path) -> bool:
    """Tell whether a file is a camera raw, by its content.

    Raises:
        FileError: it is missing or no picture.
    """
    with open_source(path) as source:
        return sniff(source) == "raw"


def read_mosaic(*paths: str | Path, max_pixels: int | None = None) -> Sample:
    """Read what the sensor gave from one camera raw, or from a series of them.

    Values are linear light on the unit range: black is 0 and the value at which the sensor
    clips is 1. They are signed: noise around black stays below 0 as often as above, since
    cutting it off would brighten the shadows. The curve that some cameras store
    values with is undone by LibRaw. Nothing else is done to them.

    Args:
        paths: camera raws of Bayer sensors; several give ``stack``, with the first as ``image``.
        max_pixels: as in `read`.

    Shape:
        image (h, w, 1); stack (n, h, w, 1); float32. ``space`` is ``raw``, what the values mean
        stands in ``meta["mosaic"]``, a `MosaicFacts`; the mosaic is not turned upright.

    Raises:
        FileError: missing, no camera raw, one that LibRaw cannot read, without a Bayer
            mosaic, or without a usable black and white level.
        ShapeError: no path, or frames of different size or pattern.
        MissingExtraError: rawpy is not installed.
    """
    limit = pixel_limit(max_pixels)
    if not paths:
        raise ShapeError("read_mosaic: expected at least one file, got none")
    samples = [_read_one(Path(path), limit) for path in paths]
    first = samples[0]
    if len(samples) == 1:
        return first
    for path, other in zip(paths[1:], samples[1:], strict=True):
        same = other.size == first.size
        if not same or other.meta["mosaic"].pattern != first.meta["mosaic"].pattern:
            raise ShapeError(
                f"{path} is {_said(other)}, {paths[0]} is {_said(first)}",
                hint="frames of one series must come from one camera in one mode",
            )
    stack = np.stack([sample.image for sample in samples])
    meta = {**first.meta, "frames": tuple(sample.meta for sample in samples)}
    return Sample(stack[0], stack=stack, space="raw", meta=meta)


def _said(sample: Sample) -> str:
    height, width = sample.size
    return f"{width} x {height} px {sample.meta['mosaic'].pattern}"


def read_codes(
    path: str | Path, *, max_pixels: int | None = None
) -> tuple[NDArray[np.uint16], MosaicFacts]:
    """Read the codes of a camera raw as the sensor gave them, for calibration.

    Args:
        path: a camera raw of a Bayer sensor.
        max_pixels: as in `read`.

    Shape:
        (h, w), uint16; black not subtracted.

    Raises:
        FileError: as `read_mosaic`.
        MissingExtraError: rawpy is not installed.
    """
    path = Path(path)
    with open_source(path) as source:
        if sniff(source) != "raw":
            raise FileError(f"{path}: not a camera raw", hint="io.read takes pictures")
        head = raw.header(source)
        check_pixels(path, head.width, head.height, pixel_limit(max_pixels))
        return raw.mosaic(source)


def _read_one(path: Path, limit: int) -> Sample:
    with open_source(path) as source:
        if sniff(source) != "raw":
            raise FileError(
                f"{path}: not a camera raw",
                hint="read takes pictures; mosaic_from_array takes arrays",
            )
        head = raw.header(source)
        check_pixels(path, head.width, head.height, limit)
        codes, found = raw.mosaic(source)
    meta = {
        "file_name": path.name,
        "path": str(path),
        "format": "raw",
        **facts(head.exif),
        **({"exif": head.exif} if head.exif else {}),
        "mosaic": dataclasses.replace(found, orientation=head.orientation),
    }
    return Sample(_signed(codes, found), space="raw", meta=meta)


def mosaic_from_array(
    values: NDArray[Any],
    *,
    pattern: str = "RGGB",
    black: float | Sequence[float] = 0.0,
    white: float | Sequence[float] = 65535.0,
    linearization: NDArray[Any] | None = None,
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0),
    camera_to_srgb: Any = None,
    xyz_to_camera: Any = None,
    noise_profile: Sequence[float] = (),
    meta: Mapping[str, Any] | None = None,
) -> Sample:
    """Make a raw sample of a mosaic that does not come from a camera raw.

    Args:
        values: as the sensor gave them; uint8, uint16 or float.
        pattern: colors of the 2 x 2 cell, row by row.
        black: value without light: one, or one for each site of the cell.
        white: value at which the sensor clips, likewise; after linearization, as black.
        linearization: the linear value of each code 0, 1, ...; codes beyond its end count as
            its last.
        white_balance: factors for red, green and blue.
        camera_to_srgb: 3 x 3, from balanced camera colors to linear sRGB.
        xyz_to_camera: 3 x 3, as DNG and LibRaw state it, in place of ``camera_to_srgb``.
        noise_profile: pairs S, O of variance = S x + O on the unit range.
        meta: facts about the frame: ``iso``, ``exposure_time_s``, ...

    Shape:
        values (h, w) or (h, w, 1); gives a sample as `read_mosaic`.

    Raises:
        ShapeError: not a plane.
        DtypeError: neither unsigned integers nor floats.
        RangeError: no Bayer pattern, black not below white, or values that are not finite.

    Example:
        >>> codes = np.full((4, 6), 1512, np.uint16)
        >>> sample = mosaic_from_array(codes, black=512, white=2512)
        >>> float(sample.image[0, 0, 0]), sample.space
        (0.5, 'raw')
    """
    plane = values[..., 0] if np.ndim(values) == 3 and np.shape(values)[2] == 1 else values
    if np.ndim(plane) != 2 or 0 in np.shape(plane):
        raise ShapeError(f"mosaic_from_array: expected (h, w), got {np.shape(values)}")
    if plane.dtype.kind not in "uf":
        raise DtypeError(f"mosaic_from_array: expected unsigned or float, got {plane.dtype}")
    if linearization is not None:
        plane = _linearized(plane, np.asarray(linearization, np.float64))
    if plane.dtype.kind == "f" and not np.isfinite(plane).all():
        raise RangeError("mosaic_from_array: the values hold NaN or infinity")
    if camera_to_srgb is not None and xyz_to_camera is not None:
        raise RangeError("mosaic_from_array: give camera_to_srgb or xyz_to_camera, not both")
    if xyz_to_camera is not None:
        camera_to_srgb = raw.camera_to_srgb(np.asarray(xyz_to_camera, np.float64).reshape(3, 3))
    named: dict[str, Any] = {}
    if camera_to_srgb is not None:
        rows = np.asarray(camera_to_srgb, np.float64).reshape(3, 3).tolist()
        named["camera_to_srgb"] = tuple(map(tuple, rows))
    found = MosaicFacts(
        pattern=pattern.upper(),
        black=_four(black),
        white=_four(white),
        white_balance=white_balance,
        noise_profile=tuple(float(v) for v in noise_profile),
        **named,
    )
    return Sample(_signed(plane, found), space="raw", meta={**(meta or {}), "mosaic": found})


def _four(value: float | Sequence[float]) -> tuple[float, float, float, float]:
    values = np.broadcast_to(np.asarray(value, np.float64), 4).tolist()
    return values[0], values[1], values[2], values[3]


def _linearized(codes: NDArray[Any], table: NDArray[np.float64]) -> NDArray[np.float32]:
    if codes.dtype.kind != "u":
        raise DtypeError(f"linearization: codes are unsigned integers, got {codes.dtype}")
    if table.ndim != 1 or table.size < 2 or not np.isfinite(table).all():
        raise RangeError("linearization: expected one finite value for each code from 0 on")
    if (np.diff(table) < 0).any():
        raise RangeError("linearization: the values must not fall")
    return np.asarray(table.astype(np.float32)[np.minimum(codes, table.size - 1)])


def _signed(codes: NDArray[Any], found: MosaicFacts) -> FloatImage:
    """Bring black to 0 and white to 1, each site by its own levels."""
    out = np.empty((*codes.shape, 1), np.float32)
    for k, (black, span) in enumerate(zip(found.black, found.span, strict=True)):
        site = np.s_[k // 2 :: 2, k % 2 :: 2]
        np.subtract(codes[site], np.float32(black), out=out[..., 0][site], dtype=np.float32)
        out[..., 0][site] *= np.float32(1.0 / span)
    return out
