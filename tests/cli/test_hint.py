"""`sfumato hint`: every kind, its settings, and what is no map."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.cli.hint import KINDS
from sfumato.core.sample import Sample
from sfumato.features import Canny, LineDrawing, ShowDepth
from sfumato.io.picture import read, write

OF_PICTURES = sorted(set(KINDS) - {"depth", "normals", "mask"})


@pytest.mark.parametrize("kind", OF_PICTURES)
def test_every_kind_draws_something_of_a_photograph(run, frames, kind):
    result = run("hint", kind, "b2.png", "-o", "hint.png")
    assert result.exit_code == 0, result.output
    drawn = read("hint.png").image
    assert drawn.shape[:2] == (200, 280)
    assert drawn.dtype == np.uint8
    assert np.ptp(drawn) > 0


def test_the_drawing_is_the_operators_own_with_the_settings_given(run, frames):
    run("hint", "canny", "b2.png", "-o", "edges.png", "--set", "sigma=2.0", "-q")
    edges = Canny(sigma=2.0, into="hint")(read("b2.png")).hint
    np.testing.assert_array_equal(read("edges.png").image, edges)
    run("hint", "lines", "b2.png", "-o", "lines.png", "--set", "threshold=0.4", "-q")
    lines = LineDrawing(threshold=0.4, inverted=True, into="hint")(read("b2.png")).hint
    np.testing.assert_array_equal(read("lines.png").image, lines)


def test_a_scribble_follows_its_seed(run, frames):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("hint", "scribble", "f1.png", "-o", f"{name}.png", "--seed", seed, "-q")
    a, b, c = (read(f"{name}.png").image for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_a_depth_map_is_shown_with_zero_as_the_sky(run, frames):
    codes = np.tile(np.arange(0, 40000, 1000, dtype=np.uint16), (8, 1))
    write("depth.png", codes[..., None])
    run("hint", "depth", "depth.png", "-o", "shown.png", "-q")
    depth = np.where(codes > 0, codes / np.float32(65535), np.inf).astype(np.float32)
    wanted = ShowDepth()(Sample(codes[..., None], depth=depth)).hint
    np.testing.assert_array_equal(read("shown.png").image, wanted)
    assert read("shown.png").image[0, 0, 0] == 0


def test_a_label_map_gets_its_colors(run, frames):
    write("labels.png", np.array([[[0], [1], [2]]], np.uint8))
    run("hint", "mask", "labels.png", "-o", "shown.png", "-q")
    assert read("shown.png").image.tolist() == [[[0, 0, 0], [128, 0, 0], [0, 128, 0]]]


def test_a_photograph_is_no_depth_map(refused):
    assert "one channel" in refused("hint", "depth", "b1.png", "-o", "out.png")


def test_an_unknown_setting_names_a_close_one(refused):
    told = refused("hint", "canny", "b1.png", "-o", "out.png", "--set", "sigmma=2")
    assert "did you mean 'sigma'" in told
    assert "NAME=VALUE" in refused("hint", "canny", "b1.png", "-o", "out.png", "--set", "sigma")


def test_an_existing_picture_and_the_input_are_kept(refused):
    assert "exists" in refused("hint", "canny", "b1.png", "-o", "b2.png")
    refused("hint", "canny", "b1.png", "-o", "b1.png", "--overwrite")
