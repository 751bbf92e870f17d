"""The page "A method in 60 lines" says the truth: it is executed as it stands."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from sfumato.core.network import load

PAGE = Path(__file__).parents[2] / "docs" / "teach.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("my_methods", None)


def test_the_page_is_executed_from_top_to_bottom(workshop, run):
    method, *code = blocks("python")
    (config,) = blocks("yaml")
    assert len(method.splitlines()) <= 60
    (workshop / "my_methods.py").write_text(method)
    (workshop / "denoise.yaml").write_text(config)
    shared = {}
    for block in code:
        exec(compile(block, "teach.md", "exec"), shared)
    for name in ("training.yaml", "log.csv", "samples", "checkpoints", "last", "best"):
        assert (workshop / "runs" / "denoiser" / name).exists()
    text = run("evaluate", "runs/denoiser", "--trust", "my_methods", "--device", "cpu").stdout
    psnr = next(line for line in text.splitlines() if line.startswith("PSNR"))
    after, before = (float(number) for number in re.findall(r"\d+\.\d+", psnr))
    assert after > before + 1
    card = (workshop / "runs/denoiser/best/card.md").read_text()
    assert "Learn the noise, then take it away." in card
    assert load("runs/denoiser", trust=("my_methods",)).config["depth"] == 4
