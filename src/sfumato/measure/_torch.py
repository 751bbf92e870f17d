"""What the learned metrics need of torch; everything else in this room works without it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import to_unit
from sfumato.core.tensors import Tensor, functional, nn, on_device, torch

__all__ = ["Tensor", "functional", "measuring", "nn", "on_device", "to_tensor", "torch"]


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
