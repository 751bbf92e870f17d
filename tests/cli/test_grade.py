"""`sfumato grade`, and the grade of `develop`."""

from __future__ import annotations

import numpy as np
import pytest

import sfumato as sf
from sfumato.color.auto_grade import AutoGrade
from sfumato.color.grade_frames import GradeFrames


def test_a_picture_is_graded(run, frames):
    result = run("grade", "b1.png", "-o", "out.png", "--strength", "0.8", "--lut", "out.cube")
    image = sf.read("b1.png").image
    np.testing.assert_array_equal(sf.read("out.png").image, AutoGrade(strength=0.8)(image))
    assert sf.color.read_table("out.cube") == AutoGrade().table_for(image)
    assert result.output.count("\n") == 2


def test_frames_of_a_series_are_graded_alike(run, frames):
    run("grade", "b1.png", "b2.png", "b3.png", "-o", "graded", "--smooth", "2")
    sample = sf.read("b1.png", "b2.png", "b3.png")
    wanted = GradeFrames(smoothing_frames=2.0)(sample.stack)
    for k in range(3):
        np.testing.assert_array_equal(sf.read(f"graded/b{k + 1}.png").image, wanted[k])


def test_develop_grades_what_it_developed(run, frames):
    run("develop", "b1.png", "-o", "plain.png", "-q")
    run("develop", "b1.png", "-o", "graded.png", "--grade", "-q")
    wanted = AutoGrade()(sf.read("plain.png").image)
    np.testing.assert_array_equal(sf.read("graded.png").image, wanted)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.png", "-o", "x.png"), "no such file"),
        (("b1.png", "-o", "x.png", "--weights", "auto-enhanse"), "did you mean"),
        (("b1.png", "-o", "x.png", "--strength", "2"), "outside"),
        (("b1.png", "-o", "b1.png", "--overwrite"), "one of the frames"),
        (("b1.png", "-o", "x.png", "--lut", "b2.png"), "exists already"),
        (("b1.png", "b2.png", "-o", "x", "--lut", "y.cube"), "one table"),
        (("b1.png", "b2.png", "-o", "b3.png"), "a folder is needed"),
        (("b1.png", "b1.png", "-o", "x"), "same name"),
        (("b1.png", "b2.png", "-o", "."), "exists already"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(refused, words, message):
    assert message in refused("grade", *words)
