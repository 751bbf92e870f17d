"""EXIF blocks and TIFF directories: read without trust, edited in place, written small.

An EXIF block is a little TIFF file, so one reader serves the block of a JPEG,
a TIFF picture and a camera raw. Everything read here comes from strangers:
entries that point outside the file, lie about their size or divide by zero
are passed over, never followed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Entry", "Field", "Tag", "TagReader", "block", "directory", "fields_of", "for_output"]

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}
CODES = {1: "B", 3: "H", 4: "I", 5: "I", 6: "b", 7: "B", 8: "h", 9: "i", 10: "i", 11: "f"}
CODES |= {12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
MAX_ENTRIES = 1000
MAX_VALUE_BYTES = 64 * 2**20

Fetch = Callable[[int, int], bytes]
Directory = dict[int, "Entry"]


class Tag:
    """The tags that have a meaning here, by their names in the standards."""

    SUBFILE_TYPE = 254
    WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
    DESCRIPTION, MAKE, MODEL, STRIP_OFFSETS, ORIENTATION = 270, 271, 272, 273, 274
    SAMPLES, STRIP_COUNTS, PLANAR, SOFTWARE, DATETIME = 277, 279, 284, 305, 306
    ROWS_PER_STRIP = 278
    ARTIST, PREDICTOR, TILE_WIDTH, TILE_LENGTH = 315, 317, 322, 323
    TILE_OFFSETS, TILE_COUNTS, SUB_IFDS, EXTRA_SAMPLES, SAMPLE_FORMAT = 324, 325, 330, 338, 339
    THUMBNAIL_OFFSET, THUMBNAIL_LENGTH, IMAGE_DEPTH = 513, 514, 32997
    COPYRIGHT, EXPOSURE_TIME, F_NUMBER, ICC, EXIF_IFD = 33432, 33434, 33437, 34675, 34665
    GPS_IFD, ISO, EXIF_VERSION, DATETIME_ORIGINAL, SHUTTER_SPEED = 34853, 34855, 36864, 36867, 37377
    APERTURE, EXPOSURE_BIAS, FOCAL_LENGTH, MAKER_NOTE = 37378, 37380, 37386, 37500
    SUBSEC_ORIGINAL, PIXEL_X, PIXEL_Y, INTEROP_IFD = 37521, 40962, 40963, 40965
    EXPOSURE_INDEX = 34866
    LENS_MODEL, DNG_VERSION = 42036, 50706


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a directory: its type, how many, and where the bytes lie."""

    type: int
    count: int
    offset: int

    @property
    def size(self) -> int:
        """Length in bytes."""
        return SIZES.get(self.type, 0) * self.count


@dataclass(frozen=True, slots=True)
class Field:
    """One value to be written, its bytes little-endian."""

    tag: int
    type: int
    count: int
    data: bytes


class TagReader:
    """Read the directories of a TIFF file or EXIF block.

    Args:
        fetch: gives ``count`` bytes from ``offset``, fewer at the end.

    Raises:
        ValueError: the bytes do not begin as TIFF.
    """

    def __init__(self, fetch: Fetch) -> None:
        head = fetch(0, 16)
        orders = {b"II": "<", b"MM": ">"}
        if len(head) < 8 or head[:2] not in orders:
            raise ValueError("no TIFF header")
        self.fetch = fetch
        self.order = orders[head[:2]]
        self.big = struct.unpack_from(self.order + "H", head, 2)[0] == 43
        if self.big and len(head) < 16:
            raise ValueError("no BigTIFF header")
        self.first = int(
            struct.unpack_from(self.order + ("Q" if self.big else "I"), head, 8 if self.big else 4)[
                0
            ]
        )

    @classmethod
    def of(cls, data: bytes) -> TagReader:
        """Read from bytes in memory."""
        return cls(lambda offset, count: data[offset : offset + count])

    def directory(self, offset: int) -> tuple[Directory, int, int]:
        """Give the entries at an offset, where the next directory is, and where that is written."""
        count_code, entry_size, word, inline = ("Q", 20, "Q", 8) if self.big else ("H", 12, "I", 4)
        width = struct.calcsize(count_code)
        head = self.fetch(offset, width)
        if offset < 8 or len(head) < width:
            return {}, 0, 0
        count = struct.unpack(self.order + count_code, head)[0]
        if count > MAX_ENTRIES:
            return {}, 0, 0
        table = self.fetch(offset + width, count * entry_size + inline)
        entries: Directory = {}
        for k in range(min(count, len(table) // entry_size)):
            start = k * entry_size
            tag, kind, number = struct.unpack_from(self.order + "HH" + word, table, start)
            entry = Entry(kind, number, offset + width + start + entry_size - inline)
            if not 0 < entry.size <= MAX_VALUE_BYTES:
                continue
            if entry.size > inline:
                place = struct.unpack_from(self.order + word, table, start + entry_size - inline)[0]
                entry = Entry(kind, number, place)
            entries.setdefault(tag, entry)
        link = offset + width + count * entry_size
        tail = table[count * entry_size :]
        following = struct.unpack(self.order + word, tail)[0] if len(tail) == inline else 0
        return entries, following, link

    def raw(self, entry: Entry | None) -> bytes:
        """Give the bytes of a value, or nothing where the file does not hold them all."""
        if entry is None:
            return b""
        data = self.fetch(entry.offset, entry.size)
        return data if len(data) == entry.size else b""

    def numbers(self, entry: Entry | None) -> tuple[float, ...]:
        """Give a value as numbers; a fraction over zero is NaN."""
        data = self.raw(entry)
        if entry is None or not data or entry.type not in CODES:
            return ()
        step = struct.calcsize(CODES[entry.type])
        flat = struct.unpack(f"{self.order}{len(data) // step}{CODES[entry.type]}", data)
        if entry.type in (5, 10):
            pairs = zip(flat[::2], flat[1::2], strict=True)
            return tuple(top / bottom if bottom else math.nan for top, bottom in pairs)
        return flat

    def number(self, entry: Entry | None) -> float | None:
        """Give the first number of a value if it is finite."""
        found = self.numbers(entry)
        return found[0] if found and math.isfinite(found[0]) else None

    def integers(self, entry: Entry | None) -> tuple[int, ...]:
        """Give a value of an integer type."""
        if entry is None or entry.type not in (1, 3, 4, 13, 16, 18):
            return ()
        return tuple(int(v) for v in self.numbers(entry))

    def integer(self, entry: Entry | None, default: int) -> int:
        """Give the first integer of a value."""
        found = self.integers(entry)
        return found[0] if found else default

    def text(self, entry: Entry | None) -> str:
        """Give a value as text up to its first zero byte."""
        if entry is None or entry.type not in (1, 2, 7):
            return ""
        return self.raw(entry).split(b"\0", 1)[0].decode("utf-8", "replace").strip()

    def below(self, parent: Directory, tag: int) -> Directory:
        """Give the directory that a tag of another one points to."""
        return self.directory(self.integer(parent.get(tag), 0))[0]


def fields_of(reader: TagReader, entries: Directory, tags: Iterable[int]) -> list[Field]:
    """Copy values out of a directory, little-endian."""
    copied = []
    for tag in tags:
        entry = entries.get(tag)
        data = reader.raw(entry)
        if entry is None or not data or entry.type > 13:
            continue
        if reader.order == ">" and entry.type in CODES:
            code = CODES[entry.type]
            flat = struct.unpack(f">{len(data) // struct.calcsize(code)}{code}", data)
            data = struct.pack(f"<{len(flat)}{code}", *flat)
        copied.append(Field(tag, entry.type, entry.count, data))
    return copied


def directory(fields: Iterable[Field], start: int) -> bytes:
    """Lay out one little-endian directory that will stand at ``start`` in its file."""
    ordered = sorted(fields, key=lambda f: f.tag)
    table = struct.pack("<H", len(ordered))
    values = b""
    room = start + 2 + 12 * len(ordered) + 4
    for field in ordered:
        table += struct.pack("<HHI", field.tag, field.type, field.count)
        if len(field.data) <= 4:
            table += field.data.ljust(4, b"\0")
        else:
            table += struct.pack("<I", room + len(values))
            values += field.data + b"\0" * (len(field.data) % 2)
    return table + b"\0\0\0\0" + values


def block(main: list[Field], below: Mapping[int, list[Field]]) -> bytes:
    """Build an EXIF block.

    Args:
        main: fields of the first directory.
        below: fields of the directories under it, by the tag that points there.
    """
    below = {tag: fields for tag, fields in below.items() if fields}
    pointers = {tag: Field(tag, 4, 1, b"\0\0\0\0") for tag in below}
    place = 8 + len(directory([*main, *pointers.values()], 8))
    bodies = b""
    for tag, fields in below.items():
        body = directory(fields, place + len(bodies))
        pointers[tag] = Field(tag, 4, 1, struct.pack("<I", place + len(bodies)))
        bodies += body
    head = b"II" + struct.pack("<HI", 42, 8)
    return head + directory([*main, *pointers.values()], 8) + bodies


def _put(data: bytearray, reader: TagReader, entry: Entry | None, value: int) -> None:
    if entry is None or entry.count != 1 or entry.type not in (3, 4):
        return
    code = reader.order + CODES[entry.type]
    if value < 2 ** (8 * entry.size) and entry.offset + entry.size <= len(data):
        struct.pack_into(code, data, entry.offset, value)


def for_output(exif: bytes, *, size: tuple[int, int] | None, orientation: int = 1) -> bytes:
    """Make an EXIF block true again for another picture, leaving everything else byte for byte.

    The orientation is set, the thumbnail of the old picture taken away, the
    old size replaced. A block that cannot be understood is given back as it is.

    Args:
        exif: the block from its TIFF header on.
        size: height and width in pixels of the new picture; None leaves both as they are.
        orientation: 1 where the rows have been put upright.
    """
    try:
        reader = TagReader.of(exif)
    except ValueError:
        return exif
    data = bytearray(exif)
    main, following, link = reader.directory(reader.first)
    _put(data, reader, main.get(Tag.ORIENTATION), orientation)
    if size is None:
        return bytes(data)
    inner = reader.below(main, Tag.EXIF_IFD)
    for entries, x, y in ((main, Tag.WIDTH, Tag.LENGTH), (inner, Tag.PIXEL_X, Tag.PIXEL_Y)):
        _put(data, reader, entries.get(x), size[1])
        _put(data, reader, entries.get(y), size[0])
    if following and not reader.big and link + 4 <= len(data):
        thumbnail = reader.directory(following)[0]
        start = reader.integer(thumbnail.get(Tag.THUMBNAIL_OFFSET), 0)
        length = reader.integer(thumbnail.get(Tag.THUMBNAIL_LENGTH), 0)
        struct.pack_into("<I", data, link, 0)
        if 0 < start < len(data):
            stop = min(start + length, len(data))
            data[start:stop] = bytes(stop - start)
            if stop == len(data):
                del data[start:]
    return bytes(data)
