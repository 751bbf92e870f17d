"""The page "Train your own control" says the truth: it is executed as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from sfumato.cli.main import group
from sfumato.io.picture import read

PAGE = Path(__file__).parents[2] / "docs" / "train-control.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def test_the_page_is_executed_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, config in zip(("control", "adapter"), blocks("yaml"), strict=True):
        (tmp_path / f"{name}.yaml").write_text(config)
    shared: dict = {}
    for block in blocks("python"):
        exec(compile(block, "train-control.md", "exec"), shared)
    for name in ("control", "adapter"):
        assert (tmp_path / "runs" / name / "last" / "weights.safetensors").stat().st_size < 10**7
    words = next(b for b in blocks("console") if "sfumato generate" in b)
    command = words.replace("\\\n", " ").removeprefix("$ sfumato ").strip()
    typed = re.findall(r'"[^"]*"|\S+', command)
    result = CliRunner().invoke(group, [w.strip('"') for w in typed] + ["--steps", "2"])
    assert result.exit_code == 0, result.output
    assert read("steered.png").image.shape == (64, 64, 3)
