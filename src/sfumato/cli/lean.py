"""Start compiled loops without loading what they do not use."""

from __future__ import annotations

import gc
import sys

__all__ = ["import_numba"]

UNUSED = ("scipy", "scipy.linalg.cython_blas", "coverage")
"""What numba looks for and does without where it is not installed: its BLAS, which none of our
loops uses, and a tool that measures tests. SciPy alone costs more than numba itself."""


def import_numba() -> None:
    """Import numba, for a command that has nothing else to do in this process."""
    if "numba" in sys.modules:
        return
    hidden = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be found
    # What an import makes stays: looking for garbage meanwhile, and among it later, is in vain.
    gc.disable()
    try:
        import numba.np.arraymath  # noqa: F401  (asks for BLAS when it is imported)
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.freeze()
        gc.enable()
