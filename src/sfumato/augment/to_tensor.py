"""Hand pictures over to torch."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import numpy as np

from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import Transform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.errors import MissingExtraError

__all__ = ["ToTensorV2"]


class ToTensorV2(Transform):
    """Hand pictures over to torch: (h, w, c) arrays become (c, h, w) tensors of the same dtype.

    Only in calls by name; a `Sample` stays as it is, since `Batch` is its way to torch.

    Args:
        transpose_mask: masks (h, w, c) become (c, h, w) too.

    Raises:
        MissingExtraError: torch is not installed.
    """

    transpose_mask: bool = False
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    alters = ("tensor", "channels", "dtype")

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        return sample

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        targets.change_images(lambda image: _tensor(image.transpose(2, 0, 1)))
        if targets.masks:
            targets.change_masks(self._mask)
        if targets.tidy is not None:
            targets.tidy(targets)

    def _mask(self, mask: Any) -> Any:
        turned = self.transpose_mask and mask.ndim == 3
        return _tensor(mask.transpose(2, 0, 1) if turned else mask)


def _tensor(array: Any) -> Any:
    try:
        torch = importlib.import_module("torch")  # only here: augment runs without it
    except ImportError as error:
        raise MissingExtraError(
            f"ToTensorV2 needs torch, which cannot be imported: {error}",
            hint='pip install "sfumato[learn]"',
        ) from error
    return torch.from_numpy(np.array(array, order="C"))
