"""PNG: its header, its pixels, and the chunks that carry EXIF and ICC."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image
from sfumato.errors import FileError
from sfumato.io.header import Header
from sfumato.io.metadata import orientation_of
from sfumato.io.pixels import decode_by_opencv, settle, swapped
from sfumato.io.source import Source, damaged

__all__ = ["SIGNATURE", "decode", "encode", "header"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PROFILE_BYTES = 16 * 2**20
MAX_NOTE_BYTES = 2**20
"""Of one note, unpacked; longer ones are left out."""
MAX_NOTES = 100
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    COLOUR: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    COLOUR_ALPHA: (8, 16),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The grey value that stands for transparent, on the scale of the decoded picture."""

    clear_grey: int | None


def header(source: Source) -> Header:
    """Read size, channels, EXIF and ICC of a PNG.

    Raises:
        FileError: cut off or corrupt before its pixels.
    """
    data, name = source.data, source.path
    first = next(_chunks(data), None)
    if first is None or first[0] != b"IHDR" or first[2] - first[1] != 13:
        raise damaged(name, "the PNG is cut off or corrupt in its header")
    width, height, bits, kind = struct.unpack(">IIBB", data[16:26])
    if bits not in DEPTHS.get(kind, ()):
        raise damaged(name, "the PNG is corrupt: no such kind of pixels")
    exif = icc = clear = None
    notes: dict[str, str] = {}
    for tag, start, stop in _chunks(data):
        if tag == b"tRNS":
            clear = data[start:stop]
        elif tag == b"eXIf":
            exif = data[start:stop].removeprefix(b"Exif\0\0")
        elif tag == b"iCCP":
            icc = _inflated(data[start:stop])
        elif tag in (b"tEXt", b"iTXt") and len(notes) < MAX_NOTES:
            notes.update(_note(tag, data[start:stop]))
        elif tag == b"acTL":
            raise FileError(f"{name}: an animated PNG, not a picture", hint="save one frame of it")
    grey = kind == GREY and clear is None
    clear_grey = None
    if kind == GREY and clear is not None and len(clear) == 2:
        clear_grey = int.from_bytes(clear, "big") * (255 // (2 ** min(bits, 8) - 1))
    alpha = kind in (GREY_ALPHA, COLOUR_ALPHA) or clear is not None
    return Header(
        format="png",
        width=width,
        height=height,
        channels=1 if grey else 4 if alpha else 3,
        dtype=np.dtype(np.uint16 if bits == 16 else np.uint8),
        orientation=orientation_of(exif),
        exif=exif,
        icc_profile=icc,
        notes=notes,
        layout=Layout(clear_grey),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give name, begin and end of each whole chunk."""
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        stop = place + 8 + length
        if stop + 4 > len(data):
            return
        yield data[place + 4 : place + 8], place + 8, stop
        place = stop + 4


def _inflated(body: bytes) -> bytes | None:
    return _unpacked(body.partition(b"\0")[2][1:], MAX_PROFILE_BYTES)


def _unpacked(packed: bytes, most: int) -> bytes | None:
    try:
        worker = zlib.decompressobj()
        plain = worker.decompress(packed, most)
    except zlib.error:
        return None
    return plain if worker.eof and plain else None


def _note(tag: bytes, body: bytes) -> dict[str, str]:
    """Read a chunk of text; what is no text is left out."""
    keyword, _, rest = body.partition(b"\0")
    if tag == b"tEXt":
        text: bytes | None = rest
        coding = "latin-1"
    else:
        packed, rest, coding = rest[:1] == b"\1", rest[2:], "utf-8"
        text = rest.split(b"\0", 2)[-1]
        text = _unpacked(text, MAX_NOTE_BYTES) if packed else text
    if not keyword or text is None or len(text) > MAX_NOTE_BYTES:
        return {}
    return {keyword.decode("latin-1"): text.decode(coding, errors="replace")}


def decode(source: Source, head: Header, out: Image | None = None) -> Image:
    """Decode the pixels of a PNG: a palette gives RGB, grey with alpha gives RGBA.

    Raises:
        FileError: cut off or corrupt; every checksum is compared.
    """
    data, tag = source.data, b""
    whole = memoryview(data)
    for tag, start, stop in _chunks(data):
        if zlib.crc32(whole[start - 4 : stop]) != int.from_bytes(data[stop : stop + 4], "big"):
            raise damaged(source.path, "the PNG is corrupt: a checksum does not fit")
        if tag == b"IEND":
            break
    if tag != b"IEND":
        raise damaged(source.path, "the PNG is cut off before its end")
    if head.layout.clear_grey is None:
        return decode_by_opencv(source.path, data, head, cv2.IMREAD_UNCHANGED, out)
    promised = Header(
        format="png", width=head.width, height=head.height, channels=1, dtype=head.dtype
    )
    grey = decode_by_opencv(source.path, data, promised, cv2.IMREAD_UNCHANGED, None)
    solid = (grey != head.layout.clear_grey).astype(head.dtype) * np.iinfo(head.dtype).max
    return settle(np.concatenate([grey, grey, grey, solid], axis=2), out)


def encode(
    image: Image,
    *,
    exif: bytes | None,
    icc_profile: bytes | None,
    notes: Mapping[str, str] | None = None,
) -> bytes:
    """Encode 8- or 16-bit grey, RGB or RGBA without loss, at the fast setting."""
    colour = image if image.shape[2] == 1 else swapped(image)
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY]
    data = cv2.imencode(".png", colour, [*settings, cv2.IMWRITE_PNG_STRATEGY_RLE])[1]
    packed: bytes = data.tobytes()
    added = b""
    if icc_profile:
        added += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile))
    if exif:
        added += _chunk(b"eXIf", exif)
    for keyword, text in (notes or {}).items():
        name = keyword.encode("latin-1", errors="replace").replace(b"\0", b" ")[:79] or b"note"
        added += _chunk(b"iTXt", name + b"\0\0\0\0\0" + text.encode())
    place = len(SIGNATURE) + 25  # behind IHDR, before everything else
    return packed[:place] + added + packed[place:]


def _chunk(tag: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))
