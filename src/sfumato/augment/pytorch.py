"""Where code written for albumentations looks for `ToTensorV2`."""

from __future__ import annotations

from sfumato.augment.to_tensor import ToTensorV2

__all__ = ["ToTensorV2"]
