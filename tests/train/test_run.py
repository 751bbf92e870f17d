from __future__ import annotations

import numpy as np
import pytest
from small_methods import Denoiser

from sfumato.core.network import load
from sfumato.core.spec import from_yaml, parse_yaml, to_yaml
from sfumato.errors import RangeError, SpecError
from sfumato.io.picture import write
from sfumato.measure.psnr import PSNR
from sfumato.train.run import TrainingRun, changed_spec

TRUST = ("small_methods",)
CONFIG = """
method:
  small_methods:Denoiser:
    trunk:
      small_methods:Trunk: {width: 3}
data:
  data.Loader:
    source:
      data.PicturePairs: {images: FOLDER/in, targets: FOLDER/out}
    batch_size: 2
validation:
  data.Loader:
    source:
      data.PicturePairs: {images: FOLDER/in, targets: FOLDER/out}
recipe:
  train.Recipe: {steps: 4, lr: 1.0e-3, device: cpu}
metrics: [measure.PSNR]
out: FOLDER/run
"""


@pytest.fixture
def config(tmp_path):
    rng = np.random.default_rng(0)
    for role in ("in", "out"):
        (tmp_path / role).mkdir()
        for k in range(3):
            write(tmp_path / role / f"{k}.png", rng.integers(0, 256, (8, 8, 3), np.uint8))
    path = tmp_path / "train.yaml"
    path.write_text(CONFIG.replace("FOLDER", str(tmp_path)))
    return path


def test_a_written_training_runs(config):
    run = TrainingRun.read(config, trust=TRUST)
    assert run.metrics == (PSNR(),)
    report = run.run()
    assert report.steps == 4
    assert report.scores["PSNR"] > 0
    assert isinstance(load(run.out, trust=TRUST), Denoiser)
    again = from_yaml(to_yaml(run), trust=TRUST)
    assert to_yaml(again) == to_yaml(run)


def test_new_weights_follow_from_the_seed_of_the_recipe(config):
    one, other, third = (
        next(
            TrainingRun.read(config, trust=TRUST, changes=(f"recipe.seed={k}",)).method.parameters()
        )
        for k in (1, 1, 2)
    )
    assert one.equal(other)
    assert not one.equal(third)


def test_settings_are_changed_on_the_way_in(config):
    run = TrainingRun.read(
        config,
        trust=TRUST,
        changes=(
            "recipe.steps=2", "recipe.ema=0.9", "data.batch_size=1",
            "metrics.0=measure.SSIM", "metrics=[]", "out=elsewhere", "method.trunk.depth=3",
        ),
    )  # fmt: skip
    assert (run.recipe.steps, run.recipe.ema, run.data.batch_size) == (2, 0.9, 1)
    assert run.metrics == ()
    assert str(run.out) == "elsewhere"
    assert run.method.trunk.config["depth"] == 3


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ("recipe.stepps=3", SpecError, "train.Recipe has no setting 'stepps'.*\n.*'steps'"),
        ("recipt.steps=3", SpecError, "no setting 'recipt'.*\n.*'recipe'"),
        ("recipe.steps", SpecError, "write it as"),
        ("recipe.steps.more=3", SpecError, "leads nowhere"),
        ("metrics.4=measure.PSNR", SpecError, "leads nowhere"),
        ("recipe.steps=0", RangeError, "Recipe.steps"),
        ("method.trunk.widht=3", SpecError, "did you mean 'width'"),
        ("data.source.images=[", SpecError, "not valid YAML"),
    ],
)
def test_changes_with_a_typo_are_refused(config, change, error, said):
    with pytest.raises(error, match=said):
        TrainingRun.read(config, trust=TRUST, changes=(change,))


def test_a_change_leaves_the_form_it_came_from_alone():
    spec = parse_yaml("train.Recipe: {steps: 3}")
    assert changed_spec(spec, "steps=4") == {"train.Recipe": {"steps": 4}}
    assert spec == {"train.Recipe": {"steps": 3}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1\n", "expected settings"),
        ("method: 3\n", "'data' is missing"),
        ("train.Recipe: {steps: 3}\n", "unexpected setting 'train.Recipe'"),
        ("methd: 3\ndata: 4\n", "did you mean 'method'"),
        ("method: {raster.Resize: {long_side_px: 3}}\ndata: 3\n", "bad.yaml: .*expected Method"),
    ],
)
def test_a_config_that_is_none_is_refused_with_its_name(tmp_path, text, said):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(Exception, match=said):
        TrainingRun.read(path)
