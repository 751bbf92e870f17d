from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FileError, ShapeError, SpecError
from sfumato.io import picture as module
from sfumato.io.picture import probe, read, write


@st.composite
def pictures(draw, dtypes):
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = (draw(st.integers(1, 17)), draw(st.integers(1, 17)), draw(st.sampled_from([1, 3, 4])))
    values = st.floats(-2, 2, width=32) if dtype.kind == "f" else None
    return draw(arrays.arrays(dtype, shape, elements=values))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("round")


@settings(deadline=None, max_examples=60)
@given(data=st.data(), name=st.sampled_from(["a.png", "a.tif"]))
def test_png_and_tiff_give_back_every_value(folder, data, name):
    dtypes = [np.uint8, np.uint16] if name == "a.png" else [np.uint8, np.uint16, np.float32]
    image = data.draw(pictures(dtypes))
    image.setflags(write=False)
    path = write(folder / name, image, overwrite=True)
    sample, info = read(path), probe(path)
    assert sample.image.dtype == image.dtype
    np.testing.assert_array_equal(sample.image, image)
    assert sample.image.flags.c_contiguous
    assert (info.size, info.channels, info.dtype) == (sample.size, image.shape[2], image.dtype.name)
    assert info.meta == sample.meta


@settings(deadline=None, max_examples=20)
@given(channels=st.sampled_from([1, 3]), size=st.integers(1, 40), slope=st.floats(-1, 1))
def test_jpeg_and_webp_come_back_near(folder, channels, size, slope):
    y, x = np.mgrid[0:size, 0:33]
    image = np.rint(127 + 3 * (x - 16) + slope * y)[..., None].repeat(channels, 2).astype(np.uint8)
    for name in ("a.jpg", "a.webp"):
        found = read(write(folder / name, image, overwrite=True)).image
        assert np.abs(found[..., :channels].astype(int) - image).max() <= 8


def test_a_view_with_odd_strides_is_written_right(tmp_path, picture):
    for view in (picture[::2, ::-3], picture.transpose(1, 0, 2), np.asfortranarray(picture)):
        for name in ("a.png", "a.tif"):
            path = write(tmp_path / name, view, overwrite=True)
            np.testing.assert_array_equal(read(path).image, view)


def test_several_paths_give_a_stack_and_each_its_facts(tmp_path, picture):
    times = (0.01, 0.04, 0.16)
    for k, seconds in enumerate(times):
        meta = {"exposure_time_s": seconds, "iso": 100}
        write(tmp_path / f"{k}.tif", Sample(picture // (k + 1), meta=meta))
    sample = read(*(tmp_path / f"{k}.tif" for k in range(3)))
    assert sample.stack.shape == (3, *picture.shape)
    for k in range(3):
        np.testing.assert_array_equal(sample.stack[k], picture // (k + 1))
    assert np.shares_memory(sample.image, sample.stack)
    assert [f["exposure_time_s"] for f in sample.meta["frames"]] == list(times)
    assert [f["file_name"] for f in sample.meta["frames"]] == ["0.tif", "1.tif", "2.tif"]
    assert sample.meta["exposure_time_s"] == 0.01


def test_turned_frames_of_a_series_are_put_upright(save, picture):
    lying = save("a.jpg", np.rot90(picture).copy(), "JPEG", exif=b"Exif\0\0" + turned_block(6))
    standing = save("b.jpg", picture, "JPEG")
    sample = read(lying, standing)
    assert sample.stack.shape == (2, *picture.shape)
    assert np.abs(sample.stack[0].astype(int) - sample.stack[1]).mean() < 8
    with pytest.raises(ShapeError, match=r"b\.jpg is 83 x 61 px .*a\.jpg is 61 x 83 px"):
        read(lying, standing, orient=False)


def turned_block(orientation: int) -> bytes:
    return b"II*\0\x08\0\0\0\1\0\x12\x01\3\0\1\0\0\0" + bytes([orientation, 0, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_is_applied_and_reset_or_left_alone(save, picture, form, camera_exif):
    path = save("a.x", picture, form, exif=b"Exif\0\0" + camera_exif)
    flat = save("b.x", picture, form)
    upright, lying, plain = read(path), read(path, orient=False), read(flat)
    np.testing.assert_array_equal(upright.image, np.rot90(plain.image, -1))
    np.testing.assert_array_equal(lying.image, plain.image)
    again = write(path.parent / "c.png", upright)
    np.testing.assert_array_equal(read(again).image, upright.image)
    assert lying.meta["exif"] == camera_exif != upright.meta["exif"]
    assert probe(path).size == upright.size
    assert probe(path, orient=False).size == lying.size


def test_frames_that_differ_are_refused_by_name(tmp_path, picture):
    write(tmp_path / "a.png", picture)
    write(tmp_path / "small.png", picture[:-1])
    write(tmp_path / "grey.png", picture[..., :1])
    write(tmp_path / "deep.png", picture.astype(np.uint16))
    with pytest.raises(
        ShapeError, match=r"small\.png is 83 x 60 px with 3 channels, .*a\.png is 83 x 61"
    ):
        read(tmp_path / "a.png", tmp_path / "small.png")
    with pytest.raises(ShapeError, match=r"grey\.png is 83 x 61 px with 1 channel,"):
        read(tmp_path / "a.png", tmp_path / "grey.png")
    with pytest.raises(DtypeError, match=r"deep\.png has uint16 values, .*a\.png has uint8"):
        read(tmp_path / "a.png", tmp_path / "deep.png")


def test_a_broken_frame_of_a_series_is_named(tmp_path, picture):
    for k in range(4):
        write(tmp_path / f"{k}.png", picture)
    whole = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(whole[:-500])
    with pytest.raises(FileError, match=r"2\.png: the PNG is cut off"):
        read(*sorted(tmp_path.glob("*.png")))


def test_no_path_and_an_unknown_light_are_refused(tmp_path, picture):
    with pytest.raises(ShapeError, match="at least one file"):
        read()
    with pytest.raises(SpecError, match="space is one of srgb, linear"):
        read(write(tmp_path / "a.png", picture), space="gamma")


def test_frames_of_different_light_are_refused_until_told(tmp_path):
    image = np.zeros((4, 5, 3), np.float32)
    a = write(tmp_path / "a.tif", Sample(image, space="linear"))
    b = write(tmp_path / "b.tif", image)
    with pytest.raises(FileError, match=r"b\.tif is in srgb light, .*a\.tif in linear"):
        read(a, b)
    assert read(a, b, space="linear").space == "linear"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_the_limit_is_checked_before_anything_is_decoded(tmp_path, picture, name, monkeypatch):
    path = write(tmp_path / name, picture)
    for room in module.ROOMS.values():
        monkeypatch.setattr(room, "decode", lambda *args: pytest.fail("decoded"))
    with pytest.raises(FileError, match=r"83 x 61 px, more than the limit of 5,062 pixels"):
        read(path, max_pixels=83 * 61 - 1)
    monkeypatch.setenv("SFUMATO_MAX_PIXELS", "100")
    with pytest.raises(FileError, match="limit of 100 pixels"):
        read(path, path)


def test_exactly_the_limit_is_allowed(tmp_path, picture):
    assert read(write(tmp_path / "a.png", picture), max_pixels=83 * 61).size == (61, 83)


def test_the_input_file_is_never_changed(save, picture, camera_exif):
    for form in ("JPEG", "PNG", "WEBP", "TIFF"):
        path = save("a.x", picture, form, exif=b"Exif\0\0" + camera_exif)
        before = path.read_bytes()
        read(path)
        probe(path)
        assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize(
    "trouble", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]
)
def test_an_interrupted_write_leaves_nothing(tmp_path, picture, name, trouble, monkeypatch):
    def fail(*args, **kwargs):
        raise trouble

    monkeypatch.setattr(Path, "write_bytes", fail)
    monkeypatch.setattr("sfumato.io.tiff_write.append_fields", fail)
    monkeypatch.setattr("sfumato.io.tiff_write.tifffile.TiffWriter.write", fail)
    wanted = KeyboardInterrupt if isinstance(trouble, KeyboardInterrupt) else FileError
    with pytest.raises(wanted) as caught:
        write(tmp_path / name, picture)
    assert list(tmp_path.iterdir()) == []
    if wanted is FileError:
        assert str(caught.value).endswith(f"{name}: cannot be written: No space left on device")


FULL_DISK = """
import resource, sys, numpy as np
from pathlib import Path
import sfumato as sf
folder = Path(sys.argv[1])
(folder / "old.tif").write_bytes(b"old")
image = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
sf.write(folder / "fits.png", image[:4, :4])
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for name in ("a.jpg", "a.png", "a.tif", "a.webp", "old.tif"):
    try:
        sf.write(folder / name, image, overwrite=True)
        sys.exit(f"{name} was written")
    except sf.errors.FileError as error:
        assert name in str(error), error
        assert "cannot be written" in str(error), error
assert sorted(p.name for p in folder.iterdir()) == ["fits.png", "old.tif"]
assert (folder / "old.tif").read_bytes() == b"old"
"""


def test_a_disk_that_is_full_in_the_middle_is_an_error_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_reading_a_jpeg_loads_neither_pillow_nor_tifffile(save, picture):
    path = save("a.jpg", picture, "JPEG")
    code = (
        f"import sys, sfumato as sf; sf.read({str(path)!r}); "
        "print(sorted({'PIL', 'tifffile', 'rawpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_real_bracket_is_read_into_one_stack(shared_data):
    folder = shared_data("brackets/memorial")
    frames = sorted(folder.glob("*.png"))  # one of them is a JPEG in truth
    sample = read(*frames)
    assert sample.stack.shape == (len(frames), 768, 512, 3)
    assert {f["format"] for f in sample.meta["frames"]} == {"jpeg", "png"}
