"""`sfumato augment`: which chance, which files, what masks do, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sfumato as sf
import sfumato.augment as A
from sfumato.io.picture import read, write

STEPS = [
    A.RandomCrop(64, 96),
    A.HorizontalFlip(),
    A.HueSaturationValue(p=1),
]


@pytest.fixture
def recipe(frames):
    """The same steps in a file of the house."""
    A.Compose(STEPS).save("recipe.yaml")
    return "recipe.yaml"


def pictures(folder):
    return {p.name: read(p).image for p in sorted(Path(folder).glob("*.png"))}


def test_every_picture_gets_its_variants_and_they_differ(run, recipe):
    result = run("augment", recipe, "b1.png", "b2.png", "-o", "out", "--count", 3)
    assert result.exit_code == 0, result.output
    assert result.stdout == "out: 6 variants of 2 pictures\n"
    made = pictures("out")
    assert list(made) == [f"b{n}-{k}.png" for n in (1, 2) for k in (1, 2, 3)]
    assert {image.shape for image in made.values()} == {(64, 96, 3)}
    assert len({image.tobytes() for image in made.values()}) == 6


def test_a_variant_follows_from_seed_name_and_number_alone(run, recipe):
    run("augment", recipe, "b1.png", "b2.png", "-o", "all", "--count", 3, "-q")
    run("augment", recipe, "b2.png", "-o", "one", "--count", 2, "-q")
    run("augment", recipe, "b2.png", "-o", "other", "--count", 2, "--seed", 1, "-q")
    everything, one, other = pictures("all"), pictures("one"), pictures("other")
    for name in ("b2-1.png", "b2-2.png"):
        np.testing.assert_array_equal(one[name], everything[name])
        assert not np.array_equal(other[name], one[name])


@pytest.mark.parametrize("name", ["saved.json", "saved.yaml"])
def test_a_file_in_the_form_of_albumentations_gives_the_same(run, recipe, name):
    A.save(A.Compose(STEPS), name, name[-4:])
    run("augment", recipe, "b1.png", "-o", "house", "--count", 2, "-q")
    run("augment", name, "b1.png", "-o", "theirs", "--count", 2, "-q")
    house, theirs = pictures("house"), pictures("theirs")
    assert list(house) == list(theirs) == ["b1-1.png", "b1-2.png"]
    for file, image in house.items():
        np.testing.assert_array_equal(theirs[file], image)


def test_any_recipe_will_do(run, frames):
    sf.Pipeline(steps=(sf.raster.Resize(long_side_px=70),)).save("small.yaml")
    run("augment", "small.yaml", "b1.png", "-o", "out", "-q")
    assert read("out/b1-1.png").image.shape == (50, 70, 3)


def test_masks_follow_their_pictures(run, frames):
    Path("labels").mkdir()
    values = read("b2.png").image
    write("labels/b2.png", values[..., :1])
    A.Compose([A.Rotate((90, 90), p=1), A.RandomCrop(100, 100)]).save("turn.yaml")
    run("augment", "turn.yaml", "b2.png", "-o", "out", "--masks", "labels", "--count", 4, "-q")
    for k in range(1, 5):
        mask = read(f"out/masks/b2-{k}.png").image
        image = read(f"out/b2-{k}.png").image
        np.testing.assert_array_equal(mask[..., 0], image[..., 0])
    assert len(pictures("out")) == 4


def test_what_exists_is_kept_replaced_or_gone_on_with(run, refused, recipe):
    run("augment", recipe, "b1.png", "-o", "out", "--count", 3, "-q")
    whole = pictures("out")
    assert "exists already" in refused("augment", recipe, "b1.png", "-o", "out")
    write("out/b1-1.png", np.zeros((2, 2, 3), np.uint8), overwrite=True)
    Path("out/b1-2.png").unlink()
    result = run("augment", recipe, "b1.png", "-o", "out", "--count", 3, "--resume")
    assert result.stdout == "out: 1 variants of 1 pictures, 2 were there already\n"
    gone_on = pictures("out")
    assert gone_on["b1-1.png"].shape == (2, 2, 3)
    np.testing.assert_array_equal(gone_on["b1-2.png"], whole["b1-2.png"])
    run("augment", recipe, "b1.png", "-o", "out", "--count", 3, "--overwrite", "-q")
    np.testing.assert_array_equal(pictures("out")["b1-1.png"], whole["b1-1.png"])


def test_a_preview_shows_the_original_beside_its_variants_and_writes_no_more(run, frames):
    A.Compose([A.InvertImg(p=1)]).save("invert.yaml")
    result = run("augment", "invert.yaml", "b1.png", "b2.png", "-o", "look", "--count", 2,
                 "--preview")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [p.name for p in Path("look").iterdir()] == ["preview.png"]
    sheet = read("look/preview.png").image
    height = round(200 * 256 / 280)
    assert sheet.shape == (4 + 2 * (height + 4), 4 + 3 * 260, 3)
    original = sheet[4 : 4 + height, 4:260].astype(int)
    for left in (264, 524):
        assert np.abs(255 - original - sheet[4 : 4 + height, left : left + 256]).max() <= 1


def test_the_format_can_be_chosen(run, recipe):
    run("augment", recipe, "b1.png", "-o", "out", "--format", "jpg", "-q")
    assert [p.name for p in Path("out").iterdir()] == ["b1-1.jpg"]


def test_bad_numbers_and_switches_are_refused(refused, recipe):
    line = ("augment", recipe, "b1.png", "-o", "out")
    assert "--count: 0 is below 1" in refused(*line, "--count", 0)
    assert "'--seed': -1 is not" in refused(*line, "--seed", -1)
    assert "--resume" in refused(*line, "--resume", "--overwrite")
    assert "two pictures" in refused(*line, "./b1.png")


def test_a_recipe_that_is_none_is_refused_by_its_name(refused, recipe):
    Path("broken.json").write_text('{"transform": {"__class_fullname__": "Nonsense"}}')
    Path("half.json").write_text('{"transform": {"__class_fullname__": ')
    Path("words.yaml").write_text("- augment.HorizontalFlop\n")
    for name, said in (
        ("broken.json", "no transform 'Nonsense'"),
        ("half.json", "not valid JSON"),
        ("words.yaml", "augment.HorizontalFlip"),
        ("b2.png", "text"),
        ("nothing.yaml", "no such file"),
    ):
        told = refused("augment", name, "b1.png", "-o", "out")
        assert name in told
        assert said in told


@pytest.mark.parametrize("value", ["&a [*a]", "LAUGHS"])
def test_a_recipe_that_aliases_make_endless_is_refused(refused, recipe, value):
    laughs = "[&b [1, 1, 1, 1, 1, 1, 1, 1, 1], "
    for old, new in zip("bcdefg", "cdefgh", strict=True):
        laughs += f"&{new} [{', '.join([f'*{old}'] * 9)}], "
    value = f"{laughs}0]" if value == "LAUGHS" else value
    text = f"transform: {{__class_fullname__: Normalize, mean: {value}}}"
    Path("endless.yaml").write_text(text)
    assert "no recipe" in refused("augment", "endless.yaml", "b1.png", "-o", "out")


def test_missing_and_misfitting_masks_are_refused(refused, recipe):
    line = ("augment", recipe, "b1.png", "b2.png", "-o", "out", "--masks", "labels")
    assert "no such folder" in refused(*line)
    Path("labels").mkdir()
    write("labels/b1.png", np.zeros((20, 30, 1), np.uint8))
    assert "1 of 2 masks are missing" in refused(*line)
    write("labels/b2.png", np.zeros((200, 280, 1), np.uint8))
    assert "30 x 20 px" in refused(*line)


def test_values_that_are_no_picture_and_crops_too_large_name_the_variant(refused, frames):
    A.Compose([A.Normalize()]).save("normal.yaml")
    assert "leave Normalize out" in refused("augment", "normal.yaml", "b1.png", "-o", "out")
    A.Compose([A.RandomCrop(900, 900)]).save("large.yaml")
    assert "variant 1 of b1.png" in refused("augment", "large.yaml", "b1.png", "-o", "out")


def test_no_input_is_overwritten(refused, recipe):
    Path("b1-1.png").write_bytes(Path("b1.png").read_bytes())
    told = refused("augment", recipe, "b1.png", "b1-1.png", "-o", ".", "--overwrite")
    assert "one of the frames" in told
