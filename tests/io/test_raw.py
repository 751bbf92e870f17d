from __future__ import annotations

import builtins
import struct

import numpy as np
import pytest

from sfumato.errors import FileError, MissingExtraError
from sfumato.io.picture import probe, read

rawpy = pytest.importorskip("rawpy")


def dng(path, times: float = 1.0, *, exposure: tuple[int, int] = (1, 60), orientation: int = 1):
    """Write the smallest DNG that LibRaw takes: an RGGB ramp of 14 bits."""
    height, width = 64, 96
    y, x = np.mgrid[0:height, 0:width]
    data = np.minimum(1000 + (x * 60 + y * 20) * times, 16383).astype("<u2").tobytes()
    inner = [(33434, 5, 1, struct.pack("<II", *exposure)), (34855, 3, 1, struct.pack("<H", 200))]
    matrix = [int(v * 10000) for v in (0.65, -0.12, -0.09, -0.38, 1.16, 0.25, -0.04, 0.15, 0.6)]
    main = [
        (254, 4, 1, struct.pack("<I", 0)), (256, 4, 1, struct.pack("<I", width)),
        (257, 4, 1, struct.pack("<I", height)), (258, 3, 1, struct.pack("<H", 16)),
        (259, 3, 1, struct.pack("<H", 1)), (262, 3, 1, struct.pack("<H", 32803)),
        (271, 2, 6, b"Maker\0"), (272, 2, 6, b"Model\0"),
        (273, 4, 1, b"DATA"), (274, 3, 1, struct.pack("<H", orientation)),
        (277, 3, 1, struct.pack("<H", 1)), (278, 4, 1, struct.pack("<I", height)),
        (279, 4, 1, struct.pack("<I", len(data))), (33421, 3, 2, struct.pack("<HH", 2, 2)),
        (33422, 1, 4, bytes([0, 1, 1, 2])), (34665, 4, 1, b"EXIF"),
        (50706, 1, 4, bytes([1, 4, 0, 0])), (50708, 2, 12, b"Maker Model\0"),
        (50714, 4, 1, struct.pack("<I", 1000)), (50717, 4, 1, struct.pack("<I", 16383)),
        (50721, 10, 9, b"".join(struct.pack("<ii", v, 10000) for v in matrix)),
        (50728, 5, 3, struct.pack("<6I", 1, 2, 1, 1, 2, 3)),
    ]  # fmt: skip
    from sfumato.io.exif import Field, directory

    def laid(exif_at: int, data_at: int) -> bytes:
        swap = {b"EXIF": struct.pack("<I", exif_at), b"DATA": struct.pack("<I", data_at)}
        return directory([Field(t, k, n, swap.get(v, v)) for t, k, n, v in main], 8)

    exif_at = 8 + len(laid(0, 0))
    body = directory([Field(*f) for f in inner], exif_at)
    path.write_bytes(b"II*\0\x08\0\0\0" + laid(exif_at, exif_at + len(body)) + body + data)
    return path


def test_a_raw_becomes_a_16_bit_srgb_picture_with_its_facts(tmp_path):
    sample = read(dng(tmp_path / "a.dng"))
    assert sample.image.shape == (64, 96, 3)
    assert sample.image.dtype == np.uint16
    assert sample.space == "srgb"
    assert sample.meta["format"] == "raw"
    assert sample.meta["exposure_time_s"] == pytest.approx(1 / 60)
    assert (sample.meta["iso"], sample.meta["camera"]) == (200, "Maker Model")
    info = probe(tmp_path / "a.dng")
    assert (info.size, info.channels, info.dtype) == ((64, 96), 3, "uint16")


def test_a_bracket_of_raws_keeps_its_exposure_differences(tmp_path):
    dark, bright = (dng(tmp_path / f"{t}.dng", t) for t in (0.5, 1.0))
    stack = read(dark, bright).stack[:, 8:-8, 8:-8, 1] / 65535
    linear = np.where(stack <= 0.04045, stack / 12.92, ((stack + 0.055) / 1.055) ** 2.4)
    open_values = (linear[1] > 0.02) & (linear[1] < 0.9)
    assert open_values.mean() > 0.3
    np.testing.assert_allclose((linear[1] / linear[0])[open_values], 2.0, rtol=0.02)


def test_the_name_does_not_matter_and_the_camera_may_be_turned(tmp_path):
    lying = read(dng(tmp_path / "a.jpg", orientation=1))
    turned = read(dng(tmp_path / "b.tif", orientation=6))
    assert turned.size == (96, 64)
    np.testing.assert_array_equal(turned.image, np.rot90(lying.image, -1))
    assert read(tmp_path / "b.tif", orient=False).size == (64, 96)
    assert probe(tmp_path / "b.tif").size == (96, 64)


def test_too_many_pixels_are_refused_before_the_rendering(tmp_path):
    with pytest.raises(FileError, match="96 x 64 px, more than the limit of 6,143"):
        read(dng(tmp_path / "a.dng"), max_pixels=6143)


def test_without_rawpy_the_hint_names_the_extra(tmp_path, monkeypatch):
    path, real = dng(tmp_path / "a.dng"), builtins.__import__

    def without(name, *args, **kwargs):
        if name == "rawpy":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="needs rawpy") as caught:
        read(path)
    assert "sfumato[raw]" in caught.value.hint


def test_a_cut_raw_is_an_error(tmp_path):
    path = dng(tmp_path / "a.dng")
    whole = path.read_bytes()
    for stop in (*range(10, 700, 29), len(whole) // 2):
        path.write_bytes(whole[:stop])
        with pytest.raises(FileError, match=r"a\.dng"):
            read(path)


@pytest.mark.parametrize(
    "magic", [b"FUJIFILMCCD-RAW 0201", b"IIRO\x08\0\0\0", b"\0\0\0\x18ftypcrx "]
)
def test_a_raw_magic_without_a_raw_behind_it_is_an_error(tmp_path, magic):
    path = tmp_path / "a.raf"
    path.write_bytes(magic + bytes(500))
    with pytest.raises(FileError, match="LibRaw cannot read"):
        read(path)


def test_the_real_colour_chart_is_read(shared_data):
    path = next(shared_data("raw/colorchart").glob("*.dng"))
    sample = read(path)
    assert sample.image.shape == (1156, 1734, 3)
    assert sample.image.dtype == np.uint16
    assert sample.meta["camera"] == "Canon EOS Kiss X4"
    assert "exposure_time_s" not in sample.meta  # this camera wrote zeros
    assert 0.1 < sample.image.mean() / 65535 < 0.5
