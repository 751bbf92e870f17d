"""`sfumato run`: a recipe is what it says, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.pipeline import Pipeline
from sfumato.io.picture import read

BRACKET = ("b1.png", "b2.png", "b3.png")
RECIPE = """
- capture.FuseExposures: {levels: 4}
- raster.Resize: {long_side_px: 70}
"""


def test_a_recipe_gives_what_the_pipeline_gives(run, frames):
    (frames / "r.yaml").write_text(RECIPE)
    result = run("run", "r.yaml", *BRACKET, "-o", "out.png")
    assert result.exit_code == 0, result.output
    wanted = Pipeline.from_yaml(RECIPE)(read(*BRACKET))
    np.testing.assert_array_equal(read("out.png").image, wanted.image)
    assert result.stdout == "out.png: 70 x 50 px, 8 bits\n"


def test_the_seed_decides_what_chance_does(run, frames):
    (frames / "r.yaml").write_text(
        "core.OneOf: {ops: [color.Tone: {shadows: 1.0}, color.Tone: {gamma: 0.5}]}".replace(
            "[color", "[{color"
        )
        .replace(", color", "}, {color")
        .replace("]}", "}]}")
    )
    pipeline = Pipeline.load("r.yaml")
    seen = set()
    for seed in range(6):
        run("run", "r.yaml", "b2.png", "-o", "out.png", "--seed", seed, "--overwrite")
        image = read("out.png").image
        np.testing.assert_array_equal(image, pipeline(read("b2.png"), seed).image)
        seen.add(image.tobytes())
    assert len(seen) == 2


def test_foreign_code_needs_to_be_trusted(run, refused, frames, monkeypatch):
    (frames / "my_filters.py").write_text(
        "from sfumato.core.operator import ImageOperator\n"
        "class Negative(ImageOperator):\n"
        "    'Turn it round.'\n"
        "    def apply_image(self, image, rng):\n"
        "        return 255 - image\n"
    )
    (frames / "r.yaml").write_text("- my_filters:Negative: {}\n")
    monkeypatch.syspath_prepend(str(frames))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert "not trusted" in refused("run", "r.yaml", "b1.png", "-o", "out.png")
    assert run("run", "r.yaml", "b1.png", "-o", "out.png", "--trust", "my_filters").exit_code == 0
    np.testing.assert_array_equal(read("out.png").image, 255 - read("b1.png").image)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("- capture.FuseExposure", "did you mean capture.FuseExposures?"),
        ("- capture.FuseExposures: {level: 4}", "did you mean 'levels'?"),
        ("- capture.FuseExposures: {levels: 400}", "levels"),
        ("just words", "does not name an operator"),
        ("{", "not valid YAML"),
        ("- os.System: {command: ls}", "there is no room 'os'"),
        ("- os:System: {}", "not trusted"),
    ],
)
def test_recipes_that_cannot_be_are_refused(refused, frames, recipe, said):
    (frames / "r.yaml").write_text(recipe)
    line = refused("run", "r.yaml", *BRACKET, "-o", "out.png")
    assert said in line
    assert "r.yaml" in line or "levels" in said


def test_a_step_that_misses_its_input_is_named(refused, frames):
    (frames / "r.yaml").write_text(RECIPE)
    line = refused("run", "r.yaml", "b1.png", "-o", "out.png")
    assert "FuseExposures (step 1 of 2) reads 'stack'" in line


def test_a_missing_or_binary_recipe_is_refused(refused, frames):
    assert "none.yaml: cannot be read" in refused("run", "none.yaml", "b1.png", "-o", "out.png")
    assert "b2.png: not a text file" in refused("run", "b2.png", "b1.png", "-o", "out.png")


def test_a_seed_below_nothing_is_refused(refused, frames):
    (frames / "r.yaml").write_text(RECIPE)
    assert "'--seed': -1" in refused("run", "r.yaml", *BRACKET, "-o", "out.png", "--seed", "-1")
