"""Contact sheets: every picture in its place."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.errors import RangeError, ShapeError
from sfumato.raster import contact_sheet


def test_pictures_lie_row_by_row_with_gaps():
    pictures = [np.full((4, 6, 3), 40 * k, np.uint8) for k in range(1, 6)]
    sheet = contact_sheet(pictures, columns=3, gap_px=2)
    assert sheet.shape == (2 + 2 * 6, 2 + 3 * 8, 3)
    for k in range(5):
        row, column = divmod(k, 3)
        part = sheet[2 + 6 * row : 6 + 6 * row, 2 + 8 * column : 8 + 8 * column]
        np.testing.assert_array_equal(part, pictures[k])
    assert len(np.unique(sheet[8:, 18:])) == 1, "the last place is paper"


def test_gray_and_color_and_alpha_share_a_sheet_of_color():
    pictures = [np.full((4, 4, c), 200, np.uint8) for c in (1, 3, 4)]
    pictures[2][..., 3] = 255
    sheet = contact_sheet(pictures, columns=3, gap_px=0)
    assert sheet.shape == (4, 12, 3)
    assert (sheet == 200).all()


def test_large_pictures_are_reduced_to_the_cell():
    sheet = contact_sheet([np.full((30, 60, 1), 0.5, np.float32)], gap_px=0, cell_px=20)
    assert sheet.shape == (10, 20, 1)
    np.testing.assert_allclose(sheet, 0.5)


def test_what_makes_no_sheet_is_refused():
    with pytest.raises(ShapeError, match="no pictures"):
        contact_sheet([])
    with pytest.raises(ShapeError, match="got 2"):
        contact_sheet([np.zeros((2, 2, 2), np.uint8)])
    with pytest.raises(RangeError, match="from 1 on"):
        contact_sheet([np.zeros((2, 2, 1), np.uint8)], columns=0)
