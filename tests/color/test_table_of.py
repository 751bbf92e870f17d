"""Any pipeline that changes colors only becomes a table; others are refused."""

from __future__ import annotations

import numpy as np
import pytest

import sfumato as sf
from sfumato.color.color_table import lattice
from sfumato.color.table_of import table_of
from sfumato.color.tone import Tone
from sfumato.core.operator import ImageOperator
from sfumato.errors import FieldError, RangeError


class Dice(ImageOperator):
    """Brighten by chance."""

    def apply_image(self, image, rng):
        return (image * rng.uniform(0.5, 1.0)).astype(image.dtype)


class Normalizes(ImageOperator):
    """Look at the picture as a whole, and not at where."""

    def apply_image(self, image, rng):
        return (image / (0.1 + image[0, 0, 0])).astype(image.dtype)


class Breaks(ImageOperator):
    """Give what is no number."""

    def apply_image(self, image, rng):
        return np.full_like(image, np.nan)


def test_the_entries_are_what_the_pipeline_makes_of_their_colors():
    steps = sf.Pipeline(steps=(Tone(gamma=1.5), Tone(contrast=0.4)))
    table = table_of(steps, size=9, title="look")
    np.testing.assert_array_equal(
        table.values.reshape(81, 9, 3), steps(lattice(9).reshape(81, 9, 3))
    )
    assert table.title == "look"


def test_a_picture_through_the_table_is_the_picture_through_the_pipeline(picture):
    tone = Tone(contrast=0.4, shadows=0.2)
    gap = np.abs(table_of(tone, size=65)(picture).astype(int) - tone(picture).astype(int))
    # Where a color reaches white the tone has a kink, which no lattice shows exactly.
    assert np.quantile(gap, 0.995) <= 1
    assert gap.max() <= 8


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (sf.raster.Sharpen(amount=1.0), "more than the color of a pixel"),
        (sf.raster.Resize(long_side_px=8), "makes"),
        (Dice(), "chance"),
        (Normalizes(), "more than the color"),
        (sf.capture.FuseExposures(), "needs 'stack'"),
    ],
)
def test_what_does_more_than_change_colors_is_refused(operator, message):
    with pytest.raises(FieldError, match=message):
        table_of(operator, size=9)


def test_results_that_are_no_numbers_are_refused():
    with pytest.raises(RangeError, match="NaN"):
        table_of(Breaks(), size=3)
