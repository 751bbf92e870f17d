"""Gather the labels of a data set into the classes that a network shall tell apart."""

from __future__ import annotations

import numpy as np

from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, RangeError

__all__ = ["Relabel"]


class Relabel(Operator):
    """Number labels anew: class k is where the mask has one of the labels of group k.

    Args:
        groups: the old labels of class 0, of class 1, and so on.
        other: the new label of whatever is in no group.

    Shape:
        reads and writes ``mask`` (h, w); it comes back as int32.

    Raises:
        RangeError: a label is in two groups, there are no groups, or ``other`` is a class.
        DtypeError: the mask holds no integers or bool.
        FieldError: there is no mask.

    Example:
        >>> sample = Sample(np.zeros((1, 4, 1), np.uint8), mask=np.array([[-1, 7, 8, 3]]))
        >>> Relabel(groups=((3,), (7, 8)))(sample).mask.tolist()
        [[255, 1, 1, 0]]
    """

    reads = ("mask",)
    writes = ("mask",)

    groups: tuple[tuple[int, ...], ...]
    other: int = 255

    _example = {"groups": ((0,), (1,))}

    def check(self) -> None:
        labels = [label for group in self.groups for label in group]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise RangeError(f"Relabel.groups: the label {twice[0]} is in two groups")
        if not labels:
            raise RangeError("Relabel.groups: there are no labels in it")
        if 0 <= self.other < len(self.groups):
            raise RangeError(
                f"Relabel.other: {self.other} is one of the {len(self.groups)} classes",
                hint="255 or -1 are none, and let networks ignore it; or make it a group",
            )

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        mask = np.asarray(sample.require("mask", "Relabel"))
        if mask.dtype.kind not in "bui":
            raise DtypeError(f"Relabel: the mask must hold integers or bool, got {mask.dtype}")
        new = {label: number for number, group in enumerate(self.groups) for label in group}
        labels, places = np.unique(mask, return_inverse=True)
        table = np.array([new.get(int(label), self.other) for label in labels], np.int32)
        return sample.but(mask=table[places.reshape(mask.shape)])
