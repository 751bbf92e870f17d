from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from sfumato.errors import DtypeError, FileError, RangeError, ShapeError
from sfumato.io.picture import probe, read

DTYPES = [np.uint8, np.uint16, np.float32]


def made(tmp_path, array, name="a.tif", **settings):
    path = tmp_path / name
    tifffile.imwrite(path, array, metadata=None, **settings)
    return path


def scaled(picture, dtype):
    full = {"uint8": 1, "uint16": 257, "float32": 1 / 255, "float64": 1 / 255, "float16": 1 / 256}
    return (picture.astype(np.float64) * full[np.dtype(dtype).name]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "rowsperstrip": 7},
        {"tile": (32, 32)},
        {"tile": (32, 32), "compression": "zlib"},
        {"byteorder": ">"},
        {"bigtiff": True},
    ],
    ids=str,
)
def test_every_layout_is_read_exactly(tmp_path, picture, dtype, channels, separate, settings):
    if separate and channels == 1:
        return
    image = scaled(picture[..., [0, 1, 2, 0]][..., :channels], dtype)
    stored = np.ascontiguousarray(np.moveaxis(image, -1, 0)) if separate else image
    form: dict = {"photometric": "minisblack"}
    if channels > 1:
        form = {"photometric": "rgb", "planarconfig": "separate" if separate else "contig"}
    if channels == 4:
        form["extrasamples"] = ["unassalpha"]
    path = made(tmp_path, stored if channels > 1 else stored[..., 0], **form, **settings)
    found = read(path).image
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, image)
    info = probe(path)
    assert (info.size, info.channels, info.dtype) == ((61, 83), channels, np.dtype(dtype).name)
    series = read(path, path)
    np.testing.assert_array_equal(series.stack[1], image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_horizontal_predictor_is_undone(tmp_path, picture, dtype):
    image = scaled(picture, dtype)
    path = made(tmp_path, image, photometric="rgb", compression="zlib", predictor=True)
    np.testing.assert_array_equal(read(path).image, image)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(tmp_path, picture, dtype):
    image = scaled(picture, dtype)
    found = read(made(tmp_path, image, photometric="rgb")).image
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, image.astype(np.float32))


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "LA", "RGBA"])
def test_what_pillow_writes_pillow_and_we_read_alike(save, picture, compression, mode):
    source = Pillow.fromarray(picture).convert(mode)
    if mode in ("LA", "RGBA"):
        source.putalpha(Pillow.fromarray(picture[..., 0]))
    path = save("a.tif", source, "TIFF", compression=compression)
    wanted = np.array(source.convert({"1": "L", "P": "RGB", "LA": "RGBA"}.get(mode, mode)))
    found = read(path).image
    np.testing.assert_array_equal(found, wanted.reshape(found.shape))
    assert probe(path).channels == found.shape[2]


def test_lzw_of_16_bits_and_floats_is_read(save, picture):
    for image in (
        picture[..., 0].astype(np.uint16) * 257,
        (picture[..., 0] / 255).astype(np.float32),
    ):
        path = save("a.tif", Pillow.fromarray(image), "TIFF", compression="tiff_lzw")
        np.testing.assert_array_equal(read(path).image[..., 0], image)


def test_fax_pages_are_grey(save, picture):
    page = Pillow.fromarray(picture).convert("1")
    found = read(save("fax.tif", page, "TIFF", compression="group4")).image
    np.testing.assert_array_equal(found[..., 0], np.array(page.convert("L")))


def test_jpeg_inside_a_tiff_is_near(save, picture):
    smooth = np.ascontiguousarray(np.broadcast_to(picture[:1, :, :], picture.shape))
    path = save("a.tif", smooth, "TIFF", compression="jpeg")
    with Pillow.open(path) as peer:
        difference = np.abs(read(path).image.astype(int) - np.array(peer.convert("RGB")))
    assert difference.max() <= 4


def test_white_may_be_zero(tmp_path, picture):
    for grey in (picture[..., 0], picture[..., 0].astype(np.uint16) * 257):
        path = made(tmp_path, grey, photometric="miniswhite")
        np.testing.assert_array_equal(read(path).image[..., 0], np.iinfo(grey.dtype).max - grey)


def test_inks_become_screen_colours(tmp_path):
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[..., 0] = 255
    found = read(made(tmp_path, inks, photometric="separated")).image
    assert found[4, 4].tolist() == [0, 255, 255]


def test_premultiplied_alpha_becomes_straight(tmp_path):
    stored = np.array([[[100, 50, 0, 128], [0, 0, 0, 0], [255, 128, 1, 255]]], np.uint8)
    path = made(tmp_path, stored, photometric="rgb", extrasamples=["assocalpha"])
    assert read(path).image.tolist() == [[[199, 100, 0, 128], [0, 0, 0, 0], [255, 128, 1, 255]]]


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits"])
@pytest.mark.parametrize("mode", ["RGB", "P", "I;16"])
def test_the_orientation_is_applied_once(save, picture, orientation, compression, mode):
    if mode == "I;16":
        source, axes = Pillow.fromarray(picture[..., 0].astype(np.uint16)), (0, 1)
    else:
        source, axes = Pillow.fromarray(picture).convert(mode), (0, 1)
    wanted = np.array(source.convert("RGB")) if mode != "I;16" else np.array(source)[..., None]
    wanted = np.rot90(wanted, {3: 2, 6: -1}[orientation], axes)
    path = save("a.tif", source, "TIFF", compression=compression, tiffinfo={274: orientation})
    sample = read(path)
    np.testing.assert_array_equal(sample.image, wanted)
    assert probe(path).size == sample.size
    lying = read(path, orient=False)
    assert lying.size == (61, 83)


def test_the_first_full_page_is_read_and_the_pages_counted(tmp_path, picture):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(picture[::4, ::4].copy(), photometric="rgb", subfiletype=1, metadata=None)
        file.write(picture, photometric="rgb", metadata=None)
        file.write(255 - picture, photometric="rgb", metadata=None)
    sample = read(path)
    np.testing.assert_array_equal(sample.image, picture)
    assert sample.meta["pages"] == 3


@pytest.mark.parametrize("dtype", [np.uint32, np.int16, np.int8, np.uint64, np.complex64])
def test_values_that_are_no_picture_are_refused_with_a_hint(tmp_path, dtype):
    path = made(tmp_path, np.ones((4, 5), dtype), photometric="minisblack")
    with pytest.raises(
        DtypeError, match=r"a\.tif: a picture has uint8, uint16 or float32"
    ) as caught:
        read(path)
    assert "save it with 16 bits" in caught.value.hint


def test_five_channels_are_refused(tmp_path):
    path = made(tmp_path, np.zeros((4, 5, 5), np.uint8), photometric="rgb", planarconfig="contig")
    with pytest.raises(ShapeError, match=r"a\.tif: a TIFF with 5 channels"):
        read(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_counted_and_the_file_named(tmp_path, bad):
    image = np.full((6, 7, 3), 0.5, np.float32)
    image[1, 2, 0] = image[5, 5, 2] = bad
    with pytest.raises(RangeError, match=r"a\.tif: 2 of 126 values are NaN or infinite"):
        read(made(tmp_path, image, photometric="rgb"))


def test_a_double_too_large_for_a_float_is_refused(tmp_path):
    image = np.full((4, 4), 1e200)
    with pytest.raises(RangeError, match="16 of 16 values"):
        read(made(tmp_path, image, photometric="minisblack"))


def test_float_from_elsewhere_is_srgb_unless_the_caller_says_linear(tmp_path, picture):
    path = made(tmp_path, scaled(picture, np.float32), photometric="rgb")
    assert read(path).space == "srgb"
    assert read(path, space="linear").space == "linear"


@pytest.mark.parametrize(
    "note",
    [
        '{"sfumato"',
        '{"sfumato": 7}',
        '{"sfumato": {"space": ["a"]}}',
        '{"sfumato": {"space": "x"}}',
    ],
)
def test_a_forged_note_about_the_light_is_not_believed(tmp_path, note):
    path = made(tmp_path, np.ones((4, 4), np.uint8), photometric="minisblack", description=note)
    assert read(path).space == "srgb"


def test_a_strip_that_unpacks_to_gigabytes_is_refused_before(tmp_path, picture):
    path = made(tmp_path, picture, photometric="rgb", compression="zlib", rowsperstrip=61)
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        places = tags["StripOffsets"].valueoffset, tags["StripByteCounts"].valueoffset
    data = bytearray(path.read_bytes())
    bomb = zlib.compress(bytes(50 * 2**20), 9)
    struct.pack_into("<I", data, places[0], len(data))
    struct.pack_into("<H", data, places[1], min(len(bomb), 65535))
    path.write_bytes(bytes(data) + bomb)
    with pytest.raises(FileError, match="a strip unpacks to the wrong size"):
        read(path)


@pytest.mark.parametrize("compression", ["raw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_cut_anywhere_is_an_error(tmp_path, picture, compression):
    path = tmp_path / "a.tif"
    Pillow.fromarray(picture).save(path, compression=compression)
    by_tifffile = io.BytesIO()
    tifffile.imwrite(by_tifffile, picture, photometric="rgb", metadata=None)
    whole = by_tifffile.getvalue() if compression == "raw" else path.read_bytes()
    for stop in [*range(1, 300, 3), *range(300, len(whole), 211), len(whole) - 1]:
        path.write_bytes(whole[:stop])
        with pytest.raises(FileError, match=r"a\.tif"):
            read(path)


def test_a_compression_that_nobody_here_knows_names_imagecodecs(tmp_path, picture):
    path = made(tmp_path, picture.astype(np.uint16), photometric="rgb", planarconfig="contig")
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["Compression"].overwrite(34933)
        file.pages[0].tags["PlanarConfiguration"].overwrite(2)
    with pytest.raises(FileError):
        read(path)
