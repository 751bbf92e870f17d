"""Masks from PNG files: grey ones only, of the right size, and whole."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from sfumato.errors import FileError, ShapeError
from sfumato.raster.mask_file import read_mask


@pytest.fixture
def save(tmp_path):
    def write(values, mode=None):
        path = tmp_path / "mask.png"
        picture = Pillow.fromarray(values)
        (picture.convert(mode) if mode else picture).save(path)
        return path

    return write


def test_black_and_white_is_hard(save, rng):
    mask = rng.random((20, 31)) < 0.5
    found = read_mask(save((mask * 255).astype(np.uint8)), (20, 31))
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, mask)
    np.testing.assert_array_equal(read_mask(save(mask), (20, 31)), mask)  # one bit deep


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_greys_are_shares(save, rng, dtype):
    white = np.iinfo(dtype).max
    codes = rng.integers(0, white, (12, 9), dtype, endpoint=True)
    found = read_mask(save(codes), (12, 9))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, codes / white, atol=1e-7)
    assert found.max() <= 1


def test_colors_palettes_and_transparency_are_refused(save):
    grey = np.full((4, 5), 90, np.uint8)
    for mode in ("RGB", "P", "LA", "RGBA"):
        with pytest.raises(FileError, match="one channel"):
            read_mask(save(grey, mode), (4, 5))


def test_another_size_is_refused_before_decoding(save):
    path = save(np.zeros((4, 5), np.uint8))
    with pytest.raises(ShapeError, match="5 x 4 px, the picture 4 x 5 px"):
        read_mask(path, (5, 4))


def test_broken_files_are_refused(save, tmp_path, rng):
    path = save(rng.integers(0, 256, (30, 30), np.uint8))
    data = path.read_bytes()
    for cut in range(0, len(data), 37):
        path.write_bytes(data[:cut])
        with pytest.raises(FileError):
            read_mask(path, (30, 30))
    for at in range(16, len(data) - 12, 41):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        with pytest.raises((FileError, ShapeError)):
            read_mask(path, (30, 30))
    with pytest.raises(FileError, match="cannot be read"):
        read_mask(tmp_path / "none.png", (4, 4))
    path.write_bytes(b"P5 4 4 255 " + bytes(16))
    with pytest.raises(FileError, match="PNG only"):
        read_mask(path, (4, 4))
