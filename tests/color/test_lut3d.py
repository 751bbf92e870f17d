"""The operator: files, strength, masks, recipes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sfumato as sf
from sfumato.color.color_table import ColorTable
from sfumato.color.lut3d import LOOK, LUT3D
from sfumato.color.table_file import write_table
from sfumato.color.table_report import examine_table
from sfumato.errors import FileError, RangeError, ShapeError, SpecError


def test_the_picture_goes_through_the_table_of_the_file(picture):
    look = LUT3D(file=LOOK)
    np.testing.assert_array_equal(look(picture), look.table(picture))
    assert not np.array_equal(look(picture), picture)


@given(strength=st.floats(0, 1), dtype=st.sampled_from([np.uint8, np.uint16, np.float32]))
def test_strength_lies_between_picture_and_table(strength, dtype):
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    image = (np.random.default_rng(5).random((6, 7, 3)) * white).astype(dtype)
    before, full = image.astype(np.float64), LUT3D(file=LOOK)(image).astype(np.float64)
    wanted = before + strength * (full - before)
    gap = np.abs(LUT3D(file=LOOK, strength=strength)(image) - wanted)
    assert gap.max() <= (2e-6 if dtype == np.float32 else 1.001)


def test_outside_the_mask_nothing_changes(picture, tmp_path):
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[:, 40:] = 255
    sf.write(tmp_path / "mask.png", mask[..., None])
    graded = LUT3D(file=LOOK)(picture)
    for given_mask in (tmp_path / "mask.png", (((40 / 83, 0), (1, 0), (1, 1), (40 / 83, 1)),)):
        out = LUT3D(file=LOOK, mask=given_mask)(picture)
        np.testing.assert_array_equal(out[:, :40], picture[:, :40])
        np.testing.assert_array_equal(out[:, 41:], graded[:, 41:])


def test_a_recipe_names_the_file(tmp_path, picture):
    path = write_table(tmp_path / "look.cube", ColorTable.identity(3))
    recipe = f"- color.LUT3D: {{file: {path.as_posix()}, strength: 0.5}}"
    np.testing.assert_array_equal(sf.Pipeline.from_yaml(recipe)(picture), picture)


def test_a_wrong_file_is_refused_when_the_recipe_is_read(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        sf.Pipeline.from_yaml("- color.LUT3D: {file: /no/such/look.cube}")
    with pytest.raises(SpecError, match="'file' is missing"):
        LUT3D()
    with pytest.raises(RangeError, match="strength"):
        LUT3D(file=LOOK, strength=2.0)
    with pytest.raises(ShapeError, match=r"outline|corners|polygon|points"):
        LUT3D(file=LOOK, mask=(((0, 0), (1, 1)),))


def test_the_look_in_the_house_is_sound():
    report = examine_table(LUT3D(file=LOOK).table)
    assert (report.falling, report.folded, report.outside) == (0.0, 0.0, 0.0)
