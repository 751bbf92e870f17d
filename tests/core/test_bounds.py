from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.core.bounds import Between, check_setting, describe_type
from sfumato.errors import DtypeError, RangeError

UNIT = Annotated[float, Between(0.0, 1.0)]


@given(st.floats(allow_nan=False))
def test_a_number_is_taken_exactly_within_its_bounds(value):
    if 0.0 <= value <= 1.0:
        assert check_setting(value, UNIT, "p") == value
    else:
        with pytest.raises(RangeError, match="p: .* outside"):
            check_setting(value, UNIT, "p")


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (2, float, 2.0),
        ([1, 2], tuple[float, float], (1.0, 2.0)),
        ([1, 2, 3], tuple[int, ...], (1, 2, 3)),
        (None, float | None, None),
        ("a/b", Path, Path("a/b")),
        ("x", Literal["x", "y"], "x"),
        ({"a": 1}, dict[str, int], {"a": 1}),
        (0.5, UNIT | None, 0.5),
    ],
)
def test_what_yaml_can_write_is_taken(value, annotation, expected):
    result = check_setting(value, annotation, "setting")
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation", "error"),
    [
        (True, int, DtypeError),
        (True, float, DtypeError),
        (1.5, int, DtypeError),
        ("1", float, DtypeError),
        (float("nan"), float, RangeError),
        ("z", Literal["x", "y"], RangeError),
        (1, Literal[True], RangeError),
        ([1.0], tuple[float, float], RangeError),
        (3.0, tuple[float, float], DtypeError),
        ([0.5, 2.0], Annotated[tuple[float, float], Between(0, 1)], RangeError),
        (5.0, UNIT | None, RangeError),
    ],
)
def test_other_values_are_refused_by_name(value, annotation, error):
    with pytest.raises(error, match="setting"):
        check_setting(value, annotation, "setting")


def test_the_hint_explains_yaml_exponents():
    with pytest.raises(DtypeError, match=r"1\.0e-3"):
        check_setting("1e-3", float, "sigma")


def test_types_are_described_as_a_user_reads_them():
    assert describe_type(UNIT | None) == "float within [0, 1] | none"
    assert describe_type(Literal["a", "b"]) == "'a' | 'b'"
    assert describe_type(tuple[float, ...]) == "(float, ...)"
