"""`sfumato generate`, with a small diffusion and adapters that were never taught anything."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml

from sfumato.adapt import ControlNet, T2IAdapter
from sfumato.io.picture import read, write

SMALL = ("--weights", "base", "--size", "16x16", "--steps", 2, "-q")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with a base, two adapters of it, and one of another base."""
    folder = tmp_path_factory.mktemp("shelf")
    torch.manual_seed(0)
    base = ControlNet.example_base()
    base.save(folder / "base")
    for name, kind in (("control", ControlNet), ("pyramid", T2IAdapter)):
        method = kind(base=base)
        for parameter in method.adapter.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
        method.save(folder / name)
    other = ControlNet.example_base()
    for parameter in other.parameters():
        parameter.data += 1.0
    ControlNet(base=other).save(folder / "stranger")
    return folder


@pytest.fixture
def there(frames, shelf, monkeypatch):
    """Frames and weights in the current folder."""
    for path in shelf.iterdir():
        (frames / path.name).symlink_to(path)
    rng = np.random.default_rng(0)
    write("edges.png", (rng.random((16, 16, 1)) > 0.8).astype(np.uint8) * 255)
    write("old.png", rng.integers(0, 255, (16, 16, 3)).astype(np.uint8))
    mask = np.zeros((16, 16, 1), np.uint8)
    mask[4:12, 4:12] = 255
    write("mask.png", mask)
    return frames


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
    return lambda *words: refused("generate", *SMALL, "-o", "out.png", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sampler", "dmd"), "no sampler"),
        (("--steps", "0"), "below 1"),
        (("--size", "17x16"), "multiples of 2: --size 16x16"),
        (("--size", "big"), "expected WxH"),
        (("--count", "0"), "below 1"),
        (("--control", "edges.png"), "ADAPTER=HINT"),
        (("--control", "control=old.png:0.5", "--size", "32x32"), "--resize-hints"),
        (("--control", "base=edges.png"), "no adapter"),
        (("--control", "stranger=edges.png"), "other weights"),
        (("--control", "missing=edges.png"), "there are no weights"),
        (("--mask", "mask.png"), "--mask needs --from"),
        (("--weights", "control"), "no diffusion"),
        (("--window", "0.9", "0.1", "--control", "control=edges.png"), "no part of the way"),
    ],
)
def test_what_makes_no_picture_is_refused_in_one_line(told, words, said):
    assert said in told(*words)
