"""Names of transforms of geometry that albumentations 1.3 had and 2.0 dropped."""

from __future__ import annotations

from sfumato.augment.affine import Affine
from sfumato.augment.crop_and_pad import CropAndPad
from sfumato.augment.perspective import Perspective
from sfumato.augment.piecewise_affine import PiecewiseAffine
from sfumato.augment.symmetries import HorizontalFlip, VerticalFlip

__all__ = [
    "IAAAffine",
    "IAACropAndPad",
    "IAAFliplr",
    "IAAFlipud",
    "IAAPerspective",
    "IAAPiecewiseAffine",
]


class IAAAffine(Affine):
    """`Affine` under its older name."""

    legacy = {**Affine.legacy, "order": None}


class IAACropAndPad(CropAndPad):
    """`CropAndPad` under its older name."""


class IAAFliplr(HorizontalFlip):
    """`HorizontalFlip` under its older name."""


class IAAFlipud(VerticalFlip):
    """`VerticalFlip` under its older name."""


class IAAPerspective(Perspective):
    """`Perspective` under its older name."""


class IAAPiecewiseAffine(PiecewiseAffine):
    """`PiecewiseAffine` under its older name."""

    legacy = {**PiecewiseAffine.legacy, "order": None}
