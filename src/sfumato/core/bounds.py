"""Bounds of a setting, declared beside its type and checked when an operator is built."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from sfumato.errors import DtypeError, RangeError, SfumatoError

__all__ = ["Between", "check_setting", "describe_type"]


@dataclass(frozen=True)
class Between:
    """Bound a number, or every number of a tuple, to ``low <= value <= high``.

    Used inside ``Annotated``: ``sigma: Annotated[float, Between(0.01, 1.0)]``.

    Example:
        >>> Between(0, 1).check(0.5, "p")
        >>> Between(0, 1).check(2, "p")
        Traceback (most recent call last):
        ...
        sfumato.errors.RangeError: p: 2 is outside [0, 1]
    """

    low: float = -math.inf
    high: float = math.inf

    def check(self, value: Any, name: str) -> None:
        """Raise `RangeError` where a number lies outside."""
        if isinstance(value, tuple):
            for item in value:
                self.check(item, name)
        elif isinstance(value, (int, float)) and not self.low <= value <= self.high:
            raise RangeError(f"{name}: {value} is outside {self}")

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


def check_setting(value: Any, annotation: Any, name: str) -> Any:
    """Return the value in the declared type, or refuse it.

    Whole numbers serve as floats and lists as tuples, since YAML has no other
    way to write them; nothing else is converted.

    Args:
        value: what was given.
        annotation: the resolved annotation, `Annotated` metadata included.
        name: how the setting is called in an error.

    Raises:
        DtypeError: the value is not of the declared type.
        RangeError: a number is outside its bounds or NaN, a word is not one of
            the choices.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *marks = get_args(annotation)
        checked = check_setting(value, inner, name)
        for mark in marks:
            if isinstance(mark, Between):
                mark.check(checked, name)
        return checked
    if origin is Literal:
        return _check_choice(value, get_args(annotation), name)
    if origin in (Union, types.UnionType):
        return _check_union(value, get_args(annotation), name)
    if origin is tuple:
        return _check_tuple(value, get_args(annotation), name)
    if isinstance(origin, type):
        annotation = Mapping if issubclass(origin, Mapping) else origin
    return _check_plain(value, annotation, name)


def _check_choice(value: Any, choices: tuple[Any, ...], name: str) -> Any:
    if any(value == choice and type(value) is type(choice) for choice in choices):
        return value
    raise RangeError(f"{name}: {value!r} is not one of {', '.join(map(repr, choices))}")


def _check_union(value: Any, members: tuple[Any, ...], name: str) -> Any:
    if value is None and type(None) in members:
        return None
    refusals: list[SfumatoError] = []
    for member in members:
        if member is type(None):
            continue
        try:
            return check_setting(value, member, name)
        except SfumatoError as refusal:
            refusals.append(refusal)
    # A value of the right type outside its bounds explains more than the other members' types.
    refusals.sort(key=lambda refusal: not isinstance(refusal, RangeError))
    raise refusals[0]


def _check_tuple(value: Any, members: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):
        raise DtypeError(f"{name}: expected a list of values, got {value!r}")
    if len(members) == 2 and members[1] is Ellipsis:
        members = (members[0],) * len(value)
    if len(members) != len(value):
        raise RangeError(f"{name}: expected {len(members)} values, got {len(value)}")
    pairs = zip(value, members, strict=True)
    return tuple(check_setting(item, member, name) for item, member in pairs)


def _check_plain(value: Any, kind: Any, name: str) -> Any:
    if kind is Any:
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isnan(value):
            raise RangeError(f"{name}: NaN is not a value")
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    wrong_bool = isinstance(value, bool) and kind is int
    if isinstance(kind, type) and (not isinstance(value, kind) or wrong_bool):
        message = f"{name}: expected {describe_type(kind)}, got {value!r}"
        if kind is float and isinstance(value, str):
            raise DtypeError(message, hint="YAML reads 1e-3 as a word: write 1.0e-3")
        raise DtypeError(message)
    return value


def describe_type(annotation: Any) -> str:
    """Write an annotation the way the documentation of a setting does.

    Example:
        >>> describe_type(Annotated[tuple[float, float], Between(0, 1)])
        '(float, float) within [0, 1]'
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = [str(mark) for mark in args[1:] if isinstance(mark, Between)]
        return " within ".join([describe_type(args[0]), *bounds])
    if origin is Literal:
        return " | ".join(repr(choice) for choice in args)
    if origin in (Union, types.UnionType):
        return " | ".join(describe_type(member) for member in args)
    if origin is tuple:
        return "(" + ", ".join("..." if a is Ellipsis else describe_type(a) for a in args) + ")"
    if annotation is type(None):
        return "none"
    return getattr(annotation, "__name__", str(annotation))
