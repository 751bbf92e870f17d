"""Files made to break a reader: nothing but sfumato's own errors may come out."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from sfumato.errors import FileError, SfumatoError
from sfumato.io.picture import probe, read


def small_files(picture, exif, icc):
    tile = Pillow.fromarray(np.ascontiguousarray(picture[:20, :24]))
    files = {}
    for name, mode, form, settings in [
        ("rgb.jpg", "RGB", "JPEG", {"exif": b"Exif\0\0" + exif, "icc_profile": icc}),
        ("inks.jpg", "CMYK", "JPEG", {}),
        ("rgba.png", "RGBA", "PNG", {"exif": exif, "icc_profile": icc}),
        ("palette.png", "P", "PNG", {"transparency": 0}),
        ("lossy.webp", "RGB", "WEBP", {"exif": exif, "icc_profile": icc}),
        ("lossless.webp", "RGBA", "WEBP", {"lossless": True}),
        ("raw.tif", "RGB", "TIFF", {"exif": b"Exif\0\0" + exif}),
        ("lzw.tif", "RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("palette.tif", "P", "TIFF", {"compression": "packbits"}),
        ("fax.tif", "1", "TIFF", {"compression": "group4"}),
    ]:
        memory = io.BytesIO()
        tile.convert(mode).save(memory, form, **settings)
        files[name] = memory.getvalue()
    for name, settings in [
        ("deflate.tif", {"compression": "zlib", "predictor": True, "rowsperstrip": 5}),
        ("tiles.tif", {"tile": (16, 16), "compression": "zlib"}),
        ("planes.tif", {"planarconfig": "separate"}),
        ("big.tif", {"bigtiff": True, "byteorder": ">"}),
    ]:
        image = np.asarray(tile).astype(np.uint16 if "predictor" in settings else np.float32)
        image = np.moveaxis(image, -1, 0).copy() if "planarconfig" in settings else image
        memory = io.BytesIO()
        tifffile.imwrite(memory, image, photometric="rgb", metadata=None, **settings)
        files[name] = memory.getvalue()
    return files


NAMES = [
    "rgb.jpg", "inks.jpg", "rgba.png", "palette.png", "lossy.webp", "lossless.webp", "raw.tif",
    "lzw.tif", "palette.tif", "fax.tif", "deflate.tif", "tiles.tif", "planes.tif", "big.tif",
]  # fmt: skip


def survived(path, data) -> bool:
    """Say whether the bytes are refused; anything but our own errors fails the test."""
    path.write_bytes(data)
    refused = False
    for use in (probe, read):
        try:
            use(path)
        except SfumatoError as error:
            assert "\n" not in error.message  # noqa: PT017
            refused = True
    return refused


@pytest.mark.parametrize("name", NAMES)
def test_cut_files_raise_only_our_errors(name, picture, camera_exif, icc_profile, tmp_path, capfd):
    whole = small_files(picture, camera_exif, icc_profile)[name]
    step = max(1, len(whole) // 250)
    for stop in range(1, len(whole), step):
        survived(tmp_path / name, whole[:stop])
    capfd.readouterr()


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bytes_raise_only_our_errors(
    name, picture, camera_exif, icc_profile, tmp_path, rng, capfd
):
    whole = small_files(picture, camera_exif, icc_profile)[name]
    refused = 0
    for k in range(250):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 6))):
            reach = len(data) if k % 2 else min(len(data), 300)
            data[int(rng.integers(reach))] = int(rng.integers(256))
        refused += survived(tmp_path / name, bytes(data))
    assert refused > 20
    capfd.readouterr()


def bombs():
    def chunk(tag, body):
        check = struct.pack(">I", zlib.crc32(tag + body))
        return struct.pack(">I", len(body)) + tag + body + check

    side = 100_000
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    yield "png", png + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    frame = struct.pack(">BHHB", 8, 60_000, 60_000, 1) + b"\1\x11\0"
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + bytes(50) + b"\xff\xd9"
    yield "jpeg", b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + scan
    entries = [
        (256, side),
        (257, side),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (279, 200),
    ]
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    yield "tiff", b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(500)
    vp8 = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(20)
    body = b"WEBPVP8 " + struct.pack("<I", len(vp8)) + vp8
    yield "webp", b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("form", "data"), list(bombs()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_header_that_promises_too_much_is_refused_by_the_limit(tmp_path, form, data):
    path = tmp_path / f"bomb.{form}"
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"bomb\..*the header promises .* more than the limit"):
        read(path)


def test_a_tile_larger_than_the_limit_is_refused(tmp_path, picture):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, photometric="rgb", tile=(64, 96), metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        for name in ("TileWidth", "TileLength"):
            file.pages[0].tags[name].overwrite(2**16 - 16)
    with pytest.raises(FileError, match=r"a\.tif"):
        read(path)


def test_pages_in_a_circle_end(tmp_path, picture):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, photometric="rgb", metadata=None)
    data = bytearray(path.read_bytes())
    place = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, place)[0]
    struct.pack_into("<I", data, place + 2 + 12 * count, place)
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path).image, picture)
