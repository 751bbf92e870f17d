"""Torch for those who build on this room; it comes in by the door of core."""

from __future__ import annotations

from sfumato.core.tensors import Tensor, functional, nn, torch

__all__ = ["Tensor", "functional", "nn", "torch"]
