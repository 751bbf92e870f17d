"""The way back through a table, and an honest word about what is lost."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.color.color_table import ColorTable, lattice
from sfumato.color.table_inverse import invert_table
from sfumato.color.table_report import examine_table
from sfumato.errors import RangeError


def test_a_linear_table_is_inverted_exactly():
    matrix = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.0, 0.2, 0.8]])
    table = ColorTable((lattice(9) @ matrix.T).astype(np.float32))
    inverse, report = invert_table(table)
    colors = np.random.default_rng(1).uniform(0.3, 0.7, (1, 200, 3)).astype(np.float32)
    mixed = (colors @ matrix.T).astype(np.float32)
    # Away from the border of what it can produce, the inverse is the inverse matrix.
    inside = np.abs(inverse.look_up(mixed) - colors).max(axis=2)
    assert np.quantile(inside, 0.9) < 1e-3
    assert 0.2 < report.reachable < 0.9


def test_a_bent_table_comes_back_within_the_reported_error():
    matrix = np.array([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]])
    table = ColorTable((lattice(17) ** 0.8 @ matrix.T).astype(np.float32))
    inverse, report = invert_table(table, size=65)
    colors = np.random.default_rng(7).random((1, 3000, 3)).astype(np.float32)
    gap = np.abs(inverse.look_up(table.look_up(colors)) - colors).max(axis=2)
    assert report.mean_error == pytest.approx(gap.mean(), rel=0.2)
    assert report.mean_error < 4e-3
    assert report.mean_error <= report.p99_error <= report.max_error


def test_the_identity_is_its_own_inverse():
    inverse, report = invert_table(ColorTable.identity(9))
    np.testing.assert_allclose(inverse.values, lattice(9), atol=1e-5)
    assert report.reachable == 1.0
    assert report.max_error < 1e-5


def test_what_was_made_equal_is_reported_as_lost():
    crushed = ColorTable(np.clip(2 * lattice(9) - 0.5, 0, 1).astype(np.float32))
    assert invert_table(crushed)[1].max_error > 0.2


def test_what_cannot_be_inverted_is_refused():
    with pytest.raises(RangeError, match="constant"):
        invert_table(ColorTable(np.zeros((3, 3, 3, 3), np.float32)))
    curve = np.linspace(0, 1, 5, dtype=np.float32)[:, None].repeat(3, 1)
    with pytest.raises(RangeError, match="shaper"):
        invert_table(ColorTable.identity(3).but(shaper=curve))


def test_a_report_finds_what_was_put_in():
    assert examine_table(ColorTable.identity(9)).change == 0.0
    values = lattice(9).copy()
    values[..., 0] = 1.5 - values[..., 0]
    report = examine_table(ColorTable(values))
    assert report.falling == pytest.approx(1 / 3)
    assert report.folded == 1.0
    assert report.high == (1.5, 1.0, 1.0)
    assert report.outside == pytest.approx(4 / 9 / 3)
    assert report.grey_drift == pytest.approx(1.5)
    bent = lattice(3).copy()
    bent[:, :, 1, 0] += 0.1  # one kink along red, 0.2 of second difference in cells of 1/2
    report = examine_table(ColorTable(bent))
    assert report.roughest == pytest.approx(0.4, rel=1e-5)
    assert report.roughness == pytest.approx(0.4 / 9, rel=1e-5)
