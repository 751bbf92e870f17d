"""The one door to torch for this room, so that a missing torch is told in one place."""

from __future__ import annotations

from sfumato.errors import MissingExtraError

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError(
        f"networks need torch, which cannot be imported: {error}",
        hint='pip install "sfumato[learn]"',
    ) from error

__all__ = ["Tensor", "functional", "nn", "torch"]
