from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfumato.core.shapes import from_unit, full_range, stack_frames, to_unit
from sfumato.errors import DtypeError, ShapeError

DTYPES = [np.uint8, np.uint16]


@given(st.sampled_from(DTYPES).flatmap(lambda d: hnp.arrays(d, (3, 4, 2))))
def test_integers_survive_the_way_to_unit_range_and_back(image):
    np.testing.assert_array_equal(from_unit(to_unit(image), image.dtype), image)


def test_full_range_is_white():
    assert [full_range(d) for d in (np.uint8, np.uint16, np.float32)] == [255, 65535, 1]
    with pytest.raises(DtypeError, match="float64"):
        full_range(np.float64)


def test_from_unit_rounds_and_clips_integers_and_keeps_floats():
    values = np.array([-0.2, 0.5 / 255, 0.5009 / 255 * 1.5, 1.7])
    np.testing.assert_array_equal(from_unit(values, np.uint8), [0, 0, 1, 255])
    np.testing.assert_allclose(from_unit(values, np.float32), values.astype(np.float32))


def test_to_unit_never_hands_out_the_callers_memory():
    image = np.ones((2, 2, 1), np.float32)
    assert not np.shares_memory(to_unit(image), image)


def test_the_first_odd_frame_is_named():
    a, b = np.zeros((3, 4, 3), np.uint8), np.zeros((4, 3, 3), np.uint8)
    with pytest.raises(ShapeError, match="frame 3 is 3 x 4 px with 3 channels, frame 1 is 4 x 3"):
        stack_frames([a, a, b], "Fuse")
    with pytest.raises(DtypeError, match="frame 2 is uint16"):
        stack_frames([a, a.astype(np.uint16)], "Fuse")
    with pytest.raises(ShapeError, match="no frames"):
        stack_frames([], "Fuse")
