"""Label maps from files: numbers, not colours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from sfumato.errors import DtypeError, FileError
from sfumato.io import write
from sfumato.measure.label_file import read_labels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_is_read_as_its_values(dtype, tmp_path, rng):
    labels = rng.integers(0, np.iinfo(dtype).max, (9, 11, 1), dtype)
    write(tmp_path / "labels.png", labels)
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.png"), labels[..., 0])


def test_a_palette_is_read_as_its_indices_even_where_colours_repeat(tmp_path, rng):
    labels = rng.integers(0, 5, (9, 11), np.uint8)
    picture = Pillow.fromarray(labels, mode=None).convert("L")
    picture.putpalette([255, 0, 0] * 2 + [0, 255, 0] * 2 + [0, 0, 255])
    picture.save(tmp_path / "labels.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.png"), labels)


def test_pictures_and_broken_files_are_refused(tmp_path, picture):
    write(tmp_path / "colors.png", picture)
    with pytest.raises(DtypeError, match="a picture of colours"):
        read_labels(tmp_path / "colors.png")
    write(tmp_path / "labels.jpg", picture[..., :1])
    with pytest.raises(FileError, match="PNG only, this is JPEG"):
        read_labels(tmp_path / "labels.jpg")
    good = Pillow.fromarray(picture[..., 0])
    good.putpalette(list(range(256)) * 3)
    good.save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:-40])
    with pytest.raises(FileError, match=r"cut\.png"):
        read_labels(tmp_path / "cut.png")
