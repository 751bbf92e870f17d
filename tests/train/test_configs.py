"""Every config in the repository can be read."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from sfumato.train.run import TrainingRun

ROOT = Path(__file__).parents[2] / "configs"
CONFIGS = sorted(ROOT.rglob("*.yaml"))
PUBLISHED = [path for path in CONFIGS if "generate.StableDiffusion" in path.read_text()]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A folder that holds a small checkpoint, as such a config expects it."""
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    from tiny_checkpoint import pipeline

    folder = tmp_path_factory.mktemp("published")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline().save_pretrained(folder / "checkpoint", safe_serialization=True)
    return folder


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("path", CONFIGS, ids=[str(p.relative_to(ROOT)) for p in CONFIGS])
def test_a_config_describes_a_training(path, request, monkeypatch):
    if path in PUBLISHED:
        monkeypatch.chdir(request.getfixturevalue("checkpoint"))
    run = TrainingRun.read(path)
    assert run.method.parameter_count > 0
    assert run.out.parts[0] == "runs"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("path", PUBLISHED, ids=[path.stem for path in PUBLISHED])
def test_a_config_for_a_published_checkpoint_trains(path, checkpoint, monkeypatch):
    import numpy as np

    from sfumato.io.picture import write

    monkeypatch.chdir(checkpoint)
    rng = np.random.default_rng(0)
    for name, channels in (("hint", 1), ("picture", 3)):
        noise = rng.integers(0, 255, (40, 48, channels)).astype(np.uint8)
        write(f"{name}.png", noise, overwrite=True)
    row = '{"source": "hint.png", "target": "picture.png", "prompt": "a hill"}\n'
    Path("pairs.jsonl").write_text(row * 2)
    small = ("data.augment.size=[32, 32]", "data.batch_size=2", "data.workers=0",
             "recipe.device=cpu", "recipe.precision=fp32")  # fmt: skip
    TrainingRun.read(path, changes=small).check_works()
    assert len(PUBLISHED) == 2
