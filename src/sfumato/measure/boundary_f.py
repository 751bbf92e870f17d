"""Boundary F score of label maps."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import SetMetric
from sfumato.errors import RangeError
from sfumato.measure.labels import check_label_pair, practice_labels
from sfumato.measure.nearby import boundary_bits, disc_offsets, match_bits

__all__ = ["BoundaryF"]

BLOCK = 64
"""Classes matched at a time: one bit each."""


class BoundaryF(SetMetric):
    """Say how well the outlines of label maps lie on the true ones.

    A pixel is boundary of a class where it, its right, lower and lower right
    neighbour are partly of that class. Precision is the share of predicted boundary
    pixels with a true one of the same class within the radius, recall the share of
    true ones with a predicted one, both by exact Euclidean distance, and
    F = 2 P R / (P + R). A class in neither map does not count; one without boundary
    in both (it fills them) has F = 1, in just one of them 0.

    A pair scores the mean over its classes, a set the mean over classes of the mean
    over pictures, and several radii their mean (`per_class` tells them apart).
    Usual radii are ceil(0.00088 d) for pictures of diagonal d: 1 px at 480 x 360,
    3 px at 2048 x 1024.

    Range 0 to 1, best 1. Flat maps are defined: 1 if equal.

    Args:
        radii_px: how far off a boundary pixel may lie.
        classes: number of classes, so that a label beyond them is refused; None
            takes the labels as they come.
        ignore: label of target pixels that do not count; the edge of such an area is
            no boundary, and predicted ones in it do not count.

    Shape:
        prediction and target (h, w) or (h, w, 1), integers or bool.

    Raises:
        ShapeError: the shapes differ.
        DtypeError: no integers.
        RangeError: a label is not one of the classes, or no pixel counts.

    Example:
        >>> target = np.arange(20)[None] // 10 * np.ones((8, 1), int)
        >>> prediction = np.roll(target, 2, axis=1)[:, 2:]
        >>> BoundaryF(radii_px=(1,))(prediction, target[:, 2:])
        0.0
        >>> BoundaryF(radii_px=(2,))(prediction, target[:, 2:])
        1.0

    References:
        G. Csurka, D. Larlus, F. Perronnin. What Is a Good Evaluation Measure for
        Semantic Segmentation? BMVC, 2013. doi:10.5244/C.27.32
        Y. Yuan, J. Xie, X. Chen, J. Wang. SegFix: Model-Agnostic Boundary Refinement for
        Segmentation. ECCV, 2020. arXiv:2007.04269
    """

    higher_is_better = True
    value_range = (0.0, 1.0)

    radii_px: Annotated[tuple[float, ...], Between(0.0, 100.0)] = (3.0,)
    classes: Annotated[int, Between(1, 4096)] | None = None
    ignore: int | None = None

    def check(self) -> None:
        if not self.radii_px or list(self.radii_px) != sorted(set(self.radii_px)):
            raise RangeError(
                f"BoundaryF.radii_px: expected at least one, ascending, got {self.radii_px}"
            )

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        return check_label_pair(
            prediction, target, "BoundaryF", classes=self.classes, ignore=self.ignore
        )

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        return practice_labels()

    def tally(
        self, prediction: NDArray[np.int32], target: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Give the F of each class and radius, and beside it how many pictures it sums.

        Shape:
            (classes, radii, 2).
        """
        void = target < 0
        count = self.classes or max(1, 1 + int(max(prediction.max(), target.max())))
        held = np.zeros(count, np.bool_)
        for labels in (prediction, target):
            held |= np.bincount(labels[~void].ravel(), minlength=count)[:count] > 0
        steps, ring = disc_offsets(self.radii_px)
        out = np.zeros((count, len(self.radii_px), 2))
        for first in range(0, count, BLOCK):
            a, b = (boundary_bits(labels, void, first) for labels in (prediction, target))
            drawn, right = match_bits(a, b, steps, ring, len(self.radii_px))
            there, found = match_bits(b, a, steps, ring, len(self.radii_px))
            block = slice(first, min(first + BLOCK, count))
            out[block, :, 0] = _f_scores(drawn, right, there, found)[: block.stop - first]
        out[..., 1] = held[:, None]
        out[~held] = 0.0
        return out

    def finish(self, tally: NDArray[Any]) -> float:
        values = _means(tally)
        if np.isnan(values).all():
            raise RangeError(
                "BoundaryF: no pixel counts", hint="every target pixel has the ignored label"
            )
        return float(np.nanmean(values))

    def per_class(self) -> NDArray[np.float64]:
        """Give F of each class and radius over the set so far, NaN for classes that never occur.

        Shape:
            (classes, radii).
        """
        return _means(self.total())


def _f_scores(
    drawn: NDArray[Any], right: NDArray[Any], there: NDArray[Any], found: NDArray[Any]
) -> NDArray[np.float64]:
    precision, recall = (
        part / np.maximum(whole, 1)[:, None] for part, whole in ((right, drawn), (found, there))
    )
    both = precision + recall
    score = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    score[(drawn == 0) & (there == 0)] = 1.0
    return np.asarray(score)


def _means(tally: NDArray[Any]) -> NDArray[np.float64]:
    total, count = tally[..., 0], tally[..., 1]
    values = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return np.asarray(values)
