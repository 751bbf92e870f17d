"""TIFF: its header and its pixels.

tifffile decodes what it can with its own codecs (uncompressed, deflate,
PackBits, and all others where imagecodecs is installed), libtiff inside
OpenCV or Pillow the rest (LZW, JPEG, fax, CMYK, palette).
"""

from __future__ import annotations

import io
import json
import logging
import struct
import warnings
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image
from sfumato.errors import DtypeError, FileError, ShapeError
from sfumato.io.exif import Directory, Tag, TagReader
from sfumato.io.header import Header
from sfumato.io.limits import check_pixels
from sfumato.io.metadata import exif_of_tiff
from sfumato.io.pixels import decode_by_opencv, settle
from sfumato.io.source import Source, damaged

__all__ = ["SPACES", "decode", "header"]

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # errors are raised, not logged

SPACES = ("srgb", "linear", "raw", "lab")
MAX_PAGES = 10_000
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
CFA, LINEAR_RAW = 32803, 34892
DEFLATE = (8, 32946)
PLAIN = (1, 32773, *DEFLATE)
DTYPES = {
    (1, 8): np.uint8, (1, 16): np.uint16,
    (3, 16): np.float32, (3, 32): np.float32, (3, 64): np.float32,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of the page are stored."""

    page: int
    bits: int
    compression: int
    predictor: int
    photometric: int
    samples: int
    separate: bool
    tile: tuple[int, int] | None
    rows_per_strip: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    turn_at: tuple[int, str] | None
    premultiplied: bool


def is_raw(reader: TagReader) -> bool:
    """Say whether the directories describe the data of a sensor and not a picture."""
    if reader.fetch(8, 2) == b"CR":
        return True
    place, seen = reader.first, 0
    while place and seen < 8:
        entries, place, _ = reader.directory(place)
        inner = reader.integers(entries.get(Tag.SUB_IFDS))[:8]
        below = [reader.directory(offset)[0] for offset in inner]
        kinds = [reader.integer(e.get(Tag.PHOTOMETRIC), -1) for e in (entries, *below)]
        if Tag.DNG_VERSION in entries or CFA in kinds or LINEAR_RAW in kinds:
            return True
        seen += 1
    return False


def header(source: Source) -> Header:
    """Read size, channels, dtype, EXIF, ICC and light of the first full page of a TIFF.

    Raises:
        FileError: cut off, corrupt, or stored in a way that cannot be decoded.
        DtypeError: samples that are no picture values: 32-bit integers, signed, complex.
        ShapeError: more channels than a picture has.
    """
    name = source.path
    reader = TagReader(source.at)
    entries, page, pages = _first_picture(reader)
    if not entries:
        raise damaged(name, "the TIFF is cut off or corrupt: it has no directory")
    layout = _layout(source, reader, entries, page)
    if not layout.offsets or not layout.counts:
        raise damaged(name, "the TIFF is cut off or corrupt: pixels are missing")
    width = reader.integer(entries.get(Tag.WIDTH), 0)
    height = reader.integer(entries.get(Tag.LENGTH), 0)
    dtype = _dtype(source, reader, entries, layout)
    turn = reader.integer(entries.get(Tag.ORIENTATION), 1)
    icc = reader.raw(entries.get(Tag.ICC)) or None
    return Header(
        format="tiff",
        width=width,
        height=height,
        channels=_channels(source, layout),
        dtype=np.dtype(dtype),
        orientation=turn if 1 <= turn <= 8 else 1,
        exif=exif_of_tiff(reader, entries),
        icc_profile=None if layout.photometric == CMYK else icc,
        space=_space(reader.text(entries.get(Tag.DESCRIPTION))),
        pages=pages,
        layout=layout,
    )


def _first_picture(reader: TagReader) -> tuple[Directory, int, int]:
    """Find the first page that is not a thumbnail, its number, and how many pages there are."""
    chosen: Directory = {}
    number, pages, place = 0, 0, reader.first
    seen: set[int] = set()
    while place and place not in seen and pages < MAX_PAGES:
        seen.add(place)
        entries, following, _ = reader.directory(place)
        if not entries:
            break
        small = reader.integer(entries.get(Tag.SUBFILE_TYPE), 0) & 1
        if not chosen or (not small and number == -1):
            chosen, number = entries, -1 if small else pages
        pages, place = pages + 1, following
    return chosen, max(number, 0), pages


def _layout(source: Source, reader: TagReader, entries: Directory, page: int) -> Layout:
    def one(tag: int, default: int) -> int:
        return reader.integer(entries.get(tag), default)

    bits = reader.integers(entries.get(Tag.BITS)) if Tag.BITS in entries else (1,)
    if not bits:
        raise damaged(source.path, "the TIFF is cut off or corrupt: a value lies outside the file")
    if len(set(bits)) != 1:
        raise FileError(
            f"{source.path}: channels of {bits} bits", hint="save it with equal channels"
        )
    tiled = Tag.TILE_WIDTH in entries
    turn = entries.get(Tag.ORIENTATION)
    return Layout(
        page=page,
        bits=bits[0],
        compression=one(Tag.COMPRESSION, 1),
        predictor=one(Tag.PREDICTOR, 1),
        photometric=one(Tag.PHOTOMETRIC, BLACK_IS_ZERO),
        samples=one(Tag.SAMPLES, 1),
        separate=one(Tag.PLANAR, 1) == 2 and one(Tag.SAMPLES, 1) > 1,
        tile=(one(Tag.TILE_LENGTH, 0), one(Tag.TILE_WIDTH, 0)) if tiled else None,
        rows_per_strip=one(Tag.ROWS_PER_STRIP, 2**32 - 1),
        offsets=reader.integers(entries.get(Tag.TILE_OFFSETS if tiled else Tag.STRIP_OFFSETS)),
        counts=reader.integers(entries.get(Tag.TILE_COUNTS if tiled else Tag.STRIP_COUNTS)),
        turn_at=(turn.offset, reader.order + "H") if turn and turn.type == 3 else None,
        premultiplied=one(Tag.EXTRA_SAMPLES, 0) == 1,
    )


def _channels(source: Source, layout: Layout) -> int:
    base = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
    if layout.photometric not in base:
        raise FileError(
            f"{source.path}: a TIFF of photometric kind {layout.photometric} is not read",
            hint="save it as RGB or grey",
        )
    extra = layout.samples - base[layout.photometric]
    alpha = extra == 1 and layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
    if extra and not alpha:
        raise ShapeError(
            f"{source.path}: a TIFF with {layout.samples} channels is no grey, RGB or RGBA picture",
            hint="save it without the extra channels",
        )
    if alpha:
        return 4
    return 1 if layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) else 3


def _dtype(source: Source, reader: TagReader, entries: Directory, layout: Layout) -> type:
    kind = reader.integer(entries.get(Tag.SAMPLE_FORMAT), 1)
    small = layout.bits in (1, 2, 4) and layout.samples == 1
    if kind in (1, 4) and (small or (layout.photometric == PALETTE and layout.bits == 8)):
        return np.uint8
    if layout.photometric in (CMYK, YCBCR, PALETTE) and layout.bits != 8:
        raise FileError(
            f"{source.path}: a CMYK, YCbCr or palette TIFF is read with 8 bits only, "
            f"this one has {layout.bits}",
            hint="save it as 16-bit RGB",
        )
    found = DTYPES.get((1 if kind == 4 else kind, layout.bits))
    if found is None:
        names = {1: "unsigned integers", 2: "signed integers", 3: "floats"}
        raise DtypeError(
            f"{source.path}: a picture has uint8, uint16 or float32 values, "
            f"this TIFF has {layout.bits}-bit {names.get(kind, 'values of an odd kind')}",
            hint="save it with 16 bits, or as 32-bit float with white at 1",
        )
    return found


def _space(description: str) -> str:
    """Give the light that sfumato noted when it wrote the file; all others are taken as sRGB."""
    if not description.startswith('{"sfumato"') or len(description) > 1000:
        return "srgb"
    try:
        note = json.loads(description)["sfumato"]["space"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return "srgb"
    return note if note in SPACES else "srgb"


def decode(source: Source, head: Header, out: Image | None = None, limit: int = 2**62) -> Image:
    """Decode the page that the header describes.

    Raises:
        FileError: cut off, corrupt, or compressed in a way that needs imagecodecs.
    """
    layout: Layout = head.layout
    _check_places(source, head, limit)
    tifffile = _tifffile_for(layout)
    direct = layout.bits in (8, 16, 32, 64) and layout.photometric in (0, 1, 2)
    if tifffile is not None and direct:
        return _by_tifffile(tifffile, source, head, out)
    data = _unturned(source, head)
    plain_rgb = layout.photometric in (BLACK_IS_ZERO, RGB) and layout.samples in (1, 3)
    deep = layout.bits in (16, 32) and layout.samples in (1, 3, 4)
    if direct and not layout.separate and (plain_rgb or (deep and layout.photometric != 0)):
        image = decode_by_opencv(source.path, data, head, cv2.IMREAD_UNCHANGED, out)
        return settle(_finished(source, image, head), out) if layout.premultiplied else image
    if layout.bits <= 8 and not layout.separate:
        return settle(_by_pillow(source, data, head), out)
    raise FileError(
        f"{source.path}: this kind of TIFF (compression {layout.compression}) needs imagecodecs",
        hint="pip install imagecodecs, or save it uncompressed or with deflate",
    )


def _check_places(source: Source, head: Header, limit: int) -> None:
    """Refuse strips and tiles that lie outside the file, are missing or too large."""
    layout: Layout = head.layout
    height, width = layout.tile or (min(layout.rows_per_strip, head.height), head.width)
    check_pixels(source.path, width, height, max(limit, 2**20))
    across, down = -(-head.width // width), -(-head.height // height)
    wanted = across * down * (layout.samples if layout.separate else 1)
    pairs = list(zip(layout.offsets, layout.counts, strict=False))
    inside = all(o > 0 and n > 0 and o + n <= source.size for o, n in pairs)
    if len(pairs) < wanted or not inside:
        raise damaged(source.path, "the TIFF is cut off or corrupt: pixels are missing")


def _tifffile_for(layout: Layout) -> Any:
    plain = layout.compression in PLAIN and layout.predictor in (1, 2)
    if not plain and find_spec("imagecodecs") is None:  # it knows the other compressions
        return None
    import tifffile  # noqa: PLC0415  a JPEG does not pay for this import

    return tifffile


def _by_tifffile(tifffile: Any, source: Source, head: Header, out: Image | None) -> Image:
    layout: Layout = head.layout
    if layout.compression in DEFLATE:
        _check_inflated_sizes(source, head)
    place = None if out is None else _place(out, head)
    try:
        source.file.seek(0)
        with tifffile.TiffFile(source.file) as file:
            page = file.pages[layout.page]
            if place is not None and page.shape == place.shape:
                page.asarray(out=place)
                return out if out is not None else place
            found = page.asarray()
    except Exception as error:  # a decoder of foreign bytes may fail in any way
        raise damaged(source.path, f"the TIFF cannot be decoded ({_brief(error)})") from error
    if layout.separate:
        found = np.moveaxis(found, 0, -1)
    found = found.reshape(head.height, head.width, -1) if found.size else found
    return settle(_finished(source, found, head), out)


def _place(out: Image, head: Header) -> Image | None:
    """Give the place to decode into at once, where the samples are stored as a picture has them."""
    layout: Layout = head.layout
    if layout.separate or layout.premultiplied or layout.photometric == WHITE_IS_ZERO:
        return None
    if layout.samples != head.channels or layout.bits != 8 * head.dtype.itemsize:
        return None
    return out[..., 0] if layout.samples == 1 else out


def _check_inflated_sizes(source: Source, head: Header) -> None:
    """Refuse strips that unpack to more or less than the header says, before they are unpacked."""
    layout: Layout = head.layout
    height, width = layout.tile or (min(layout.rows_per_strip, head.height), head.width)
    samples = 1 if layout.separate else layout.samples
    row = -(-width * samples * layout.bits // 8)
    down = -(-head.height // height)
    for k, (offset, count) in enumerate(zip(layout.offsets, layout.counts, strict=False)):
        rows = height
        if layout.tile is None and k % down == down - 1:
            rows = head.height - height * (down - 1)
        worker = zlib.decompressobj()
        try:
            size = len(worker.decompress(source.at(offset, count), height * row + 1))
        except zlib.error as error:
            raise damaged(source.path, "the TIFF is corrupt: a strip cannot be unpacked") from error
        if not rows * row <= size <= height * row:
            raise damaged(source.path, "the TIFF is corrupt: a strip unpacks to the wrong size")


def _finished(source: Source, found: Image, head: Header) -> Image:
    """Turn stored samples into a picture: white high, alpha straight."""
    layout: Layout = head.layout
    if found.shape != (head.height, head.width, layout.samples):
        raise damaged(source.path, f"the TIFF gives an array {found.shape} where it promised more")
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf, which read refuses
        found = found.astype(head.dtype, copy=False)
    top = np.iinfo(head.dtype).max if head.dtype.kind == "u" else 1
    if layout.photometric == WHITE_IS_ZERO:
        grey = (top - found[..., :1]).astype(head.dtype)
        found = np.concatenate([grey, found[..., 1:]], axis=2)
    if layout.samples == 2:
        found = found[..., [0, 0, 0, 1]]
    if layout.premultiplied and head.channels == 4:
        return _straight(found, float(top))
    return found


def _straight(image: Image, top: float) -> Image:
    """Undo the multiplication of the colours by alpha; where alpha is 0 nothing was left."""
    alpha = image[..., 3:].astype(np.float64)
    if bool((alpha == top).all()):
        return image
    colour = image[..., :3] * (top / np.where(alpha > 0, alpha, top))
    if image.dtype.kind == "u":
        colour = np.rint(np.minimum(colour, top))
    return np.concatenate([colour.astype(image.dtype), image[..., 3:]], axis=2)


def _unturned(source: Source, head: Header) -> bytes | bytearray:
    """Give the file with its orientation set to 1, since some decoders turn by themselves."""
    place = head.layout.turn_at
    if place is None or head.orientation == 1:
        return source.data
    data = bytearray(source.data)
    struct.pack_into(place[1], data, place[0], 1)
    return data


def _by_pillow(source: Source, data: bytes | bytearray, head: Header) -> Image:
    from PIL import TiffImagePlugin  # noqa: PLC0415  only rare kinds pay for this import

    from sfumato.io.inks import screen_colours  # noqa: PLC0415

    mode = {1: "L", 3: "RGB", 4: "RGBA"}[head.channels]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd tags; what matters is checked below
            # the class itself: Image.open would apply a second limit of its own
            picture = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
            picture.seek(head.layout.page)
            picture.load()
            inks = picture.mode == "CMYK"
            profile = picture.info.get("icc_profile") if inks else None
            found = screen_colours(source.path, picture, profile) if inks else picture.convert(mode)
    except FileError:
        raise
    except Exception as error:  # a decoder of foreign bytes may fail in any way
        raise damaged(source.path, f"the TIFF cannot be decoded ({_brief(error)})") from error
    image = np.array(found).reshape(found.height, found.width, -1)
    if image.shape != (head.height, head.width, head.channels) or image.dtype != head.dtype:
        raise damaged(source.path, f"the TIFF gives an array {image.shape} where it promised more")
    return image


def _brief(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
