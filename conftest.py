"""What the examples in docstrings may use without importing it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

collect_ignore: list[str] = []
if importlib.util.find_spec("torch") is None:
    learned = ("_inception", "_lpips_trunks", "_torch", "inception_features", "lpips")
    collect_ignore += [f"src/sfumato/measure/{name}.py" for name in learned]
    collect_ignore += ["src/sfumato/nn", "tests/nn", "src/sfumato/segment", "tests/segment"]
    collect_ignore += ["src/sfumato/generate", "tests/generate"]
    learned = ("adaptive_lut", "lut_predictor", "published_lut", "torch_tables")
    collect_ignore += [f"src/sfumato/color/{name}.py" for name in learned]
    learned = ("batch", "method", "network", "any_size", "tensors", "weights")
    collect_ignore += [f"src/sfumato/core/{name}.py" for name in learned]


def pytest_configure(config: pytest.Config) -> None:
    """Throw away compiled loops that are older than any source of loops.

    numba notices a change of the file that it compiles, not of loops in other files that are
    compiled into it: a test would then run the code of yesterday.
    """
    if hasattr(config, "workerinput"):
        return  # the parent has done it
    source = Path(__file__).parent / "src" / "sfumato"
    loops = [f for f in source.rglob("*.py") if "@compiled" in f.read_text(encoding="utf-8")]
    newest = max(f.stat().st_mtime for f in (*loops, source / "core" / "compiled.py"))
    for index in source.rglob("__pycache__/*.nbi"):
        if index.stat().st_mtime < newest:
            index.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace["np"] = np
