"""Compiled loops start without what they do not use, and leave it to be had by others."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from sfumato.cli.lean import import_numba
import_numba()
import_numba()
print("scipy" in sys.modules, "scipy.linalg.cython_blas" in sys.modules, "numba" in sys.modules)
import numba, numpy
assert numba.njit(lambda x: x.sum())(numpy.arange(4)) == 6
import scipy.linalg.cython_blas
print(sys.modules["scipy"] is scipy)
"""


def test_numba_comes_without_scipy_which_can_be_imported_afterwards():
    pytest.importorskip("scipy")
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False", "True", "True"]
