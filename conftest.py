"""What the examples in docstrings may use without importing it."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace["np"] = np
