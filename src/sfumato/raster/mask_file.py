"""Masks from grey PNG files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import FileError, ShapeError
from sfumato.raster.mask import as_mask

__all__ = ["read_mask"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY = 0


def read_mask(path: str | Path, size: tuple[int, int]) -> NDArray[Any]:
    """Read a mask that was painted into a grey PNG: black is out, white is in.

    Args:
        path: a PNG of one channel, 1 to 16 bits deep.
        size: height and width that it must have; checked before anything is decoded.

    Shape:
        returns (h, w): bool where the file holds black and white only, float32 from 0
        to 1 where it has greys between.

    Raises:
        FileError: missing, no grey PNG, cut off or corrupt.
        ShapeError: of another size.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    height, width, kind = _header(data, path)
    if kind != GREY:
        raise FileError(
            f"{path}: a mask has one channel, this PNG has colors, a palette or transparency",
            hint="save it as greyscale, without an alpha channel",
        )
    if (height, width) != tuple(size):
        raise ShapeError(
            f"{path}: the mask is {width} x {height} px, the picture {size[1]} x {size[0]} px"
        )
    _check_chunks(data, path)
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise FileError(f"{path}: the PNG cannot be decoded") from error
    if found is None or found.shape != (height, width):
        raise FileError(f"{path}: the PNG cannot be decoded to one channel")
    white = np.iinfo(found.dtype).max
    if np.all((found == 0) | (found == white)):
        return as_mask(found, str(path))
    share = np.multiply(found, np.float32(1.0 / white), dtype=np.float32)
    return np.asarray(np.minimum(share, np.float32(1.0)))


def _header(data: bytes, path: Path) -> tuple[int, int, int]:
    if not data.startswith(SIGNATURE) or data[12:16] != b"IHDR" or len(data) < 33:
        raise FileError(f"{path}: a mask is read from PNG only", hint="save it as a grey PNG")
    width, height, _, kind = struct.unpack(">IIBB", data[16:26])
    return height, width, kind


def _check_chunks(data: bytes, path: Path) -> None:
    """Walk over the checksums: decoders fill up what a broken file lacks."""
    at, name = len(SIGNATURE), b""
    while name != b"IEND":
        if at + 12 > len(data):
            raise FileError(f"{path}: the PNG is cut off")
        (length,) = struct.unpack_from(">I", data, at)
        name, end = data[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(data):
            raise FileError(f"{path}: the PNG is cut off")
        if zlib.crc32(data[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise FileError(f"{path}: the PNG is corrupt, a checksum is wrong")
        if name == b"tRNS":
            raise FileError(
                f"{path}: a mask has one channel, this PNG has transparency",
                hint="save it as greyscale, without an alpha channel",
            )
        at = end + 4
