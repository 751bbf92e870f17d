from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FieldError, RangeError
from sfumato.segment.relabel import Relabel
from sfumato.testing import check_operator


def test_it_keeps_the_contract_of_operators():
    check_operator(Relabel(groups=((1,), (0,))))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.int16])
def test_it_is_a_look_up_of_every_pixel(dtype, rng):
    mask = rng.integers(0, 9, (11, 6)).astype(dtype)
    out = Relabel(groups=((4, 2), (0,), (8,)), other=-1)(
        Sample(np.zeros((11, 6, 1), np.uint8), mask=mask)
    ).mask
    table = {4: 0, 2: 0, 0: 1, 8: 2}
    assert out.tolist() == [[table.get(v, -1) for v in row] for row in mask.tolist()]


def test_groups_that_contradict_each_other_are_refused():
    with pytest.raises(RangeError, match="label 1 is in two groups"):
        Relabel(groups=((0, 1), (1,)))
    with pytest.raises(RangeError, match="no labels"):
        Relabel(groups=())
    with pytest.raises(RangeError, match="other: 1 is one of the 2 classes"):
        Relabel(groups=((0,), (1,)), other=1)


def test_what_is_no_label_map_is_refused():
    relabel, image = Relabel(groups=((0,),)), np.zeros((2, 2, 1), np.uint8)
    with pytest.raises(FieldError, match="mask"):
        relabel(Sample(image))
    with pytest.raises(DtypeError, match="float64"):
        relabel(Sample(image, mask=np.zeros((2, 2))))
