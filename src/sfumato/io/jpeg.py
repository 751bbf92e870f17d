"""JPEG: its header, its pixels, and the segments that carry EXIF and ICC."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image
from sfumato.errors import FileError
from sfumato.io.header import Header
from sfumato.io.metadata import orientation_of
from sfumato.io.pixels import decode_by_opencv, settle, swapped
from sfumato.io.source import Source, damaged

__all__ = ["LARGEST_SIDE_PX", "decode", "encode", "exif_in", "header"]

LARGEST_SIDE_PX = 65500
EXIF_MARK = b"Exif\0\0"
ICC_MARK = b"ICC_PROFILE\0"
ICC_PIECE = 65533 - len(ICC_MARK) - 2
FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
BARE = {0x01, *range(0xD0, 0xD8)}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the compressed pixels begin, and the profile of CMYK inks."""

    scan: int
    cmyk: bool
    ink_profile: bytes | None


def header(source: Source) -> Header:
    """Read size, channels, EXIF and ICC of a JPEG.

    Raises:
        FileError: cut off or corrupt before its pixels, or of a kind that cannot be decoded.
    """
    data, name = source.data, source.path
    frame: tuple[int, int, int, int] | None = None
    exif: bytes | None = None
    pieces: dict[int, bytes] = {}
    scan = -1
    for marker, start, stop in _segments(data):
        if marker == 0xDA:
            scan = stop
            break
        body = data[start:stop]
        if marker in FRAMES and len(body) >= 6 and frame is None:
            frame = struct.unpack(">BHHB", body[:6])
        elif marker == 0xE1 and body.startswith(EXIF_MARK) and exif is None:
            exif = body[len(EXIF_MARK) :]
        elif marker == 0xE2 and body.startswith(ICC_MARK) and len(body) > len(ICC_MARK) + 2:
            pieces[body[len(ICC_MARK)]] = body[len(ICC_MARK) + 2 :]
    if frame is None or scan < 0:
        raise damaged(name, "the JPEG is cut off or corrupt before its pixels begin")
    bits, height, width, components = frame
    if bits != 8 or components not in (1, 3, 4):
        raise FileError(
            f"{name}: a JPEG with {bits} bits and {components} components cannot be decoded",
            hint="convert it to an 8-bit JPEG or a TIFF",
        )
    icc = b"".join(pieces[k] for k in sorted(pieces)) or None
    cmyk = components == 4
    return Header(
        format="jpeg",
        width=width,
        height=height,
        channels=1 if components == 1 else 3,
        dtype=np.dtype(np.uint8),
        orientation=orientation_of(exif),
        exif=exif,
        icc_profile=None if cmyk else icc,
        layout=Layout(scan, cmyk, icc if cmyk else None),
    )


def exif_in(data: bytes) -> bytes | None:
    """Give the EXIF block of JPEG bytes, where there is one."""
    for marker, start, stop in _segments(data):
        if marker == 0xE1 and data.startswith(EXIF_MARK, start):
            return data[start + len(EXIF_MARK) : stop]
        if marker == 0xDA:
            break
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give marker, begin and end of each segment up to the first scan."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            return
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in BARE:
            place += 2
        else:
            length = int.from_bytes(data[place + 2 : place + 4], "big")
            stop = place + 2 + length
            if marker == 0xD9 or length < 2 or stop > len(data):
                return
            yield marker, place + 4, stop
            place = stop


def decode(source: Source, head: Header, out: Image | None = None) -> Image:
    """Decode the pixels of a JPEG; CMYK becomes RGB through its profile.

    Raises:
        FileError: cut off or corrupt.
    """
    data, layout = source.data, head.layout
    if data.rfind(b"\xff\xd9", layout.scan) < 0:  # a decoder would fill the rest with grey
        raise damaged(source.path, "the JPEG is cut off before its end")
    if layout.cmyk:
        return settle(_from_inks(source, head), out)
    flags = cv2.IMREAD_GRAYSCALE if head.channels == 1 else cv2.IMREAD_COLOR
    return decode_by_opencv(source.path, data, head, flags, out)


def _from_inks(source: Source, head: Header) -> Image:
    from PIL import JpegImagePlugin  # noqa: PLC0415  only CMYK pays for this import

    from sfumato.io.inks import screen_colours  # noqa: PLC0415

    try:
        # the class itself: Image.open would apply a second limit of its own
        picture = JpegImagePlugin.JpegImageFile(io.BytesIO(source.data))
        picture.load()
        return np.array(screen_colours(source.path, picture, head.layout.ink_profile))
    except FileError:
        raise
    except Exception as error:  # a decoder of foreign bytes may fail in any way
        raise damaged(source.path, "the CMYK JPEG is cut off or corrupt") from error


def encode(image: Image, *, quality: int, exif: bytes | None, icc_profile: bytes | None) -> bytes:
    """Encode 8-bit grey or RGB; from quality 90 on colour keeps its full resolution.

    Raises:
        FileError: the EXIF block does not fit into a JPEG.
    """
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 0]
    if image.shape[2] == 3:
        full = quality >= 90
        half = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        factor = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full else half
        settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
        image = swapped(image)
    data: bytes = cv2.imencode(".jpg", image, settings)[1].tobytes()
    added = b""
    if exif:
        if len(exif) > 65533 - len(EXIF_MARK):
            raise FileError(
                f"the EXIF block has {len(exif)} bytes, a JPEG holds 65527",
                hint="write a PNG or TIFF, or leave 'exif' out of meta",
            )
        added += _segment(0xE1, EXIF_MARK + exif)
    if icc_profile:
        parts = [icc_profile[k : k + ICC_PIECE] for k in range(0, len(icc_profile), ICC_PIECE)]
        if len(parts) > 255:
            raise FileError("the ICC profile is too large for a JPEG", hint="write a TIFF")
        for k, part in enumerate(parts, start=1):
            added += _segment(0xE2, ICC_MARK + bytes([k, len(parts)]) + part)
    place = 2
    if data[2:4] == b"\xff\xe0":  # JFIF wants to stand first
        place = 4 + int.from_bytes(data[4:6], "big")
    return data[:place] + added + data[place:]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
