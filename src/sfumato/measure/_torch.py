"""The one door to torch, for the learned metrics only.

It stands apart so that everything else in this room works without torch, and
so that a missing torch is told in one place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import to_unit
from sfumato.errors import MissingExtraError, RangeError

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError(
        f"learned metrics need torch, which cannot be imported: {error}",
        hint='pip install "sfumato[learn]"',
    ) from error

__all__ = ["Tensor", "functional", "measuring", "nn", "on_device", "to_tensor", "torch"]


def on_device(name: str, who: str) -> torch.device:
    """Give the device of that name.

    Raises:
        RangeError: there is none.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        said = str(error).strip().partition("\n")[0]
        raise RangeError(
            f"{who}: the device {name!r} cannot be used: {said}", hint="device='cpu' always can"
        ) from error
    return device


def to_tensor(stack: NDArray[np.generic], device: torch.device) -> Tensor:
    """Turn pictures (n, h, w, c) into a tensor (n, c, h, w) with white at 1."""
    planes = np.ascontiguousarray(to_unit(stack).transpose(0, 3, 1, 2))
    return torch.from_numpy(planes).to(device)


@contextlib.contextmanager
def measuring() -> Iterator[None]:
    """Compute without gradients, and on GPUs in full single precision.

    Convolutions with shortened mantissas move a score in the third digit.
    """
    exact = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    with torch.inference_mode(), exact:
        yield
