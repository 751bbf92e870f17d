"""Write TIFF pictures with their EXIF, ICC and light."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import tifffile

from sfumato.core.shapes import Image
from sfumato.errors import FileError
from sfumato.io.exif import Field, Tag, TagReader, directory, fields_of

__all__ = ["LARGEST_BYTES", "append_fields", "split_exif", "write_tiff"]

LARGEST_BYTES = 2**32 - 2**26
TEXT_TAGS = (Tag.MAKE, Tag.MODEL, Tag.SOFTWARE, Tag.DATETIME, Tag.ARTIST, Tag.COPYRIGHT)
LEFT_OUT = {Tag.MAKER_NOTE, Tag.INTEROP_IFD}  # their inner offsets break when they move


def write_tiff(
    path: Path, image: Image, *, exif: bytes | None, icc_profile: bytes | None, space: str
) -> None:
    """Write an uncompressed TIFF.

    The camera's facts become a real EXIF directory. float32 pictures, and all
    that are not sRGB, carry ``{"sfumato": {"space": ...}}`` as description, by
    which `read` recognises linear light.

    Raises:
        FileError: larger than a TIFF can be.
    """
    if image.nbytes > LARGEST_BYTES:
        raise FileError(
            f"the picture has {image.nbytes / 2**30:.1f} GiB, a TIFF holds 4",
            hint="write it with fewer bits, or smaller",
        )
    noted = image.dtype.kind == "f" or space != "srgb"
    main, below = split_exif(exif)
    channels = image.shape[2]
    with tifffile.TiffWriter(path, byteorder="<", bigtiff=False) as file:
        file.write(
            image if channels > 1 else image[..., 0],
            photometric="minisblack" if channels == 1 else "rgb",
            planarconfig=None if channels == 1 else "contig",
            extrasamples=["unassalpha"] if channels == 4 else None,
            description=json.dumps({"sfumato": {"space": space}}) if noted else None,
            iccprofile=icc_profile or None,
            software=False,
            metadata=None,
        )
    append_fields(path, main, below)


def split_exif(exif: bytes | None) -> tuple[list[Field], dict[int, list[Field]]]:
    """Take an EXIF block apart: fields of the picture, and of the directories under it."""
    if not exif:
        return [], {}
    try:
        reader = TagReader.of(exif)
    except ValueError:
        return [], {}
    entries = reader.directory(reader.first)[0]
    main = fields_of(reader, entries, TEXT_TAGS)
    below = {}
    for tag in (Tag.EXIF_IFD, Tag.GPS_IFD):
        inner = reader.below(entries, tag)
        fields = fields_of(reader, inner, set(inner) - LEFT_OUT)
        if fields:
            below[tag] = fields
    return [f for f in main if f.type == 2], below


def append_fields(path: Path, main: list[Field], below: dict[int, list[Field]]) -> None:
    """Put the camera's directories behind the picture.

    tifffile writes none of them, so the first directory is written once more at
    the end, with the pointers in it; what its entries point to stays in place.
    """
    if not main and not below:
        return
    with path.open("r+b") as file:
        file.seek(4)
        (first,) = struct.unpack("<I", file.read(4))
        file.seek(first)
        (count,) = struct.unpack("<H", file.read(2))
        table = file.read(12 * count)
        added = list(main)
        place = file.seek(0, os.SEEK_END)
        bodies = b"\0" * (place % 2)
        for tag, fields in below.items():
            start = place + len(bodies)
            added.append(Field(tag, 4, 1, struct.pack("<I", start)))
            bodies += directory(fields, start)
        start = place + len(bodies)
        file.write(bodies + _merged(table, added, start))
        file.seek(4)
        file.write(struct.pack("<I", start))


def _merged(table: bytes, added: list[Field], start: int) -> bytes:
    """Lay out a directory of entries that exist and fields that are new."""
    count = len(table) // 12 + len(added)
    values_at = start + 2 + 12 * count + 4
    fresh = directory(added, values_at - 2 - 12 * len(added) - 4)
    middle = 2 + 12 * len(added)
    both = table + fresh[2:middle]
    entries = [both[k : k + 12] for k in range(0, len(both), 12)]
    entries.sort(key=lambda entry: entry[1] << 8 | entry[0])
    return struct.pack("<H", count) + b"".join(entries) + fresh[middle:]
