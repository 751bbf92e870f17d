"""Loops compiled by numba, kept on disk where there is a place to keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["compiled"]

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # Not "reassoc": differences must be taken as they are written, so that flat areas give 0.
    # Not "nnan" or "ninf": comparisons must hold for every float.
    "fastmath": {"contract", "nsz", "arcp", "afn"},
}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call, and keep the result for the next process.

    Threads are the caller's: the loops release the interpreter lock and start none.
    """
    try:
        return njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # neither the package nor the user's cache folder can be written
        return njit(**OPTIONS)(function)
