"""Raw mosaics: signed, linear, with what it takes to make a picture of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import DtypeError, FieldError, FileError, RangeError, ShapeError
from sfumato.io.dng_write import write_mosaic
from sfumato.io.mosaic import is_mosaic_file, mosaic_from_array, read_mosaic
from sfumato.io.mosaic_facts import PATTERNS, MosaicFacts, facts_of
from sfumato.io.picture import read, write

pytest.importorskip("rawpy")


@pytest.fixture
def nikon(shared_data):
    """A real 14-bit mosaic without a header, and what its meta.json says of it."""
    folder = shared_data("raw/nikon_dsc1339")
    told = json.loads((folder / "meta.json").read_text())
    codes = np.fromfile(folder / told["file"], told["dtype"])
    gains = told["channel_gain_rggb"]
    sample = mosaic_from_array(
        codes.reshape(told["height"], told["width"]),
        pattern=told["bayer"],
        black=told["black_level"],
        white=told["white_level"],
        white_balance=(gains[0], gains[1], gains[3]),
        xyz_to_camera=told["xyz_to_camera"],
    )
    return codes.reshape(told["height"], told["width"]), told, sample


def noise_codes(shape=(64, 96), seed=0, low=400, high=4000):
    return np.random.default_rng(seed).integers(low, high, shape, np.uint16)


def test_black_is_0_and_white_1_and_below_black_is_below_0():
    sample = mosaic_from_array(np.array([[500, 512], [2512, 4512]], np.uint16), black=512,
                               white=2512)  # fmt: skip
    np.testing.assert_allclose(sample.image[..., 0], [[-0.006, 0.0], [1.0, 2.0]], atol=1e-7)
    assert (sample.space, sample.image.dtype) == ("raw", np.float32)


def test_each_site_has_its_own_levels():
    codes = np.full((5, 7), 1000, np.uint16)
    sample = mosaic_from_array(codes, black=(0, 100, 200, 300), white=(2000, 2100, 2200, 2300))
    for k, value in enumerate((0.5, 0.45, 0.4, 0.35)):
        site = sample.image[k // 2 :: 2, k % 2 :: 2]
        np.testing.assert_allclose(site, value, rtol=1e-6)


def test_a_linearization_table_is_looked_up_and_its_last_value_goes_on():
    codes = np.array([[0, 1], [3, 900]], np.uint16)
    table = np.array([0, 10, 40, 90])
    sample = mosaic_from_array(codes, linearization=table, white=100)
    np.testing.assert_allclose(sample.image[..., 0], [[0, 0.1], [0.9, 0.9]], rtol=1e-6)


@given(
    pattern=st.sampled_from(PATTERNS),
    blacks=st.tuples(*[st.integers(0, 2000)] * 4),
    seed=st.integers(0, 99),
    balance=st.tuples(st.floats(0.4, 4.0), st.just(1.0), st.floats(0.4, 4.0)),
    orientation=st.sampled_from([1, 3, 6, 8]),
)
def test_a_written_mosaic_comes_back_through_libraw(
    tmp_path_factory, pattern, blacks, seed, balance, orientation
):
    matrix = np.array([[1.7, -0.5, -0.2], [-0.2, 1.6, -0.4], [0.0, -0.4, 1.4]])
    first = mosaic_from_array(
        noise_codes(seed=seed), pattern=pattern, black=blacks, white=15000, white_balance=balance,
        camera_to_srgb=matrix, noise_profile=(1e-4, 2e-7),
        meta={"iso": 800, "exposure_time_s": 0.004, "camera": "Maker Model 7"},
    )  # fmt: skip
    found = MosaicFacts(**{**vars(first.meta["mosaic"]), "orientation": orientation})
    first = first.but(meta={**first.meta, "mosaic": found})
    path = write_mosaic(tmp_path_factory.mktemp("dng") / "a.dng", first)
    again = read_mosaic(path)
    np.testing.assert_allclose(again.image, first.image, atol=2e-7)
    back = again.meta["mosaic"]
    assert (back.pattern, back.black, back.white) == (pattern, found.black, found.white)
    assert (back.orientation, back.noise_profile) == (orientation, (1e-4, 2e-7))
    np.testing.assert_allclose(back.white_balance, balance, rtol=1e-4)
    np.testing.assert_allclose(back.camera_to_srgb, matrix, atol=1e-3)
    assert (again.meta["iso"], again.meta["camera"]) == (800, "Maker Model 7")
    assert again.meta["exposure_time_s"] == pytest.approx(0.004)


def test_a_series_becomes_a_stack(tmp_path):
    for k in (1, 2):
        sample = mosaic_from_array(noise_codes(seed=k), meta={"exposure_time_s": 0.1 * k})
        write_mosaic(tmp_path / f"{k}.dng", sample)
    stack = read_mosaic(tmp_path / "1.dng", tmp_path / "2.dng")
    assert stack.stack.shape == (2, 64, 96, 1)
    assert [m["exposure_time_s"] for m in stack.meta["frames"]] == pytest.approx([0.1, 0.2])
    write_mosaic(tmp_path / "3.dng", mosaic_from_array(noise_codes((64, 98))))
    with pytest.raises(ShapeError, match=r"3\.dng is 98 x 64 px RGGB, .*1\.dng is 96 x 64"):
        read_mosaic(tmp_path / "1.dng", tmp_path / "3.dng")
    write_mosaic(tmp_path / "4.dng", mosaic_from_array(noise_codes(), pattern="GRBG"))
    with pytest.raises(ShapeError, match="GRBG"):
        read_mosaic(tmp_path / "1.dng", tmp_path / "4.dng")


def test_the_real_colour_chart_is_read_signed(shared_data):
    sample = read_mosaic(shared_data("raw/colorchart/colorchart.dng"))
    found = sample.meta["mosaic"]
    assert (found.pattern, found.black, found.white) == ("RGGB", (2056.0,) * 4, (15000.0,) * 4)
    assert sample.image.shape == (1156, 1734, 1)
    assert sample.image.min() < 0
    np.testing.assert_allclose(np.sum(found.camera_to_srgb, axis=1), 1.0, atol=1e-3)
    assert is_mosaic_file(shared_data("raw/colorchart/colorchart.dng"))


def test_the_headerless_nikon_mosaic_keeps_its_codes(nikon, tmp_path):
    codes, told, sample = nikon
    wanted = (codes - float(told["black_level"])) / (told["white_level"] - told["black_level"])
    np.testing.assert_allclose(sample.image[..., 0], wanted, atol=1e-6)
    again = read_mosaic(write_mosaic(tmp_path / "a.dng", sample))
    np.testing.assert_array_equal(again.image, sample.image)
    grey = np.array(sample.meta["mosaic"].camera_to_srgb) @ np.ones(3)
    np.testing.assert_allclose(grey, 1.0, atol=1e-9)


def test_fractions_of_black_are_rounded_in_the_file_and_in_its_values(tmp_path):
    sample = mosaic_from_array(np.full((64, 64), 1512.0, np.float32), black=511.6, white=2511.6)
    again = read_mosaic(write_mosaic(tmp_path / "a.dng", sample))
    assert again.meta["mosaic"].black == (512.0,) * 4
    np.testing.assert_allclose(again.image, sample.image, atol=0.5 / 2000)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"pattern": "RGBG"}, RangeError, "RGGB, BGGR"),
        ({"black": 900, "white": 900}, RangeError, "below white"),
        ({"white_balance": (1, 0, 1)}, RangeError, "white balance"),
        ({"camera_to_srgb": np.zeros((3, 3))}, RangeError, "inverted"),
        ({"camera_to_srgb": np.eye(3), "xyz_to_camera": np.eye(3)}, RangeError, "not both"),
        ({"linearization": [0, 5, 3]}, RangeError, "must not fall"),
    ],
)
def test_facts_that_cannot_be_true_are_refused(changes, error, said):
    with pytest.raises(error, match=said):
        mosaic_from_array(noise_codes(), **changes)


def test_arrays_that_are_no_mosaic_are_refused():
    with pytest.raises(ShapeError, match=r"\(h, w\)"):
        mosaic_from_array(np.zeros((4, 4, 3), np.uint16))
    with pytest.raises(DtypeError, match="unsigned or float"):
        mosaic_from_array(np.zeros((4, 4), np.int32))
    with pytest.raises(RangeError, match="NaN"):
        mosaic_from_array(np.full((4, 4), np.nan, np.float32))
    with pytest.raises(DtypeError, match="codes are unsigned"):
        mosaic_from_array(np.zeros((4, 4), np.float32), linearization=np.arange(9))


def test_files_that_are_no_raw_are_refused(tmp_path):
    write(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(FileError, match=r"a\.png: not a camera raw"):
        read_mosaic(tmp_path / "a.png")
    with pytest.raises(ShapeError, match="at least one file"):
        read_mosaic()
    assert not is_mosaic_file(tmp_path / "a.png")
    with pytest.raises(FieldError, match="expected a raw mosaic, got a picture in srgb light"):
        facts_of(read(tmp_path / "a.png"), "This")


def test_too_many_pixels_are_refused_before_decoding(tmp_path):
    path = write_mosaic(tmp_path / "a.dng", mosaic_from_array(noise_codes()))
    with pytest.raises(FileError, match="more than the limit"):
        read_mosaic(path, max_pixels=1000)


def test_a_cut_dng_is_an_error_and_never_a_crash(tmp_path):
    path = write_mosaic(tmp_path / "a.dng", mosaic_from_array(noise_codes()))
    whole = path.read_bytes()
    for stop in (*range(8, 600, 37), len(whole) // 2):
        path.write_bytes(whole[:stop])
        with pytest.raises(FileError, match=r"a\.dng"):
            read_mosaic(path)


def test_what_a_dng_cannot_hold_is_refused(tmp_path):
    sample = mosaic_from_array(noise_codes())
    with pytest.raises(FileError, match=r"written as \.dng"):
        write_mosaic(tmp_path / "a.tif", sample)
    with pytest.raises(FileError, match="does not exist"):
        write_mosaic(tmp_path / "none" / "a.dng", sample)
    path = write_mosaic(tmp_path / "a.dng", sample)
    before = path.read_bytes()
    with pytest.raises(FileError, match="exists already"):
        write_mosaic(path, sample)
    broken = sample.but(image=np.full_like(sample.image, np.inf))
    with pytest.raises(RangeError, match="infinite"):
        write_mosaic(path, broken, overwrite=True)
    assert path.read_bytes() == before
