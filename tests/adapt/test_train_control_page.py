"""The page "Train your own control" says the truth: it is executed as it stands."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sfumato.cli.main import group
from sfumato.io.picture import read

PAGE = Path(__file__).parents[2] / "docs" / "train-control.md"
FIRST, SECOND = PAGE.read_text(encoding="utf-8").split("## On Stable Diffusion")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def execute(text: str, shared: dict) -> None:
    for block in blocks(text, "python"):
        exec(compile(block, "train-control.md", "exec"), shared)


def typed(text: str) -> list[list[str]]:
    """Give the words of every command that is typed."""
    whole = "\n".join(blocks(text, "console")).replace("\\\n", " ")
    lines = (line for line in whole.splitlines() if line.startswith("$ sfumato "))
    return [shlex.split(line)[2:] for line in lines]


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Walk down the page to where Stable Diffusion begins, and stay there."""
    folder = tmp_path_factory.mktemp("page")
    shared: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, config in zip(("control", "adapter"), blocks(FIRST, "yaml"), strict=True):
            Path(f"{name}.yaml").write_text(config)
        execute(FIRST, shared)
        yield shared


def test_the_page_is_executed_from_top_to_bottom(walked):
    for name in ("control", "adapter"):
        assert Path("runs", name, "last", "weights.safetensors").stat().st_size < 10**7
    words = next(words for words in typed(FIRST) if words[0] == "generate")
    result = CliRunner().invoke(group, [*words, "--steps", "2"])
    assert result.exit_code == 0, result.output
    assert read("steered.png").image.shape == (64, 64, 3)


def test_so_is_what_it_says_of_stable_diffusion(walked):
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    from tiny_checkpoint import awake, pipeline

    from sfumato.core.network import load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline().save_pretrained("checkpoint", safe_serialization=True)
    (config,) = blocks(SECOND, "yaml")
    Path("edges.yaml").write_text(config)
    for words in typed(SECOND):
        more = ["--steps", "2"] if words[0] == "generate" else []
        result = CliRunner().invoke(group, [*words, *more])
        assert result.exit_code == 0, result.output
        if words[0] == "train":  # two steps teach nothing that could be seen
            run = load("runs/edges")
            awake(run.adapter, 7)
            run.save("runs/edges/last")
    star = read("star.png").image
    np.testing.assert_array_equal(read("again.png").image, star)
    execute(SECOND, walked)
