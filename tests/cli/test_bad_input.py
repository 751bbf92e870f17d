"""What people give by mistake or malice: one line each, nothing written, nothing changed."""

from __future__ import annotations

import os
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from sfumato.io.picture import read, write


@pytest.fixture
def odd(frames, scene):
    """Files that are not what their names promise, beside the good frames."""
    codes = np.rint(255 * scene).astype(np.uint8)
    good = (frames / "b1.png").read_bytes()
    write("good.jpg", codes)
    whole = (frames / "good.jpg").read_bytes()
    (frames / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (frames / "cut.png").write_bytes(good[: len(good) // 2])
    broken = bytearray(good)
    broken[len(good) // 2] ^= 0xFF
    (frames / "broken.png").write_bytes(bytes(broken))
    (frames / "text.jpg").write_text("Dear diary, today I took no picture.\n")
    (frames / "empty.jpg").write_bytes(b"")
    (frames / "wrong-ending.jpg").write_bytes(good)
    (frames / "folder").mkdir()
    write("small.png", codes[:100])
    write("grey.png", codes[..., :1])
    write("deep.png", codes.astype(np.uint16) * 257)
    write("deep-alpha.png", np.concatenate([codes, codes[..., :1]], 2).astype(np.uint16) * 257)
    holes = scene.copy()
    holes[5, 5] = np.nan
    tifffile.imwrite(frames / "nan.tif", holes, photometric="rgb")
    return frames


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.jpg", "there is no such file"),
        ("folder", "this is a folder; hint: name its pictures: folder/*.jpg"),
        ("cut.jpg", "cut.jpg"),
        ("cut.png", "cut.png"),
        ("broken.png", "broken.png"),
        ("text.jpg", "this is text, not a picture"),
        ("empty.jpg", "empty.jpg"),
        ("nan.tif", "NaN"),
    ],
)
@pytest.mark.parametrize("command", ["develop", "fuse", "stack", "align"])
def test_a_file_that_is_no_picture_is_named(refused, odd, command, name, said):
    first = name if name == "nan.tif" else "b1.png"  # a float frame among bytes is refused as such
    line = refused(command, first, name, "-o", "out" if command == "align" else "out.png")
    assert said in line


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("small.png", "small.png is 280 x 100 px with 3 channels, b1.png is 280 x 200 px"),
        ("grey.png", "grey.png is 280 x 200 px with 1 channel,"),
        ("deep.png", "deep.png has uint16 values, b1.png has uint8"),
    ],
)
def test_frames_that_do_not_belong_together_are_named(refused, odd, name, said):
    assert said in refused("develop", "b1.png", name, "-o", "out.png")


def test_alpha_is_refused_with_a_way_out(refused, odd):
    line = refused("fuse", "deep-alpha.png", "deep-alpha.png", "-o", "out.png")
    assert "alpha" in line
    assert "hint" in line


def test_the_content_decides_and_not_the_ending(run, odd):
    assert run("develop", "wrong-ending.jpg", "-o", "out.png").exit_code == 0
    np.testing.assert_array_equal(read("out.png").image, read("b1.png").image)


@pytest.mark.parametrize("command", ["fuse", "stack", "align"])
def test_one_frame_where_two_are_needed(refused, odd, command):
    out = "out" if command == "align" else "out.png"
    assert f"{command} needs at least 2 frames, got 1" in refused(command, "b1.png", "-o", out)


@pytest.mark.parametrize("command", ["develop", "fuse", "stack"])
@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("b3.png", "b3.png: exists already and is kept"),
        ("b1.png", "b1.png: this is one of the frames"),
        ("out.gif", "'.gif' is no ending that can be written"),
        ("out", "the name has no ending"),
        ("folder", "folder"),
        ("no/such/out.png", "the folder no/such does not exist"),
    ],
)
def test_outputs_are_checked_before_any_frame_is_read(
    refused, odd, command, out, said, monkeypatch
):
    def unwanted(*args, **options):
        raise AssertionError("a frame was read")

    monkeypatch.setattr("sfumato.io.picture.read", unwanted)
    assert said in refused(command, "b1.png", "b2.png", "-o", out)


def test_an_input_is_not_overwritten_even_on_demand(refused, odd):
    (odd / "link.png").symlink_to("b1.png")
    for name in ("b1.png", "./b2.png", "link.png"):
        line = refused("develop", "b1.png", "b2.png", "-o", name, "--overwrite")
        assert "this is one of the frames" in line


def test_other_files_are_overwritten_on_demand(run, odd):
    assert run("develop", "b1.png", "-o", "good.jpg", "--overwrite").exit_code == 0
    assert np.abs(read("good.jpg").image.astype(int) - read("b1.png").image).mean() < 4


def test_a_depth_that_the_ending_cannot_hold_is_refused_early(refused, odd):
    assert "JPEG holds 8 bits" in refused("develop", "b1.png", "-o", "out.jpg", "--depth", "16")


def test_a_report_where_something_lies_is_refused_early(refused, odd):
    assert "this is a file" in refused("develop", "b1.png", "-o", "o.png", "--report", "b2.png")
    line = refused("develop", "b1.png", "-o", "o.png", "--report", "no/such")
    assert "the folder no does not exist" in line
    (odd / "folder" / "index.html").write_text("mine")
    line = refused("develop", "b1.png", "-o", "o.png", "--report", "folder")
    assert "folder/index.html: exists already" in line


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind here")
def test_closed_files_and_folders_are_said_plainly(refused, odd):
    (odd / "b2.png").chmod(0)
    assert "b2.png" in refused("develop", "b1.png", "b2.png", "-o", "out.png")
    (odd / "folder").chmod(0o500)
    assert "cannot be written to" in refused("develop", "b1.png", "-o", "folder/out.png")


def test_a_bomb_is_refused_before_it_is_decoded(refused, odd):
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    size = (60_000).to_bytes(4, "big")
    header = chunk(b"IHDR", size + size + bytes([8, 2, 0, 0, 0]))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 100_000))
    (odd / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b""))
    line = refused("develop", "bomb.png", "-o", "out.png")
    assert "60000 x 60000 px, more than the limit" in line


def test_the_limit_can_be_set_by_the_environment(refused, odd, monkeypatch):
    monkeypatch.setenv("SFUMATO_MAX_PIXELS", "1000")
    assert "limit of 1,000 pixels" in refused("develop", "b1.png", "-o", "out.png")
    monkeypatch.setenv("SFUMATO_MAX_PIXELS", "many")
    assert "SFUMATO_MAX_PIXELS" in refused("develop", "b1.png", "-o", "out.png")


def test_what_looks_odd_and_is_right_is_read(run, odd, scene):
    codes = np.rint(255 * scene).astype(np.uint8)
    picture = Image.fromarray(codes)
    picture.convert("CMYK").save("cmyk.jpg", quality=95)
    picture.quantize(256).save("palette.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save("turned.jpg", exif=exif, quality=95)
    for name, size in (("cmyk.jpg", (200, 280)), ("palette.png", (200, 280)),
                       ("turned.jpg", (280, 200))):  # fmt: skip
        out = f"from-{name}.png"
        assert run("develop", name, "-o", out).exit_code == 0
        assert read(out).size == size
        assert read(out).image.shape[2] == 3
        wanted = np.rot90(codes, -1) if name == "turned.jpg" else codes
        assert np.abs(read(out).image.astype(int) - wanted).mean() < 10
