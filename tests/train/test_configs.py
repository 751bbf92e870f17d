"""Every config in the repository can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfumato.train.run import TrainingRun

ROOT = Path(__file__).parents[2] / "configs"
CONFIGS = sorted(ROOT.rglob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=[str(p.relative_to(ROOT)) for p in CONFIGS])
def test_a_config_describes_a_training(path):
    run = TrainingRun.read(path)
    assert run.method.parameter_count > 0
    assert run.out.parts[0] == "runs"
