"""Transforms that make one picture of several; base of the mixes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sfumato.augment._motion import Resampling
from sfumato.augment._partners import Partner, read_partner
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import Transform
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FieldError

__all__ = ["MixTransform"]


class MixTransform(Transform):
    """Make one picture of several, with their masks, boxes and key points.

    Called with a list of samples, ``mix([a, b, c], rng)``, it varies the first and takes what it
    needs of the others, which it calls partners. In a `Compose` partners come by name, each as a
    dict with the names of the call (or as a `Sample`), in the format that ``bbox_params`` says
    and with the lists that ``label_fields`` names: ``compose(image=..., bboxes=...,
    mosaic_metadata=[{"image": ..., "bboxes": ...}])``. In a sample they stand in ``meta`` under
    the same word. What the call has, every partner must have; boxes keep their further columns.
    Lists of pictures or of masks, and stacks, are refused.

    Args:
        metadata_key: the name under which partners come.
    """

    writes = ("image", "target", "hint", "mask", "depth", "keypoints", "boxes")
    least: ClassVar[int] = 1
    """How many partners there must be."""

    metadata_key: str = "mix_metadata"

    @abstractmethod
    def mix(self, targets: Targets, params: Params) -> None:
        """Change the targets by what was drawn; draws nothing."""

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        self.mix(targets, params)
        if targets.tidy is not None:
            targets.tidy(targets)

    def others(self, targets: Targets) -> list[Any]:
        """Give the partners of the call as they came.

        Raises:
            FieldError: there are none, or too few.
            DtypeError: one is neither a sample nor a dict.
        """
        who, key = type(self).__name__, self.metadata_key
        given = targets.extras.get(key)
        if given is None or len(given) < self.least:
            raise FieldError(
                f"{who} needs other pictures to mix with, in '{key}'",
                hint=f"call it with a list of samples, or with {key}=[{{'image': ...}}]",
            )
        for k, item in enumerate(given):
            if not isinstance(item, (Sample, Mapping)):
                kind = type(item).__name__
                raise DtypeError(f"{who}: {key}[{k}] must be a Sample or a dict, got {kind}")
        return list(given)

    def partner(self, targets: Targets, number: int) -> Partner:
        """Read one partner; -1 is the picture of the call itself."""
        others = self.others(targets)
        if number >= len(others):
            raise FieldError(
                f"{type(self).__name__}: the record asks for partner {number + 1} "
                f"of {len(others)} in '{self.metadata_key}'"
            )
        return read_partner(
            others[number] if number >= 0 else None, number, targets, type(self).__name__
        )

    def fitted(self, targets: Targets, number: int) -> Partner:
        """Read one partner and scale it to the size of the picture; labels are not blended."""
        masks = dict.fromkeys(targets.masks, Resampling("nearest"))
        return self.partner(targets, number).scaled(targets.size, Resampling("linear"), masks)

    def practice_samples(self) -> tuple[Sample, ...]:
        """Give samples with partners in gray and color, of each dtype."""
        return tuple(
            _practice(dtype, channels, self.metadata_key)
            for dtype in (np.uint8, np.uint16, np.float32)
            for channels in (1, 3)
        )

    def __call__(self, picture: Any = None, /, rng: Any = None, **fields: Any) -> Any:
        """See `Operator`; a list of samples gives one sample."""
        several = isinstance(picture, (list, tuple)) and len(picture) > 0
        if not several or not isinstance(picture[0], Sample):
            return super().__call__(picture, rng, **fields)
        first, *others = picture
        key = self.metadata_key
        result = super().__call__(first.but(meta={**first.meta, key: others}), rng, **fields)
        kept = {name: value for name, value in result.meta.items() if name != key}
        return result.but(meta=kept)


def _practice(dtype: Any, channels: int, key: str) -> Sample:
    """Make a sample with two partners, each with two objects, a box and a point on each."""
    chance = np.random.default_rng(3)

    def one(size: tuple[int, int], **more: Any) -> Sample:
        values = chance.random((*size, channels), np.float32)
        scale = 1 if dtype is np.float32 else np.iinfo(dtype).max
        mask = np.zeros(size, np.uint8)
        mask[2:9, 3:12], mask[12:20, 10:22] = 1, 2
        boxes = np.array([[2.5, 1.5, 11.5, 8.5], [9.5, 11.5, 21.5, 19.5]], np.float32)
        points = np.array([[5, 4], [15, 15]], np.float32)
        image = (values * scale).astype(dtype)
        return Sample(image, mask=mask, boxes=boxes, keypoints=points, **more)

    return one((24, 31), meta={key: [one((24, 31)), one((30, 26))]})
