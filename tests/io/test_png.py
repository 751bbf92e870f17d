from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from sfumato.core.sample import Sample
from sfumato.errors import FileError
from sfumato.io.picture import probe, read, write


def loaded(tmp_path, data):
    path = tmp_path / "x.png"
    path.write_bytes(data)
    image = read(path).image
    info = probe(path)
    assert (info.size, info.channels, info.dtype) == (
        image.shape[:2],
        image.shape[2],
        image.dtype.name,
    )
    return image


@pytest.mark.parametrize(
    ("bits", "row", "values"),
    [
        (1, b"\x50", [0, 255, 0, 255]),
        (2, b"\x1b", [0, 85, 170, 255]),
        (4, b"\x01\xef", [0, 17, 238, 255]),
    ],
)
def test_few_bits_of_grey_become_8(tmp_path, png_of, bits, row, values):
    image = loaded(tmp_path, png_of(bits, 0, [row], 4))
    assert image.shape == (1, 4, 1)
    assert image.ravel().tolist() == values


def test_a_palette_becomes_rgb_and_with_transparency_rgba(tmp_path, png_of):
    colours = (b"PLTE", bytes([1, 2, 3, 40, 50, 60]))
    assert loaded(tmp_path, png_of(1, 3, [b"\x40"], 2, extra=[colours])).tolist() == [
        [[1, 2, 3], [40, 50, 60]]
    ]
    clear = (b"tRNS", bytes([0]))
    assert loaded(tmp_path, png_of(8, 3, [b"\0\1"], 2, extra=[colours, clear])).tolist() == [
        [[1, 2, 3, 0], [40, 50, 60, 255]]
    ]


def test_16_bits_with_alpha_keep_4_channels_in_order(tmp_path, png_of):
    row = struct.pack(">8H", 1, 1000, 30000, 65535, 2, 2000, 40000, 7)
    image = loaded(tmp_path, png_of(16, 6, [row], 2))
    assert image.dtype == np.uint16
    assert image.tolist() == [[[1, 1000, 30000, 65535], [2, 2000, 40000, 7]]]


@pytest.mark.parametrize(("bits", "code", "top"), [(8, "B", 255), (16, "H", 65535)])
def test_grey_with_alpha_becomes_rgba(tmp_path, png_of, bits, code, top):
    row = struct.pack(f">4{code}", 10, 20, 30, top)
    assert loaded(tmp_path, png_of(bits, 4, [row], 2)).tolist() == [
        [[10] * 3 + [20], [30] * 3 + [top]]
    ]


@pytest.mark.parametrize(
    ("bits", "row", "clear", "alpha"),
    [
        (8, bytes([9, 7]), 9, [0, 255]),
        (16, struct.pack(">2H", 900, 7), 900, [0, 65535]),
        (4, b"\x37", 3, [0, 255]),
    ],
)
def test_a_transparent_grey_becomes_alpha(tmp_path, png_of, bits, row, clear, alpha):
    extra = [(b"tRNS", struct.pack(">H", clear))]
    image = loaded(tmp_path, png_of(bits, 0, [row], 2, extra=extra))
    assert image.shape == (1, 2, 4)
    assert image[0, :, 3].tolist() == alpha


def test_a_transparent_colour_becomes_alpha(tmp_path, png_of):
    extra = [(b"tRNS", struct.pack(">3H", 1, 2, 3))]
    image = loaded(tmp_path, png_of(8, 2, [bytes([1, 2, 3, 4, 5, 6])], 2, extra=extra))
    assert image.tolist() == [[[1, 2, 3, 0], [4, 5, 6, 255]]]


def test_values_are_not_touched_by_a_gamma_chunk(tmp_path, png_of):
    extra = [(b"gAMA", struct.pack(">I", 100000))]
    assert loaded(
        tmp_path, png_of(8, 0, [bytes([1, 50, 200])], 3, extra=extra)
    ).ravel().tolist() == [1, 50, 200]


def test_pillow_reads_what_we_write_with_exif_and_icc(
    picture, camera_exif, icc_profile, tmp_path, opened
):
    meta = {"exif": camera_exif, "icc_profile": icc_profile}
    for image in (picture, picture[..., :1], picture[..., [0, 1, 2, 0]]):
        out = write(tmp_path / "a.png", Sample(image, meta=meta), overwrite=True)
        peer = opened(out)
        np.testing.assert_array_equal(np.array(peer).reshape(image.shape), image)
        assert peer.info["icc_profile"] == icc_profile
        assert peer.getexif().get_ifd(34665)[34855] == 400


def test_exif_and_icc_stand_before_the_pixels_of_a_16_bit_png(
    picture, camera_exif, icc_profile, tmp_path
):
    deep = picture.astype(np.uint16) * 257
    out = write(
        tmp_path / "a.png", Sample(deep, meta={"exif": camera_exif, "icc_profile": icc_profile})
    )
    data = out.read_bytes()
    assert data.index(b"iCCP") < data.index(b"IDAT") > data.index(b"eXIf")
    found = read(out)
    np.testing.assert_array_equal(found.image, deep)
    assert found.meta["icc_profile"] == icc_profile
    assert found.meta["exposure_time_s"] == 0.004


def test_a_png_cut_anywhere_is_an_error(save, picture):
    path = save("a.png", picture, "PNG")
    whole = path.read_bytes()
    for stop in [*range(1, 200), *range(200, len(whole), 101), len(whole) - 1]:
        path.write_bytes(whole[:stop])
        with pytest.raises(FileError, match=r"a\.png: .*(cut off|corrupt)"):
            read(path)


def test_one_wrong_bit_is_found_by_the_checksum(save, picture, rng):
    path = save("a.png", picture, "PNG")
    whole = bytearray(path.read_bytes())
    start, stop = whole.index(b"IDAT") + 4, len(whole) - 16
    for place in rng.integers(start, stop, 20):
        whole[place] ^= 1
        path.write_bytes(whole)
        with pytest.raises(FileError, match="a checksum does not fit"):
            read(path)
        whole[place] ^= 1


def test_too_few_rows_behind_right_checksums_are_an_error(tmp_path, png_of, capfd):
    data = png_of(8, 0, [b"\x07" * 50] * 3, 50)
    head = struct.pack(">IIBBBBB", 50, 40, 8, 0, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    path = tmp_path / "x.png"
    path.write_bytes(data[:16] + head + check + data[33:])
    with pytest.raises(FileError, match=r"x\.png"):
        read(path)
    capfd.readouterr()  # libpng says something of its own


def test_a_profile_that_would_unpack_to_gigabytes_is_left_out(tmp_path, png_of):
    bomb = b"x\0\0" + zlib.compress(bytes(64 * 2**20))
    path = tmp_path / "x.png"
    path.write_bytes(png_of(8, 0, [b"\1\2"], 2, extra=[(b"iCCP", bomb)]))
    assert "icc_profile" not in probe(path).meta


def test_an_animation_is_refused(save, picture):
    frames = [Pillow.fromarray(picture), Pillow.fromarray(255 - picture)]
    path = save("a.png", frames[0], "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(FileError, match="an animated PNG"):
        read(path)


def test_notes_are_read_by_pillow_and_back(tmp_path):
    notes = {"recipe": "a: 1\nb: größer", "seed": "7"}
    path = write(tmp_path / "n.png", Sample(np.zeros((2, 3, 3), np.uint8), meta={"notes": notes}))
    with Pillow.open(path) as picture:
        assert {name: str(picture.text[name]) for name in notes} == notes
    assert read(path).meta["notes"] == notes


def test_notes_of_pillow_are_read_and_bombs_left_out(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("plain", "caf\u00e9")
    info.add_itxt("packed", "\u6f22" * 50, zip=True)
    info.add_itxt("bomb", "x" * (2 * 2**20), zip=True)
    Pillow.new("L", (3, 2)).save(tmp_path / "p.png", pnginfo=info)
    notes = read(tmp_path / "p.png").meta["notes"]
    assert notes == {"plain": "caf\u00e9", "packed": "\u6f22" * 50}
