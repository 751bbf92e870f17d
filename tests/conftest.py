"""What many tests share: seeded numbers, small pictures, the optional real data."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent / "support"))  # classes that several tests share

# No test asserts a time: the first example may wait for a compilation, or the machine be busy.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let weights that a test draws be the same in every order of the tests."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(20261121)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(20261121)


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """A small colour picture with flat, smooth and textured parts, odd in both sizes."""
    y, x = np.mgrid[0:61, 0:83].astype(np.float32)
    red = x / 82
    green = 0.5 + 0.5 * np.sin(x * y / 60)
    blue = ((x - 40) ** 2 + (y - 30) ** 2 < 300).astype(np.float32)
    return np.rint(255 * np.stack([red, green, blue], axis=-1)).astype(np.uint8)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Find a folder or file of the real data; the test is skipped where it is not there."""
    root = Path(os.environ.get("SFUMATO_DATA", Path(__file__).parents[2] / "shared" / "data"))

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"real data '{name}' not found: set SFUMATO_DATA to its folder")
        return path

    return find
