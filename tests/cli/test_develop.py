"""`sfumato develop` from files to files."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.capture.develop import Develop
from sfumato.cli.develop import build_develop
from sfumato.io.picture import read

BRACKET = ("b1.png", "b2.png", "b3.png")


def test_a_bracket_becomes_the_picture_of_the_operator(run, frames):
    result = run("develop", *BRACKET, "-o", "out.png")
    assert result.exit_code == 0, result.output
    out, wanted = read("out.png"), Develop()(read(*BRACKET))
    np.testing.assert_array_equal(out.image, wanted.image)
    assert out.meta["exposure_time_s"] == pytest.approx(wanted.meta["exposure_time_s"])
    said = result.stdout
    assert "bracket: exposures" in said
    assert said.count("inliers") + said.count("lies right") == 2
    assert "reference" in said
    assert "out.png: " in said


def test_quiet_says_nothing(run, frames):
    result = run("develop", "b1.png", "-o", "out.png", "--quiet")
    assert (result.stdout, result.stderr) == ("", "")
    assert read("out.png").size == (200, 280)


def test_a_report_is_written_beside(run, frames):
    run("develop", *BRACKET, "-o", "out.png", "--report", "page")
    assert (frames / "page" / "index.html").read_text().startswith("<!doctype html>")
    assert [path.name for path in (frames / "page").iterdir()] == ["index.html"]


def test_the_ending_decides_the_bits_unless_they_are_given(run, frames):
    run("develop", *BRACKET, "-o", "deep.png", "--depth", "16")
    run("develop", *BRACKET, "-o", "plain.png")
    deep, plain = read("deep.png").image, read("plain.png").image
    assert (deep.dtype, plain.dtype) == (np.uint16, np.uint8)
    # Fused in 16 bits, not only stored in them.
    assert len(np.unique(deep % 257)) > 100
    assert np.abs(deep / 257 - plain).mean() < 1.0
    result = run("develop", "deep.png", "-o", "small.jpg")
    assert result.exit_code == 0
    assert read("small.jpg").image.dtype == np.uint8


def test_finishing_options_are_the_operators(run, frames):
    run("develop", "b2.png", "-o", "out.png", "--resize", 70, "--sharpen", 0.5, "--tone",
        "shadows=0.4, contrast=-0.1")  # fmt: skip
    develop = build_develop(resize=70, sharpen=0.5, tone="shadows=0.4,contrast=-0.1")
    assert [type(op).__name__ for op in develop.finish] == ["Resize", "Tone", "Sharpen"]
    np.testing.assert_array_equal(read("out.png").image, develop(read("b2.png")).image)


def test_options_reach_the_steps():
    develop = build_develop(kind="bracket", drop_unaligned=True, deghost_method="bitmap", levels=5)
    assert develop.align.on_failure == "drop"
    assert develop.deghost.method == "bitmap"
    assert develop.fuse.levels == 5
    assert build_develop(no_align=True, no_deghost=True).align is None
    assert build_develop(no_deghost=True).deghost is None


def test_a_frame_of_something_else_is_dropped_on_demand(run, frames, refused, rng):
    other = rng.integers(0, 255, (200, 280, 3), np.uint8)
    from sfumato.io.picture import write

    write("x.png", other)
    words = ("develop", *BRACKET, "x.png", "-o", "out.png", "--as", "bracket")
    line = refused(*words)
    assert "frame 4 (x.png)" in line
    assert "--drop-unaligned" in line
    result = run(*words, "--drop-unaligned")
    assert result.exit_code == 0
    assert "frame 4: left out" in result.stdout


def test_a_focus_series_is_recognised(run, frames):
    assert "focus: equal exposures" in run("develop", "f1.png", "f2.png", "-o", "out.png").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--as", "bracket"), "a bracket needs at least 2 frames, got 1"),
        (("--tone", "shadows"), "--tone: expected NAME=VALUE, got 'shadows'"),
        (("--tone", "shadows=much"), "--tone: expected NAME=VALUE"),
        (("--tone", "glow=1"), "unexpected setting 'glow'"),
        (("--tone", "shadows=3"), "Tone.shadows: 3.0 is outside"),
        (("--resize", "0"), "long_side_px: 0 is outside"),
        (("--sharpen", "-1"), "Sharpen.amount: -1.0 is outside"),
        (("--levels", "0"), "FuseExposures.levels: 0 is outside"),
        (("--no-align", "--drop-unaligned"), "--drop-unaligned does not go with --no-align"),
        (("--depth", "12"), "'12' is not one of"),
    ],
)
def test_settings_that_cannot_be_are_refused(refused, words, said):
    assert said in refused("develop", "b1.png", "-o", "out.png", *words)


def test_two_frames_are_no_single_picture(refused):
    line = refused("develop", "b1.png", "b2.png", "-o", "out.png", "--as", "single")
    assert "expected a single picture, got 2 frames" in line
