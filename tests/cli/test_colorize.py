"""`sfumato colorize`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.io.picture import read, write


@pytest.fixture
def drawing(frames):
    page = np.full((60, 80, 1), 245, np.uint8)
    cv2.circle(page, (40, 30), 20, 10, 2)
    write("lines.png", page)
    return frames


def test_lines_that_leak_everywhere_are_told(run, drawing):
    write("empty.png", np.full((40, 60, 1), 250, np.uint8))
    result = run("colorize", "empty.png", "--weights", "none", "-o", "flat.png")
    assert "all of it is one area: a larger --gap" in result.stdout


def test_colors_go_where_the_palette_says_and_areas_are_listed(run, drawing):
    words = ("--weights", "none", "--palette", "#0000ff,#ff0000", "--regions", "areas.json")
    result = run("colorize", "lines.png", "-o", "out.png", *words)
    assert result.exit_code == 0, result.output
    image = read("out.png").image
    assert image[2, 2].tolist() == [0, 0, 255]
    assert image[30, 40].tolist() == [255, 0, 0]
    listed = json.loads((drawing / "areas.json").read_text())
    assert [area["color"] for area in listed] == [[0, 0, 1], [1, 0, 0]]


def test_a_palette_can_be_taken_from_a_picture(run, drawing):
    flag = np.zeros((8, 12, 3), np.uint8)
    flag[:, :8], flag[:, 8:] = (20, 200, 40), (200, 180, 10)
    write("flag.png", flag)
    run(
        "colorize", "lines.png", "-o", "out.png", "--weights", "none", "--palette", "flag.png", "-q"
    )
    np.testing.assert_allclose(read("out.png").image[2, 2], (20, 200, 40), atol=3)


def test_lines_of_a_photograph_can_be_drawn_first(run, frames):
    result = run("colorize", "b2.png", "--extract", "--weights", "none", "-o", "out.png")
    assert result.exit_code == 0, result.output
    assert read("out.png").image.shape == (200, 280, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--palette", "#12345"), "no color"),
        (("--palette", "gone.png"), "no such file"),
        (("--weights", "nowhere"), "there are no weights"),
        (("--shading", "2"), "outside"),
        (("--steps", "0"), "outside [1, 1000]"),
        (("--guidance", "nan"), "NaN"),
        (("--seed", "-1"), "-1 is not in the range"),
        (("--gap", "-3"), "outside [0, 100]"),
        (("--regions", "out.png"), "cannot be the picture and the list"),
        (("--regions", "lines.png", "--overwrite"), "one of the frames"),
        (("--weights", "scenes"), "no adapter"),
    ],
)
def test_what_cannot_be_colored_is_refused(refused, drawing, words, said):
    weights = () if "--weights" in words else ("--weights", "none")
    assert said in refused("colorize", "lines.png", "-o", "out.png", *weights, *words)


def test_the_embedded_painter_paints_by_its_words_and_names_those_it_lacks(run, drawing):
    words = ("--prompt", "a red ball on a blue rocket background", "--steps", 4, "--seed", 1)
    result = run("colorize", "lines.png", "-o", "out.png", *words)
    assert result.exit_code == 0, result.output
    assert result.stderr == "warning: the generator was never taught the words: rocket\n"
    red, _, blue = read("out.png").image[30, 40].astype(int)
    assert red > blue + 40, "the ball is red"
    red, _, blue = read("out.png").image[3, 3].astype(int)
    assert blue > red + 40, "the background is blue"
