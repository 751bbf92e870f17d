"""`sfumato generate --again`: a picture made a second time, and what prevents it."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from sfumato.core.sample import Sample
from sfumato.io.picture import read, write

BASE = ("generate", "--weights", "base", "--steps", 2)
ALL = (
    "--prompt", "a red circle", "--negative", "green", "--seed", 3, "--sampler", "euler",
    "--guidance", 2.5, "--control", "control=edges.png:0.8", "--control", "pyramid=b1.png",
    "--window", 0, 0.75, "--guess", "--resize-hints", "--from", "old.png", "--mask", "mask.png",
    "--strength", 0.9,
)  # fmt: skip


def made(run, *words):
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result


def recipe(path):
    return yaml.safe_load(read(path).meta["notes"]["recipe"])


@pytest.fixture
def rewritten(there):
    """Change the recipe of a picture and leave its pixels."""

    def change(path, changes=None, **texts):
        sample = read(path)
        facts = {**recipe(path), **(changes or {})}
        facts = {name: value for name, value in facts.items() if value is not None}
        notes = {"Software": "sfumato 0.1.0", "recipe": yaml.safe_dump(facts), **texts}
        write("changed.png", Sample(sample.image, meta={"notes": notes}), overwrite=True)
        return "changed.png"

    return change


@pytest.mark.parametrize("words", [(), ("--prompt", "a green square", "--seed", 7), ALL])
def test_a_picture_is_made_again_bit_for_bit_and_says_the_same(run, there, words):
    made(run, *BASE, *words, "-o", "first.png")
    result = made(run, "generate", "--again", "first.png", "-o", "second.png")
    assert result.stdout.rstrip().endswith("bit for bit first.png")
    assert (there / "first.png").read_bytes() == (there / "second.png").read_bytes()


def test_one_of_many_is_made_again_as_it_was_among_them(run, there):
    words = ("--prompt", "a red circle", "--prompt", "a green square", "--count", 4)
    made(run, *BASE, *words, "--at-once", 3, "-o", "of.png")
    for k in (1, 5, 8):  # the last of them was painted with one other
        made(run, "generate", "--again", f"of-{k}.png", "-o", f"again-{k}.png")
        assert (there / f"of-{k}.png").read_bytes() == (there / f"again-{k}.png").read_bytes()
    assert recipe("of-5.png")["prompt"] == "a green square"
    assert recipe("of-5.png")["seed"] == 4


def test_a_sheet_is_made_again_as_a_sheet(run, there):
    words = ("--prompt", "a red circle", "--prompt", "a square", "--count", 3, "--grid")
    made(run, *BASE, *words, "-o", "sheet.png")
    made(run, "generate", "--again", "sheet.png", "-o", "same.png")
    assert (there / "sheet.png").read_bytes() == (there / "same.png").read_bytes()


def test_what_is_typed_counts_more_than_what_is_remembered(run, there):
    made(run, *BASE, *ALL, "--count", 2, "-o", "old-one.png")
    made(run, "generate", "--again", "old-one-2.png", "--seed", 9, "-o", "nine.png")
    directly = [9 if word == 3 else word for word in ALL]
    made(run, *BASE, *directly, "-o", "direct.png")
    assert (there / "nine.png").read_bytes() == (there / "direct.png").read_bytes()
    result = made(
        run, "generate", "--again", "old-one-2.png", "--count", 2, "--no-guess", "-o", "two.png"
    )
    assert "bit for bit" not in result.stdout
    assert [recipe(f"two-{k}.png")["seed"] for k in (1, 2)] == [4, 5]
    assert not recipe("two-1.png")["guess"]


def test_files_are_found_beside_the_picture_too(run, there, monkeypatch):
    made(run, *BASE, "--size", "16x16", "--control", "control=edges.png", "-o", "kept.png")
    (there / "elsewhere").mkdir()
    monkeypatch.chdir(there / "elsewhere")
    for name in ("base", "control"):
        (there / "elsewhere" / name).symlink_to(there / name)
    made(run, "generate", "--again", "../kept.png", "-o", "same.png")
    np.testing.assert_array_equal(read("same.png").image, read("../kept.png").image)


@pytest.fixture
def kept(run, there):
    """A picture made of everything, and a way to be refused with it."""
    made(run, *BASE, *ALL, "-o", "kept.png")
    return there


@pytest.mark.parametrize(
    ("name", "word"),
    [("edges.png", "--control"), ("b1.png", "--control"), ("old.png", "--from"),
     ("mask.png", "--mask")],
)  # fmt: skip
def test_a_file_that_is_missing_or_has_changed_is_named(kept, refused, name, word):
    other = np.full((16, 16, 3), 77, np.uint8)
    write(kept / name, other, overwrite=True)
    line = refused("generate", "--again", "kept.png", "-o", "out.png")
    assert f"{name}: has changed since kept.png was made from it" in line
    assert word in line
    (kept / name).unlink()
    line = refused("generate", "--again", "kept.png", "-o", "out.png")
    assert f"{name}: is missing" in line
    assert word in line


def test_a_changed_file_is_taken_when_it_is_typed(run, kept):
    write("mask.png", np.full((16, 16, 1), 255, np.uint8), overwrite=True)
    made(run, "generate", "--again", "kept.png", "--mask", "mask.png", "-o", "out.png")


@pytest.mark.parametrize(("name", "word"), [("base", "--weights"), ("control", "--control")])
def test_other_weights_are_named(kept, refused, shelf, tmp_path_factory, name, word):
    import torch

    from sfumato.core.network import load

    network = load(kept / name)
    part = network if name == "base" else network.adapter
    with torch.no_grad():
        next(iter(part.parameters())).view(-1)[-1] += 1e-3
    (kept / name).unlink()
    network.save(kept / name)
    line = refused("generate", "--again", "kept.png", "-o", "out.png")
    assert f"{name}: has changed since kept.png" in line
    assert word in line


def test_pictures_without_a_recipe_say_what_they_carry(refused, there):
    assert "carries no recipe" in refused("generate", "--again", "b1.png", "-o", "out.png")
    notes = {"parameters": "a cat\nSteps: 20, Sampler: Euler a"}
    write("other.png", Sample(read("b1.png").image, meta={"notes": notes}))
    line = refused("generate", "--again", "other.png", "-o", "out.png")
    assert "only notes: parameters" in line
    write("plain.jpg", read("b1.png").image)
    assert "carries no recipe" in refused("generate", "--again", "plain.jpg", "-o", "out.png")
    assert "no such file" in refused("generate", "--again", "gone.png", "-o", "out.png")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": -1}, "cannot use seed"),
        ({"seed": "3"}, "cannot use seed"),
        ({"steps": 10**9}, "cannot use steps"),
        ({"steps": True}, "cannot use steps"),
        ({"size": "64x64"}, "does not fit together"),
        ({"size": "99999x99999"}, "more than the limit"),
        ({"size": "large"}, "expected WxH"),
        ({"place": 4}, "does not fit together"),
        ({"weights_sha256": None}, "misses weights_sha256"),
        ({"weights_sha256": "0" * 64}, "base: has changed since"),
        ({"from_sha256": None}, "does not fit together"),
        ({"controls": [{"adapter": "control"}]}, "cannot use controls"),
        ({"later": 1}, "does not know later"),
        ({"guidance": float("nan")}, "outside [0, 100]"),
        ({"sampler": "dmd"}, "no sampler"),
        ({"window": [1.0, 0.0]}, "no part of the way"),
        ({"weights": "hub:someone/something"}, "nothing is fetched because a picture says so"),
        ({"weights": "base\0"}, "cannot use weights"),
        ({"device": "meta"}, "none that paints"),
        ({"dtype": "float16"}, "is no published checkpoint"),
        ({"grid": True, "prompts": ["a"], "count": 5}, "does not fit together"),
    ],
)
def test_a_recipe_that_was_tampered_with_is_refused(kept, refused, rewritten, changes, said):
    name = rewritten("kept.png", changes)
    assert said in refused("generate", "--again", name, "-o", "out.png")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [1]\nb: *a", "aliases"),
        ("!!python/object/apply:os.system [echo]", "not valid YAML"),
        ("[" * 3000, "not valid YAML"),
        ("- 1", "no list of settings"),
        ("a" * 70_000, "longer than 65536"),
        ("prompt: [", "not valid YAML"),
        ("1: 2", "does not know 1"),
    ],
)
def test_a_recipe_that_is_none_is_refused(kept, refused, rewritten, text, said):
    name = rewritten("kept.png", recipe=text)
    assert said in refused("generate", "--again", name, "-o", "out.png")


def test_a_picture_is_not_written_over_itself(refused, kept):
    refused("generate", "--again", "kept.png", "-o", "kept.png", "--overwrite")


def test_a_picture_that_was_retouched_is_made_again_and_told_apart(run, kept, rewritten):
    sample = read("kept.png")
    image = sample.image.copy()
    image[0, 0] ^= 1
    write("kept.png", sample.but(image=image), overwrite=True)
    result = made(run, "generate", "--again", "kept.png", "-o", "out.png")
    assert "not bit for bit kept.png" in result.stdout
