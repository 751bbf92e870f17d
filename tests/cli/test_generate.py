"""`sfumato generate`, with a small diffusion and adapters that were never taught anything."""

from __future__ import annotations

import subprocess
import sys
import zlib

import numpy as np
import pytest
import yaml

from sfumato.io.picture import read

SMALL = ("--weights", "base", "--size", "16x16", "--steps", 2, "-q")


def picture(run, name, *words):
    result = run("generate", *SMALL, "-o", name, *words)
    assert result.exit_code == 0, result.output
    return read(name)


def test_a_seed_means_a_picture_and_it_says_how_it_was_made(run, there):
    first = picture(run, "a.png", "--prompt", "a red circle", "--seed", 3)
    again = picture(run, "b.png", "--prompt", "a red circle", "--seed", 3)
    other = picture(run, "c.png", "--prompt", "a red circle", "--seed", 4)
    np.testing.assert_array_equal(first.image, again.image)
    assert (first.image != other.image).any()
    recipe = yaml.safe_load(first.meta["notes"]["recipe"])
    assert recipe["prompt"] == "a red circle"
    assert (recipe["seed"], recipe["steps"]) == (3, 2)
    assert len(recipe["weights_sha256"]) == 64


def test_the_third_picture_of_three_is_that_of_its_own_seed(run, there):
    run("generate", *SMALL, "--prompt", "a square", "--count", 3, "--seed", 5, "-o", "s.png")
    third = read("s-3.png")
    np.testing.assert_allclose(
        third.image.astype(int),
        picture(run, "own.png", "--prompt", "a square", "--seed", 7).image,
        atol=1,
    )
    assert yaml.safe_load(third.meta["notes"]["recipe"])["seed"] == 7


def test_a_grid_is_one_sheet(run, there):
    sheet = picture(run, "g.png", "--prompt", "a", "--prompt", "b", "--count", 3, "--grid")
    assert sheet.image.shape == (4 + 2 * 20, 4 + 3 * 20, 3)


@pytest.mark.parametrize("adapter", ["control", "pyramid"])
def test_a_hint_changes_the_picture_and_strength_0_does_not(run, there, adapter):
    plain = picture(run, "p.png", "--prompt", "a red circle").image
    steered = picture(
        run, "s.png", "--prompt", "a red circle", "--control", f"{adapter}=edges.png"
    ).image
    off = picture(
        run, "o.png", "--prompt", "a red circle", "--control", f"{adapter}=edges.png:0"
    ).image
    np.testing.assert_array_equal(plain, off)
    assert (plain != steered).any()


def test_several_hints_and_guess_mode_work_together(run, there):
    words = ("--control", "control=edges.png:0.8", "--control", "pyramid=edges.png:0.5")
    both = picture(run, "a.png", *words).image
    guess = picture(run, "b.png", *words, "--guess").image
    assert (both != guess).any()


def test_filling_in_keeps_the_rest(run, there):
    made = picture(run, "f.png", "--from", "old.png", "--mask", "mask.png").image
    old, mask = read("old.png").image, read("mask.png").image[..., 0] > 0
    np.testing.assert_array_equal(made[~mask], old[~mask])
    assert (made[mask] != old[mask]).any()


def test_starting_from_a_picture_stays_nearer_with_less_strength(run, there):
    old = read("old.png").image.astype(float)
    words = ("--from", "old.png", "--steps", 10)
    near = picture(run, "n.png", *words, "--strength", 0.1).image
    far = picture(run, "w.png", *words, "--strength", 1.0).image
    assert np.abs(near - old).mean() < np.abs(far - old).mean()


@pytest.fixture
def told(refused, there):
    good = (there / "edges.png").read_bytes()
    (there / "cut.png").write_bytes(good[: len(good) // 2])
    size = np.array([60_000, 60_000], ">u4").tobytes()
    bomb = good[12:16] + size + good[24:29]
    checked = bomb + zlib.crc32(bomb).to_bytes(4, "big")
    (there / "bomb.png").write_bytes(good[:12] + checked + good[33:])
    return lambda *words: refused("generate", *SMALL, "-o", "out.png", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sampler", "dmd"), "no sampler"),
        (("--steps", "0"), "below 1"),
        (("--size", "17x16"), "multiples of 2: --size 16x16"),
        (("--size", "big"), "expected WxH"),
        (("--count", "0"), "0 is not in the range"),
        (("--control", "edges.png"), "ADAPTER=HINT"),
        (("--control", "control=old.png:0.5", "--size", "32x32"), "--resize-hints"),
        (("--control", "base=edges.png"), "no adapter"),
        (("--control", "stranger=edges.png"), "other weights"),
        (("--control", "missing=edges.png"), "there are no weights"),
        (("--mask", "mask.png"), "--mask needs --from"),
        (("--weights", "control"), "no diffusion"),
        (("--window", "0.9", "0.1", "--control", "control=edges.png"), "no part of the way"),
        (("--window", "0", "0.5"), "they need --control"),
        (("--steps", "5000"), "outside [1, 100]"),
        (("--seed", "-1"), "-1 is not in the range"),
        (("--size", "0x64"), "multiples of 2: --size 2x64"),
        (("--size", "99999x99999"), "more than the limit"),
        (("--guidance", "nan"), "nan is outside"),
        (("--strength", "0.5"), "--strength needs --from"),
        (("--from", "old.png", "--strength", "2"), "outside (0, 1]"),
        (("--from", "b1.png"), "--from is 280 x 200 px, the picture 16 x 16"),
        (("--control", "control=gone.png"), "gone.png: there is no such file"),
        (("--control", "control=base"), "this is a folder"),
        (("--control", "control=cut.png"), "cut.png"),
        (("--control", "control=bomb.png"), "more than the limit"),
        (("--control", "control=b1.png", "--size", "32x32"), "--resize-hints"),
        (("--device", "meta"), "none that paints"),
        (("--dtype", "float16"), "is no published checkpoint"),
        (("-o", "out.gif"), "out.gif"),
        (("-o", "nowhere/out.png"), "does not exist"),
        (("-o", "edges.png", "--overwrite", "--control", "control=edges.png"), "one of the frames"),
    ],
)
def test_what_makes_no_picture_is_refused_in_one_line(told, words, said):
    assert said in told(*words)


@pytest.mark.parametrize("option", ["control", "from"])
def test_a_photograph_sets_no_size_that_the_weights_were_never_taught(refused, there, option):
    """The base was taught 16 x 16: twice as much each way is fine, a photograph is not."""
    hint = ("--control", "control=b1.png") if option == "control" else ("--from", "b1.png")
    line = refused("generate", "--weights", "base", *hint, "-o", "out.png")
    assert "b1.png: has 280 x 200 px, and base was taught pictures of 16 x 16" in line
    assert "--size 18x14 --resize-hints" in line, "the same area in the shape of the hint"
    assert "--size 280x200 --resize-hints" in line


def test_the_size_that_is_proposed_works_and_one_that_is_typed_counts(run, there):
    words = ("--weights", "base", "--steps", 1, "-q", "--resize-hints")
    both = ("--control", "control=b1.png", "--from", "b1.png", "--mask", "b2.png")
    for size, shape in (("18x14", (14, 18, 3)), ("140x100", (100, 140, 3))):
        result = run("generate", *words, *both, "--size", size, "-o", f"{size}.png")
        assert result.exit_code == 0, result.output
        assert read(f"{size}.png").image.shape == shape


def test_without_hints_pictures_have_the_size_that_the_weights_were_taught(run, there):
    run("generate", "--weights", "base", "--steps", 1, "-o", "plain.png")
    assert read("plain.png").image.shape == (16, 16, 3)


def test_words_without_meaning_are_told_once_and_a_prompt_that_is_cut_too(run, there):
    words = ("--prompt", "a red rocket", "--prompt", "red red red red red red rocket")
    result = run("generate", *SMALL[:-1], *words, "--count", 3, "-o", "r.png")
    assert result.stderr.splitlines() == [
        "warning: base was never taught the words: a, rocket",
        "warning: the caption has 3 words too many, they are cut",
    ]
    assert run("generate", *SMALL, *words, "-o", "q.png").stderr == ""


def test_how_many_are_painted_at_once_changes_no_picture(run, there):
    words = ("--prompt", "a red circle", "--count", 5)
    run("generate", *SMALL, *words, "--at-once", 5, "-o", "all.png")
    run("generate", *SMALL, *words, "--at-once", 2, "-o", "two.png")
    for k in range(1, 6):
        np.testing.assert_allclose(
            read(f"all-{k}.png").image.astype(int), read(f"two-{k}.png").image, atol=1
        )


def test_pictures_that_were_done_before_ctrl_c_are_kept(there):
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sfumato.cli import easel\n"
        "paint = easel.Easel.paint\n"
        "def once(self, wishes, advance):\n"
        "    if wishes[0].seed >= 2:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return paint(self, wishes, advance)\n"
        "easel.Easel.paint = once\n"
        "from sfumato.cli.main import main; main()"
    )
    words = ("generate", *map(str, SMALL[:-1]), "--count", "9", "--at-once", "2", "-o", "many.png")
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=there, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr == "error: interrupted; no file is left half written\n"
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "many-1.png", "many-2.png",
    ]  # fmt: skip
    assert sorted(p.name for p in there.glob("many*")) == ["many-1.png", "many-2.png"]
    assert not list(there.glob(".many*"))
