"""`sfumato lut`."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sfumato as sf
from sfumato.color.color_table import ColorTable
from sfumato.color.lut3d import LOOK, LUT3D


@pytest.fixture
def look(frames):
    return sf.color.write_table(frames / "look.cube", LUT3D(file=LOOK).table)


def test_apply_grades_a_picture(run, frames, look):
    run("lut", "apply", look, "b2.png", "-o", "out.png", "--strength", "0.5")
    wanted = LUT3D(file=LOOK, strength=0.5)(sf.read("b2.png").image)
    np.testing.assert_array_equal(sf.read("out.png").image, wanted)


def test_apply_grades_within_a_mask(run, frames, look):
    image = sf.read("b2.png").image
    mask = np.zeros((*image.shape[:2], 1), np.uint8)
    mask[:20] = 255
    sf.write("mask.png", mask)
    run("lut", "apply", look, "b2.png", "-o", "out.png", "--mask", "mask.png", "-q")
    np.testing.assert_array_equal(sf.read("out.png").image[20:], image[20:])
    assert not np.array_equal(sf.read("out.png").image[:20], image[:20])


def test_convert_changes_form_and_size(run, frames, look):
    result = run("lut", "convert", look, "look.png", "--size", "16")
    assert result.output == "look.png: 16^3 entries\n"
    run("lut", "convert", "look.png", "back.cube", "--title", "back")
    back = sf.color.read_table("back.cube")
    assert (back.size, back.title) == (16, "back")


def test_convert_joins_and_inverts(run, frames, look):
    output = run("lut", "convert", look, "inverse.cube", "--invert", "--size", "33").output
    assert "99 of 100" in output
    run("lut", "convert", look, "both.cube", "--then", "inverse.cube", "--size", "17")
    gap = np.abs(sf.color.read_table("both.cube").values - ColorTable.identity(17).values)
    assert gap.mean() < 0.01


def test_info_tells_in_words_and_in_json(run, frames, look):
    assert "17^3 entries" in run("lut", "info", look).output
    told = json.loads(run("lut", "info", look, "--json").output)
    assert (told["size"], told["falling"], told["shaper"]) == (17, 0.0, 0)


def test_export_makes_the_table_of_a_recipe(run, frames):
    (frames / "grade.yaml").write_text("- color.Tone: {contrast: 0.5}\n")
    run("lut", "export", "grade.yaml", "-o", "grade.cube", "--size", "9")
    table = sf.color.read_table("grade.cube")
    assert table.title == "grade"
    wanted = sf.color.table_of(sf.color.Tone(contrast=0.5), size=9)
    assert table == wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("apply", "none.cube", "b1.png", "-o", "x.png"), "cannot be read"),
        (("apply", "b1.png", "b1.png", "-o", "x.png"), "square"),
        (("apply", "look.cube", "b1.png", "-o", "x.png", "--strength", "3"), "outside"),
        (("apply", "look.cube", "b1.png", "-o", "look.cube", "--overwrite"), "frames"),
        (("convert", "look.cube", "look.txt"), "no form"),
        (("convert", "look.cube", "b1.png"), "exists already"),
        (("convert", "look.cube", "no/x.cube"), "does not exist"),
        (("convert", "look.cube", "x.cube", "--size", "500"), "500"),
        (("info", "b1.jpg"), "no form"),
        (("export", "none.yaml", "-o", "x.cube"), "none.yaml"),
        ((), "Missing command"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(refused, frames, look, words, message):
    assert message in refused("lut", *words)


def test_a_recipe_that_does_more_than_colors_is_refused(refused, frames):
    (frames / "sharp.yaml").write_text("- raster.Sharpen: {amount: 1.0}\n")
    assert "color of a pixel" in refused("lut", "export", "sharp.yaml", "-o", "x.cube")
