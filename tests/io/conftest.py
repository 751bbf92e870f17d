"""Small pictures in every form that a file can have, and files made of them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.TiffImagePlugin import IFDRational


@pytest.fixture
def camera_exif() -> bytes:
    """What a camera writes, made by Pillow and not by us: facts, a turned camera, GPS."""
    exif = Pillow.Exif()
    exif[271], exif[272], exif[274], exif[306] = "Canon", "Canon EOS R5", 6, "2024:05:06 07:08:09"
    inner = exif.get_ifd(34665)
    inner[33434], inner[33437] = IFDRational(1, 250), IFDRational(28, 10)
    inner[34855], inner[37386] = 400, IFDRational(50, 1)
    inner[37380], inner[36867] = IFDRational(-2, 3), "2024:05:06 07:08:09"
    inner[37521], inner[42036] = "25", "RF 50mm F1.2 L"
    inner[37500] = bytes(range(200))
    inner[40962], inner[40963] = 83, 61
    exif.get_ifd(34853)[1] = "N"
    return exif.tobytes().removeprefix(b"Exif\0\0")


@pytest.fixture
def icc_profile() -> bytes:
    """A real ICC profile."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Save an array or Pillow picture by Pillow under a name of any ending."""

    def by_pillow(name: str, picture: Any, form: str, **settings: Any) -> Path:
        if isinstance(picture, np.ndarray):
            picture = Pillow.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
        memory = io.BytesIO()
        picture.save(memory, form, **settings)
        path = tmp_path / name
        path.write_bytes(memory.getvalue())
        return path

    return by_pillow


@pytest.fixture
def png_of() -> Callable[..., bytes]:
    """Write a PNG of any bit depth and kind by hand, chunk by chunk."""

    def chunk(tag: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(tag + body))
        return struct.pack(">I", len(body)) + tag + body + check

    def build(
        bits: int,
        kind: int,
        rows: list[bytes],
        width: int,
        *,
        extra: list[tuple[bytes, bytes]] = (),
    ) -> bytes:
        packed = zlib.compress(b"".join(b"\0" + row for row in rows))
        head = struct.pack(">IIBBBBB", width, len(rows), bits, kind, 0, 0, 0)
        parts = [(b"IHDR", head), *extra, (b"IDAT", packed), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)

    return build


@pytest.fixture
def opened() -> Callable[[Path], Pillow.Image]:
    """Open a file by Pillow, the independent reader."""
    return lambda path: Pillow.open(io.BytesIO(path.read_bytes()))
