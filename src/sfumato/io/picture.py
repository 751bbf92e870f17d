"""Pictures from files, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sfumato.core.files import atomic_path
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, check_image
from sfumato.errors import DtypeError, FileError, RangeError, ShapeError, SpecError
from sfumato.io import exif as exif_blocks
from sfumato.io import jpeg, png, raw, tiff, webp
from sfumato.io.depth import Depth, with_depth
from sfumato.io.formats import format_of_name, sniff
from sfumato.io.header import Header
from sfumato.io.limits import check_pixels, pixel_limit
from sfumato.io.metadata import exif_from_facts, facts
from sfumato.io.orientation import upright
from sfumato.io.output import check_fits, check_output
from sfumato.io.source import Source, open_source

__all__ = ["PictureInfo", "probe", "read", "write"]

ROOMS: dict[str, ModuleType] = {"jpeg": jpeg, "png": png, "webp": webp, "tiff": tiff, "raw": raw}


@dataclass(frozen=True, kw_only=True)
class PictureInfo:
    """What a file holds, known without decoding it.

    Args:
        size: height and width in pixels, as `read` gives them.
        channels: 1, 3 or 4.
        dtype: ``uint8``, ``uint16`` or ``float32``.
        space: which light the values mean.
        meta: as in the sample that `read` gives.
    """

    size: tuple[int, int]
    channels: int
    dtype: str
    space: str
    meta: Mapping[str, Any] = field(default_factory=dict)


def probe(path: str | Path, *, orient: bool = True) -> PictureInfo:
    """Say what a picture file holds without decoding its pixels.

    Args:
        path: a file of any format that `read` takes.
        orient: give the size of the upright picture.

    Raises:
        FileError: the file is missing, no picture, or corrupt in its header.
        MissingExtraError: a camera raw, and rawpy is not installed.

    Example:
        >>> name = getfixture("tmp_path") / "grey.png"
        >>> _ = write(name, np.zeros((4, 6, 1), np.uint16))
        >>> probe(name).size, probe(name).dtype
        ((4, 6), 'uint16')
    """
    with open_source(path) as source:
        head = _header(source)
    return PictureInfo(
        size=head.size(orient),
        channels=head.channels,
        dtype=head.dtype.name,
        space=head.space,
        meta=_meta(source, head, orient),
    )


def _header(source: Source) -> Header:
    head: Header = ROOMS[sniff(source)].header(source)
    return head


def _meta(source: Source, head: Header, orient: bool) -> dict[str, Any]:
    exif = head.exif
    if exif and orient:
        exif = exif_blocks.for_output(exif, size=None)
    kept = {"exif": exif, "icc_profile": head.icc_profile, "notes": dict(head.notes)}
    return {
        "file_name": source.path.name,
        "path": str(source.path),
        "format": head.format,
        **({"pages": head.pages} if head.pages > 1 else {}),
        **facts(exif),
        **{key: value for key, value in kept.items() if value},
    }


def read(
    *paths: str | Path,
    max_pixels: int | None = None,
    orient: bool = True,
    space: str | None = None,
) -> Sample:
    """Read one picture, or a series of equal pictures as a stack.

    The content decides how a file is decoded, not its name. JPEG, PNG, WebP,
    TIFF and camera raw are read; values keep their depth: 8 and 16 bits as
    uint8 and uint16, float16, float32 and float64 TIFF as float32. Channels are
    grey (1), RGB (3) or RGBA (4, alpha straight): a palette becomes RGB, grey
    with alpha RGBA, 1 to 4 bits uint8, CMYK is brought to sRGB through its
    profile. Of a TIFF with pages the first full one is read, ``meta["pages"]``
    says how many there are. A camera raw is rendered by LibRaw to 16-bit sRGB
    with the camera's white balance and no automatic brightness.

    ``space`` is what sfumato noted in the file when it wrote it, and ``srgb``
    in every other file, float TIFF included: nothing is guessed from values.

    Args:
        paths: one file or more; several give ``stack``, with the first as ``image``.
        max_pixels: the most pixels that one picture may have, checked before it
            is decoded; by default ``SFUMATO_MAX_PIXELS`` or 250 million.
        orient: turn the picture upright as EXIF says, and say so in the kept EXIF.
        space: the light of these files, where you know better: ``linear``.

    Shape:
        image (h, w, c); stack (n, h, w, c).

    Raises:
        FileError: missing, no picture, cut off, corrupt or too large.
        ShapeError: no path, or frames of different size or channels.
        DtypeError: frames of different depth, or values that are no picture.
        RangeError: NaN or infinite values in a float TIFF.
        MissingExtraError: a camera raw, and rawpy is not installed.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> for k in (1, 2):
        ...     _ = write(folder / f"{k}.png", np.full((4, 6, 3), 60 * k, np.uint8))
        >>> bracket = read(folder / "1.png", folder / "2.png")
        >>> bracket.stack.shape, bracket.meta["frames"][1]["file_name"]
        ((2, 4, 6, 3), '2.png')
    """
    limit = pixel_limit(max_pixels)
    if space is not None and space not in tiff.SPACES:
        raise SpecError(f"read: space is one of {', '.join(tiff.SPACES)}, got {space!r}")
    if not paths:
        raise ShapeError("read: expected at least one file, got none")
    if len(paths) == 1:
        with open_source(paths[0]) as source:
            head = _checked_header(source, limit)
            image = _decoded(source, head, None, orient, limit)
        meta = _meta(source, head, orient)
        return Sample(image, space=space or head.space, meta=meta)
    return _read_series([Path(p) for p in paths], limit, orient, space)


def _read_series(paths: list[Path], limit: int, orient: bool, space: str | None) -> Sample:
    heads, metas = [], []
    for path in paths:
        with open_source(path) as source:
            heads.append(_checked_header(source, limit))
            metas.append(_meta(source, heads[-1], orient))
    _check_equal(paths, heads, orient, space)
    first = heads[0]
    shape = (len(paths), *first.size(orient), first.channels)
    try:
        stack: Image = np.empty(shape, first.dtype)
    except (MemoryError, ValueError) as error:
        raise FileError(f"read: {len(paths)} frames need more memory than there is") from error

    def fill(k: int) -> None:
        with open_source(paths[k]) as source:
            head = _checked_header(source, limit)
            if (head.size(orient), head.channels, head.dtype) != (
                shape[1:3],
                shape[3],
                first.dtype,
            ):
                raise FileError(f"{paths[k]}: the file changed while it was read")
            _decoded(source, head, stack[k], orient, limit)

    with ThreadPoolExecutor(min(len(paths), _processors())) as pool:
        list(pool.map(fill, range(len(paths))))
    meta = {**metas[0], "frames": tuple(metas)}
    return Sample(stack[0], stack=stack, space=space or first.space, meta=meta)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # what this process may use, where it can be asked
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _checked_header(source: Source, limit: int) -> Header:
    head = _header(source)
    check_pixels(source.path, head.width, head.height, limit)
    return head


def _check_equal(paths: list[Path], heads: list[Header], orient: bool, space: str | None) -> None:
    def said(head: Header) -> str:
        height, width = head.size(orient)
        return f"{width} x {height} px with {head.channels} channel{'s' * (head.channels > 1)}"

    first = heads[0]
    for path, head in zip(paths[1:], heads[1:], strict=True):
        if said(head) != said(first):
            raise ShapeError(
                f"{path} is {said(head)}, {paths[0]} is {said(first)}",
                hint="frames of one series must have the same size and channels",
            )
        if head.dtype != first.dtype:
            raise DtypeError(
                f"{path} has {head.dtype} values, {paths[0]} has {first.dtype}",
                hint="frames of one series must have the same depth",
            )
        if space is None and head.space != first.space:
            raise FileError(
                f"{path} is in {head.space} light, {paths[0]} in {first.space}",
                hint="say which one is right with space=",
            )


def _decoded(source: Source, head: Header, out: Image | None, orient: bool, limit: int) -> Image:
    turned = orient and head.orientation != 1
    place = None if turned else out
    try:
        if head.format == "tiff":
            image = tiff.decode(source, head, place, limit)
        else:
            image = ROOMS[head.format].decode(source, head, place)
        if turned:
            image = upright(image, head.orientation)
    except MemoryError as error:
        raise FileError(f"{source.path}: not enough memory to decode it") from error
    _check_finite(image, source.path)
    if out is not None and turned:
        out[...] = image
    return np.ascontiguousarray(image) if out is None else out


def _check_finite(image: Image, name: object) -> None:
    """Refuse NaN and infinity; the extremes show them without a copy of the picture."""
    if image.dtype.kind != "f" or (np.isfinite(image.min()) and np.isfinite(image.max())):
        return
    wrong = sum(int(np.count_nonzero(~np.isfinite(row))) for row in image)
    raise RangeError(
        f"{name}: {wrong} of {image.size} values are NaN or infinite",
        hint="mend them in the program that made the picture; nothing here guesses them",
    )


def write(
    path: str | Path,
    picture: Sample | Image,
    *,
    overwrite: bool = False,
    depth: Depth | None = None,
    quality: int = 95,
) -> Path:
    """Write a picture; the ending of the name says the format.

    ``.jpg``/``.jpeg`` and ``.webp`` hold 8 bits, ``.png`` 8 or 16, ``.tif``/``.tiff``
    8, 16 or float32. The file appears whole or not at all. EXIF and ICC profile of
    the sample go along: without an EXIF block it is made of the facts in ``meta``
    (``exposure_time_s``, ``iso``, ...). The thumbnail of the old picture is left
    out; a TIFF leaves out the maker's note. A PNG also carries ``meta["notes"]``, texts
    by keyword, such as how the picture was made. Of a sample with a stack the image
    is written. WebP knows no grey: it comes back as three equal channels.

    Args:
        path: where to; its folder must exist.
        picture: a sample or an array (h, w, c).
        overwrite: replace an existing file.
        depth: convert to 8, 16 or 32 (float) bits per channel, rounded and clipped.
        quality: of JPEG and WebP, 1 to 100; JPEG keeps full colour resolution from 90 on.

    Raises:
        FileError: it exists, cannot be written, the disk is full, or the format
            cannot hold this picture.
        ShapeError: channels that the format does not have.
        RangeError: NaN or infinite values, or a setting outside its range.

    Example:
        >>> name = getfixture("tmp_path") / "dusk.tif"
        >>> _ = write(name, np.full((4, 6, 3), 0.5, np.float32), depth=16)
        >>> int(read(name).image[0, 0, 0])
        32768
    """
    path = Path(path)
    sample = picture if isinstance(picture, Sample) else Sample(picture)
    check_image(sample.image, "write")
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
        raise RangeError(f"write: quality is a whole number from 1 to 100, got {quality!r}")
    image = sample.image
    _check_finite(image, "write")
    check_output(path, overwrite=overwrite, depth=depth)
    kind = format_of_name(path)
    check_fits(path, sample, depth)
    image = image if depth is None else with_depth(image, depth)
    image = np.ascontiguousarray(image)
    exif = sample.meta.get("exif") or exif_from_facts(sample.meta)
    if exif:
        exif = exif_blocks.for_output(exif, size=sample.size)
    icc = sample.meta.get("icc_profile")
    with atomic_path(path) as temporary:
        if kind == "tiff":
            from sfumato.io.tiff_write import write_tiff  # noqa: PLC0415  loads tifffile

            write_tiff(temporary, image, exif=exif, icc_profile=icc, space=sample.space)
        elif kind == "png":
            notes = sample.meta.get("notes")
            temporary.write_bytes(png.encode(image, exif=exif, icc_profile=icc, notes=notes))
        else:
            room = jpeg if kind == "jpeg" else webp
            temporary.write_bytes(room.encode(image, quality=quality, exif=exif, icc_profile=icc))
    return path
