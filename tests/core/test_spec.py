from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfumato.core.bounds import Between
from sfumato.core.operator import ImageOperator
from sfumato.core.pipeline import Maybe, OneOf, Pipeline
from sfumato.core.spec import from_spec, from_yaml, rooms, to_spec, to_yaml
from sfumato.errors import DtypeError, RangeError, SpecError


class Gain(ImageOperator):
    """Multiply, for these tests."""

    factor: Annotated[float, Between(0.0, 10.0)] = 2.0
    note: str = ""

    def apply_image(self, image, rng):
        return (image * self.factor).astype(image.dtype)


TRUST = (Gain.__module__,)


@given(
    st.lists(
        st.builds(Gain, factor=st.floats(0, 10), note=st.text(max_size=20)), min_size=1, max_size=3
    )
)
@example([Gain(note="a\x85b\u2028\ufeffc")])
def test_what_is_written_is_read_back_equal(ops):
    pipeline = Pipeline(
        steps=(Maybe(op=ops[0], p=0.25), OneOf(ops=tuple(ops), weights=(1.0,) * len(ops)))
    )
    assert from_spec(to_spec(pipeline), trust=TRUST) == pipeline
    assert from_yaml(to_yaml(pipeline), trust=TRUST) == pipeline


def test_a_name_is_the_room_and_the_class():
    assert to_spec(Pipeline(steps=())) == {"core.Pipeline": {"steps": []}}
    assert to_spec(Gain()) == {f"{Gain.__module__}:Gain": {"factor": 2.0, "note": ""}}


def test_foreign_code_is_built_only_where_it_is_trusted():
    spec = to_spec(Gain())
    with pytest.raises(SpecError, match="not trusted"):
        from_spec(spec)
    with pytest.raises(SpecError, match="not trusted"):
        from_spec({"os:Path": {}}, trust=("osx", "o"))
    with pytest.raises(SpecError, match="not something that a recipe can build"):
        from_spec({"os:PathLike": {}}, trust=("os",))
    with pytest.raises(SpecError, match="cannot be imported"):
        from_spec({"os:NoSuchThing": {}}, trust=("os",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("core.Pipelin: {steps: []}", r"did you mean core\.Pipeline"),
        ("cellar.Pipeline: {steps: []}", "there is no room 'cellar'"),
        ("errors.ShapeError: {}", "there is no room 'errors'"),
        ("core.Sample: {}", "not something that a recipe can build"),
        ("core.Maybe: {op: {core.Pipeline: {steps: []}}, q: 1}", "unexpected setting 'q'"),
        ("core.Maybe: {p: 0.5}", "'op' is missing"),
        ("core.Maybe: 5", "expected settings"),
        ("a: [1", "not valid YAML"),
        ("a: &x 1\nb: *x", "aliases"),
        ("core.Maybe: {p: 0.1, p: 0.2}", "twice"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("[" * 200 + "]" * 200, "nested deeper"),
    ],
)
def test_recipes_that_cannot_be_understood_say_why(text, message):
    with pytest.raises(SpecError, match=message):
        from_yaml(text)


def test_a_setting_is_checked_when_an_operator_is_built():
    with pytest.raises(RangeError, match=r"Gain\.factor: 11.0 is outside \[0, 10\]"):
        Gain(factor=11)
    with pytest.raises(DtypeError, match=r"Gain\.note"):
        Gain(note=3)
    with pytest.raises(SpecError, match="did you mean 'factor'"):
        Gain(facto=3)
    with pytest.raises(SpecError, match="a bare value"):
        Gain(3)
    assert Gain(factor=3).config == {"factor": 3.0, "note": ""}


def test_operators_are_equal_by_their_settings_and_frozen():
    assert Gain(factor=1) == Gain(factor=1.0)
    assert Gain(factor=1) != Gain()
    with pytest.raises(AttributeError):
        Gain().factor = 3


def test_the_rooms_are_those_with_a_menu():
    assert {"core", "io", "capture", "raster"} <= set(rooms())
