from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from sfumato.core.sample import Sample
from sfumato.errors import FileError
from sfumato.io import tiff_write
from sfumato.io.metadata import facts
from sfumato.io.picture import read, write


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tifffile_reads_pixels_exif_and_icc(
    tmp_path, picture, dtype, channels, camera_exif, icc_profile
):
    image = picture[..., [0, 1, 2, 0]][..., :channels].astype(dtype)
    meta = {"exif": camera_exif, "icc_profile": icc_profile}
    path = write(tmp_path / "a.tif", Sample(image, meta=meta))
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        np.testing.assert_array_equal(page.asarray().reshape(image.shape), image)
        tags = page.tags
        assert tags["InterColorProfile"].value == icc_profile
        assert (tags["Make"].value, tags["Model"].value) == ("Canon", "Canon EOS R5")
        exif = tags["ExifTag"].value
        assert exif["ExposureTime"] == (1, 250)
        assert exif["ISOSpeedRatings"] == 400
        assert exif["LensModel"] == "RF 50mm F1.2 L"
        assert "MakerNote" not in exif
        assert "Orientation" not in tags or tags["Orientation"].value == 1
        assert file.pages[0].tags["GPSTag"].value["GPSLatitudeRef"] == "N"
        assert len(file.pages) == 1


def test_pillow_reads_the_facts(tmp_path, picture, camera_exif):
    path = write(tmp_path / "a.tif", Sample(picture, meta={"exif": camera_exif}))
    with Pillow.open(path) as peer:
        inner = peer.getexif().get_ifd(34665)
        assert inner[33434] == 1 / 250
        assert inner[36867] == "2024:05:06 07:08:09"


def test_our_reader_finds_the_same_facts_in_every_format(tmp_path, picture, camera_exif):
    sample = Sample(picture, meta={"exif": camera_exif})
    for name in ("a.jpg", "a.png", "a.tif", "a.webp"):
        found = read(write(tmp_path / name, sample)).meta
        assert {k: found[k] for k in facts(camera_exif)} == facts(camera_exif), name


def test_the_light_is_noted_and_found_again(tmp_path):
    bright = np.full((4, 5, 3), 7.5, np.float32)
    sample = read(write(tmp_path / "a.tif", Sample(bright, space="linear")))
    assert sample.space == "linear"
    assert float(sample.image.max()) == 7.5
    deep = Sample(np.ones((4, 5, 3), np.uint16), space="linear")
    assert read(write(tmp_path / "b.tif", deep)).space == "linear"
    assert read(write(tmp_path / "c.tif", bright)).space == "srgb"


def test_a_block_that_is_no_exif_leaves_the_picture_whole(tmp_path, picture):
    for nonsense in (b"rubbish", b"II*\0\xff\xff\xff\x7f", b"MM\0*\0\0\0\x08\xff\xff"):
        path = write(tmp_path / "a.tif", Sample(picture, meta={"exif": nonsense}), overwrite=True)
        np.testing.assert_array_equal(read(path).image, picture)


def test_a_name_with_letters_beyond_ascii_is_no_obstacle(tmp_path, picture):
    meta = {"camera": "Häßlich 7", "iso": 100}
    path = write(tmp_path / "a.tif", Sample(picture, meta=meta))
    assert read(path).meta["iso"] == 100


def test_more_than_a_tiff_holds_is_refused(tmp_path, picture, monkeypatch):
    monkeypatch.setattr(tiff_write, "LARGEST_BYTES", 1000)
    with pytest.raises(FileError, match="a TIFF holds 4"):
        write(tmp_path / "a.tif", picture)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "deep.png", "deep.tif"])
def test_exiftool_finds_no_fault_and_the_facts(tmp_path, picture, camera_exif, icc_profile, name):
    image = picture.astype(np.uint16) * 257 if "deep" in name else picture
    meta = {"exif": camera_exif, "icc_profile": icc_profile}
    path = write(tmp_path / name, Sample(image, meta=meta))
    asked = [
        "-ExposureTime",
        "-FNumber",
        "-ISO",
        "-Model",
        "-Orientation#",
        "-ProfileClass",
        "-Warning",
    ]
    said = subprocess.run(
        ["exiftool", "-s3", "-m", *asked, "-validate", str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    assert said[:4] == ["1/250", "2.8", "400", "Canon EOS R5"]
    assert "Display Device Profile" in said
