"""WebP: its header, its pixels, and the chunks that carry EXIF and ICC."""

from __future__ import annotations

import struct

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image
from sfumato.errors import FileError
from sfumato.io.header import Header
from sfumato.io.metadata import orientation_of
from sfumato.io.pixels import decode_by_opencv, swapped
from sfumato.io.source import Source, damaged

__all__ = ["LARGEST_SIDE_PX", "decode", "encode", "header"]

LARGEST_SIDE_PX = 16383
ICC_FLAG, ALPHA_FLAG, EXIF_FLAG, ANIMATION_FLAG = 0x20, 0x10, 0x08, 0x02


def header(source: Source) -> Header:
    """Read size, channels, EXIF and ICC of a WebP.

    Raises:
        FileError: cut off, corrupt or animated.
    """
    data, name = source.data, source.path
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise damaged(name, "the WebP is cut off before its end")
    parts = _chunks(data)
    if b"ANIM" in parts or b"ANMF" in parts:
        raise FileError(f"{name}: an animated WebP, not a picture", hint="save one frame of it")
    lossy, lossless, more = (parts.get(tag, b"") for tag in (b"VP8 ", b"VP8L", b"VP8X"))
    if len(lossy) >= 10 and lossy[3:6] == b"\x9d\x01\x2a":
        width, height = (v & 0x3FFF for v in struct.unpack("<HH", lossy[6:10]))
        alpha = False
    elif len(lossless) >= 5 and lossless[0] == 0x2F:
        bits = int.from_bytes(lossless[1:5], "little")
        width, height, alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    else:
        raise damaged(name, "the WebP is corrupt in its header")
    if more:
        alpha = bool(more[0] & ALPHA_FLAG)
    exif = parts.get(b"EXIF", b"").removeprefix(b"Exif\0\0") or None
    return Header(
        format="webp",
        width=width,
        height=height,
        channels=4 if alpha else 3,
        dtype=np.dtype(np.uint8),
        orientation=orientation_of(exif),
        exif=exif,
        icc_profile=parts.get(b"ICCP"),
    )


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    place, end = 12, int.from_bytes(data[4:8], "little") + 8
    while place + 8 <= end:
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        if place + 8 + length > end:
            break
        found.setdefault(data[place : place + 4], data[place + 8 : place + 8 + length])
        place += 8 + length + length % 2
    return found


def decode(source: Source, head: Header, out: Image | None = None) -> Image:
    """Decode the pixels of a WebP.

    Raises:
        FileError: cut off or corrupt.
    """
    return decode_by_opencv(source.path, source.data, head, cv2.IMREAD_UNCHANGED, out)


def encode(image: Image, *, quality: int, exif: bytes | None, icc_profile: bytes | None) -> bytes:
    """Encode 8-bit RGB or RGBA with loss; grey becomes three equal channels."""
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    height, width, channels = image.shape
    settings = [cv2.IMWRITE_WEBP_QUALITY, quality]
    data: bytes = cv2.imencode(".webp", swapped(image), settings)[1].tobytes()
    if not (exif or icc_profile):
        return data
    pixels = {tag: body for tag, body in _chunks(data).items() if tag != b"VP8X"}
    alpha = b"ALPH" in pixels or (b"VP8L" in pixels and channels == 4)
    flags = ICC_FLAG * bool(icc_profile) | EXIF_FLAG * bool(exif) | ALPHA_FLAG * alpha
    side = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + side)
    if icc_profile:
        body += _chunk(b"ICCP", icc_profile)
    for tag in (b"ALPH", b"VP8 ", b"VP8L"):
        if tag in pixels:
            body += _chunk(tag, pixels[tag])
    if exif:
        body += _chunk(b"EXIF", exif)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _chunk(tag: bytes, body: bytes) -> bytes:
    return tag + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
