"""What the examples in docstrings may use without importing it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

collect_ignore: list[str] = []
if importlib.util.find_spec("torch") is None:
    learned = ("_inception", "_lpips_trunks", "_torch", "_weights", "inception_features", "lpips")
    collect_ignore += [f"src/sfumato/measure/{name}.py" for name in learned]


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace["np"] = np
