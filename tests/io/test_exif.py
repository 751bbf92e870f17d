from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image as Pillow

from sfumato.io.exif import MAX_ENTRIES, Field, TagReader, block, directory, for_output
from sfumato.io.metadata import facts


def with_thumbnail(exif: bytes) -> tuple[bytes, bytes]:
    """Add a second directory with a JPEG thumbnail, as cameras do."""
    memory = io.BytesIO()
    Pillow.fromarray(np.full((12, 16, 3), 99, np.uint8)).save(memory, "JPEG")
    small = memory.getvalue()
    order = "<" if exif[:2] == b"II" else ">"
    reader = TagReader.of(exif)
    link = reader.directory(reader.first)[2]
    place = len(exif) + len(exif) % 2
    start = place + 2 + 2 * 12 + 4
    second = struct.pack(order + "HHHIIHHIII", 2, 513, 4, 1, start, 514, 4, 1, len(small), 0)
    data = bytearray(exif.ljust(place, b"\0") + second + small)
    struct.pack_into(order + "I", data, link, place)
    return bytes(data), small


def test_the_block_of_the_new_picture_is_upright_and_has_its_size(camera_exif):
    out = for_output(camera_exif, size=(1000, 70000))
    peer = Pillow.Exif()
    peer.load(out)
    assert peer[274] == 1
    inner = peer.get_ifd(34665)
    assert (inner[40962], inner[40963]) in ((70000, 1000), (83, 1000))  # 70000 needs a LONG
    assert inner[37500] == bytes(range(200))
    assert facts(out) == facts(camera_exif)


def test_without_a_size_only_the_orientation_changes(camera_exif):
    out = for_output(camera_exif, size=None)
    assert sum(a != b for a, b in zip(out, camera_exif, strict=True)) == 1


def test_the_thumbnail_of_the_old_picture_is_taken_away(camera_exif):
    full, small = with_thumbnail(camera_exif)
    before = TagReader.of(full)
    assert before.directory(before.first)[1] > 0
    out = for_output(full, size=(10, 10))
    after = TagReader.of(out)
    assert after.directory(after.first)[1] == 0
    assert small not in out
    assert len(out) <= len(full) - len(small)
    assert facts(out) == facts(camera_exif)


def test_what_is_no_block_is_given_back():
    assert for_output(b"something else", size=(1, 1)) == b"something else"


def test_a_directory_that_claims_too_many_entries_is_passed_over():
    data = b"II*\0" + struct.pack("<IH", 8, MAX_ENTRIES + 1) + b"\0" * 40_000
    reader = TagReader.of(data)
    assert reader.directory(8) == ({}, 0, 0)


def test_an_entry_that_claims_gigabytes_is_passed_over():
    entry = struct.pack("<HHHII", 1, 270, 2, 2**32 - 1, 8)
    reader = TagReader.of(b"II*\0\x08\0\0\0" + entry + b"\0" * 8)
    assert reader.directory(8)[0] == {}


def test_a_directory_that_points_to_itself_is_read_once():
    data = block([Field(34665, 4, 1, struct.pack("<I", 8))], {})
    reader = TagReader.of(data)
    main = reader.directory(reader.first)[0]
    assert set(reader.below(main, 34665)) == {34665}
    assert facts(data) == {}


def test_big_endian_values_are_written_little_endian():
    from sfumato.io.exif import fields_of

    entry = struct.pack(">HHHII", 1, 34855, 3, 1, 400 << 16)
    reader = TagReader.of(b"MM\0*" + struct.pack(">I", 8) + entry + b"\0\0\0\0")
    fields = fields_of(reader, reader.directory(8)[0], [34855])
    assert fields == [Field(34855, 3, 1, struct.pack("<H", 400))]
    assert len(directory(fields, 8)) == 18
