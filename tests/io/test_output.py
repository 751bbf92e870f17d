from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FileError, RangeError, ShapeError
from sfumato.io.output import check_output
from sfumato.io.picture import read, write

GREY = np.zeros((4, 5, 1), np.uint8)


def test_an_existing_file_is_kept_and_the_hint_names_the_option(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    for use in (lambda: write(path, GREY), lambda: check_output(path)):
        with pytest.raises(FileError, match=r"a\.png: exists already") as caught:
            use()
        assert "--overwrite" in caught.value.hint
    assert path.read_bytes() == b"mine"
    write(path, GREY, overwrite=True)
    assert read(path).image.shape == (4, 5, 1)


def test_a_dangling_link_counts_as_existing(tmp_path):
    path = tmp_path / "a.png"
    path.symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(FileError, match="exists already"):
        write(path, GREY)


def test_a_folder_and_a_missing_folder_are_refused(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(FileError, match="this is a folder"):
        write(tmp_path / "a.png", GREY, overwrite=True)
    with pytest.raises(FileError, match=r"the folder .*new does not exist"):
        write(tmp_path / "new" / "a.png", GREY)


@pytest.mark.parametrize(
    ("name", "dtype", "said"),
    [
        ("a.jpg", np.uint16, "JPEG holds 8 bits per channel, not 16"),
        ("a.jpg", np.float32, "JPEG holds 8 bits per channel, not 32"),
        ("a.webp", np.uint16, "WEBP holds 8 bits per channel, not 16"),
        ("a.png", np.float32, "PNG holds 8 or 16 bits per channel, not 32"),
    ],
)
def test_depths_that_a_format_lacks_are_refused_with_the_way_out(tmp_path, name, dtype, said):
    with pytest.raises(FileError, match=said) as caught:
        write(tmp_path / name, GREY.astype(dtype))
    assert "depth=" in caught.value.hint
    assert ".tif" in caught.value.hint
    with pytest.raises(FileError, match=said):
        check_output(tmp_path / name, depth=8 * np.dtype(dtype).itemsize)
    assert list(tmp_path.iterdir()) == []


def test_alpha_in_a_jpeg_and_two_channels_anywhere_are_refused(tmp_path):
    with pytest.raises(ShapeError, match="JPEG has no alpha"):
        write(tmp_path / "a.jpg", np.zeros((4, 5, 4), np.uint8))
    with pytest.raises(ShapeError, match="1, 3 or 4 channels, got 2"):
        write(tmp_path / "a.png", np.zeros((4, 5, 2), np.uint8))


def test_linear_light_goes_into_tiff_only(tmp_path):
    linear = Sample(GREY, space="linear")
    with pytest.raises(FileError, match="PNG holds sRGB values, the picture is in linear light"):
        write(tmp_path / "a.png", linear)
    assert read(write(tmp_path / "a.tif", linear)).space == "linear"


@pytest.mark.parametrize("quality", [0, 101, 9.5, True])
def test_a_quality_outside_its_range_is_refused(tmp_path, quality):
    with pytest.raises(RangeError, match="quality is a whole number from 1 to 100"):
        write(tmp_path / "a.jpg", GREY, quality=quality)


def test_what_is_no_picture_is_refused(tmp_path):
    with pytest.raises(DtypeError, match="float64"):
        write(tmp_path / "a.png", np.zeros((4, 5, 3)))
    with pytest.raises(ShapeError, match="add the channel axis"):
        write(tmp_path / "a.png", np.zeros((4, 5), np.uint8))
    with pytest.raises(RangeError, match="write: 1 of 20 values are NaN"):
        broken = np.zeros((4, 5, 1), np.float32)
        broken[1, 1] = np.nan
        write(tmp_path / "a.tif", broken)


def test_a_jpeg_side_beyond_what_it_holds_is_refused(tmp_path):
    with pytest.raises(FileError, match="sides up to 65500 px, got 65501"):
        write(tmp_path / "a.jpg", np.zeros((1, 65501, 1), np.uint8))
