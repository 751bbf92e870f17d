from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from sfumato.io.exif import Field, TagReader, block, for_output
from sfumato.io.metadata import exif_from_facts, exif_of_tiff, facts, orientation_of

WANTED = {
    "exposure_time_s": 0.004,
    "f_number": 2.8,
    "iso": 400,
    "focal_length_mm": 50.0,
    "exposure_bias_ev": pytest.approx(-2 / 3),
    "camera": "Canon EOS R5",
    "lens": "RF 50mm F1.2 L",
    "datetime": "2024-05-06T07:08:09.25",
}


def test_the_facts_of_a_block_made_by_pillow_are_read(camera_exif):
    assert facts(camera_exif) == WANTED
    assert orientation_of(camera_exif) == 6


def test_a_big_endian_block_says_the_same():
    inner = struct.pack(">HHHIIHHIII", 2, 33434, 5, 1, 56, 34855, 3, 1, 800 << 16, 0)
    main = struct.pack(">HHHIHHI", 1, 34665, 4, 1, 0, 26, 0)
    data = b"MM\0*" + struct.pack(">I", 8) + main
    data += inner + b"\0" * (56 - len(data) - len(inner)) + struct.pack(">II", 1, 60)
    assert facts(data) == {"exposure_time_s": pytest.approx(1 / 60), "iso": 800}


def test_our_own_block_is_read_alike_by_pillow_and_by_us():
    told = {
        "exposure_time_s": 1 / 250,
        "f_number": 2.8,
        "iso": 100,
        "focal_length_mm": 35.0,
        "exposure_bias_ev": -1.5,
        "camera": "Nikon Z8",
        "datetime": "2024-05-06T07:08:09",
    }
    data = exif_from_facts(told)
    assert facts(data) == told
    peer = Pillow.Exif()
    peer.load(data)
    inner = peer.get_ifd(34665)
    assert (inner[33434].numerator, inner[33434].denominator) == (1, 250)
    assert (inner[33437], inner[34855], peer[272]) == (2.8, 100, "Nikon Z8")


@given(st.floats(1e-6, 9e5))
def test_any_exposure_time_survives_to_six_digits(seconds):
    assert facts(exif_from_facts({"exposure_time_s": seconds}))["exposure_time_s"] == pytest.approx(
        seconds, rel=2e-3 if seconds < 1e-5 else 2e-5
    )


def test_nothing_to_say_gives_no_block():
    assert exif_from_facts({"file_name": "a.jpg", "iso": 0, "exposure_time_s": None}) is None
    assert facts(None) == facts(b"") == facts(b"nonsense that is no TIFF") == {}


@pytest.mark.parametrize(("top", "bottom"), [(1, 0), (0, 0), (0, 5), (4_000_000_000, 1)])
def test_fractions_over_zero_and_zeros_are_no_facts(top, bottom):
    fields = [Field(tag, 5, 1, struct.pack("<II", top, bottom)) for tag in (33434, 33437, 37386)]
    assert facts(block([], {34665: fields})) == {}


def test_an_iso_beyond_its_tag_is_found_in_the_other_one():
    full = Field(34855, 3, 1, struct.pack("<H", 65535))
    assert facts(block([], {34665: [full]})) == {"iso": 65535}
    more = Field(34866, 4, 1, struct.pack("<I", 102400))
    assert facts(block([], {34665: [full, more]})) == {"iso": 102400}


def test_a_time_of_zeros_is_no_time():
    data = block([], {34665: [Field(36867, 2, 20, b"0000:00:00 00:00:00\0")]})
    assert facts(data) == {}


def test_the_shutter_speed_stands_in_for_a_missing_exposure_time():
    fields = [
        Field(37377, 10, 1, struct.pack("<ii", 8, 1)),
        Field(37378, 5, 1, struct.pack("<II", 6, 1)),
    ]
    found = facts(block([], {34665: fields}))
    assert found == {"exposure_time_s": 1 / 256, "f_number": 8.0}


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data):
    for start in (b"", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0", b"II+\0\x08\0\0\0"):
        facts(start + data)
        orientation_of(start + data)
        for_output(start + data, size=(3, 4))
        if start:
            reader = TagReader.of((start + data).ljust(16, b"\0"))
            exif_of_tiff(reader, reader.directory(reader.first)[0])


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_flipped_byte_is_survived(place, value):
    fields = [
        Field(33434, 5, 1, struct.pack("<II", 1, 60)),
        Field(36867, 2, 20, b"2024:05:06 07:08:09\0"),
    ]
    data = bytearray(
        block([Field(274, 3, 1, b"\6\0"), Field(272, 2, 6, b"Model\0")], {34665: fields})
    )
    data[place % len(data)] = value
    facts(bytes(data))
    assert len(for_output(bytes(data), size=(3, 4))) <= len(data)
