"""MixUp: two pictures, weighted and added."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._partners import join, planes_of
from sfumato.augment._targets import Params, Targets
from sfumato.augment.mix_transform import MixTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng

__all__ = ["MixUp"]


class MixUp(MixTransform):
    """Weigh two pictures and add them.

    The result is ``share * picture + (1 - share) * partner``, with the share drawn from
    Beta(alpha, alpha) and the partner scaled to the size of the picture. Boxes and key points of
    both are kept. Labels of a mask cannot be weighed: the mask is that of the larger share.
    ``mixup`` in the result (in ``meta`` of a sample) holds ``shares``, one of each picture, and
    ``labels``, what each had under ``label_key``; a loss is weighed by them.

    From Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Args:
        alpha: 0.1 to 0.4 for classifying, larger for a stronger mix.
        label_key: the name of the label of a whole picture.

    Raises:
        FieldError: there is no partner, or it lacks what the picture has.

    Example:
        >>> from sfumato.core import Sample
        >>> dark, light = (Sample(np.full((4, 4, 1), v, np.uint8)) for v in (0, 200))
        >>> mixed = MixUp(p=1)([dark, light], 3)
        >>> bool(abs(mixed.image[0, 0, 0] - 200 * mixed.meta["mixup"]["shares"][1]) < 0.51)
        True
    """

    alpha: Annotated[float, Between(1e-3, 1e3)] = 0.2
    label_key: str = "label"
    metadata_key: str = "mixup_metadata"

    def draw(self, rng: Rng, targets: Targets) -> Params:
        number = int(rng.integers(len(self.others(targets))))
        return {"partner": number, "share": float(rng.beta(self.alpha, self.alpha))}

    def mix(self, targets: Targets, params: Params) -> None:
        share = params["share"]
        other = self.fitted(targets, params["partner"])
        for group, name, own in planes_of(targets, type(self).__name__):
            theirs = other.planes[name]
            if group is targets.masks:
                group[name] = own if share >= 0.5 else theirs.copy()
            else:
                group[name] = _weighed(own, theirs, share)
        for kind, tables in (("boxes", other.boxes), ("keypoints", other.keypoints)):
            for name, table in tables.items():
                join(targets, kind, name, table, other)
        labels = (targets.extras.get(self.label_key), other.fields.get(self.label_key))
        targets.facts["mixup"] = {"shares": (share, 1.0 - share), "labels": labels}


def _weighed(own: NDArray[Any], theirs: NDArray[Any], share: float) -> NDArray[Any]:
    """Add two planes; rounded to the nearest where values are whole."""
    flat = (own.shape[0], -1)
    mixed = cv2.addWeighted(own.reshape(flat), share, theirs.reshape(flat), 1.0 - share, 0.0)
    return np.asarray(mixed).reshape(own.shape)
