"""Both vocabularies of albumentations, 1.3 and 2.0, understood by every transform.

A transform states its settings once, in the words of 2.0. What it needs to understand
older code stands beside them as class attributes, one line a parameter:

- ``order``: the settings in the order in which they may be given without a name, where that
  is not the order of declaration followed by ``p``; ``order_1_3`` where 1.3 had another;
- ``shorthand``: how a bare value is read, such as a limit that stands for ``(-limit, limit)``;
- ``legacy``: old words and what became of them: ``"value": "fill"`` (renamed),
  ``"quality_lower": ("quality_range", 0)`` (now one end of a pair),
  ``"var_limit": ("std_range", convert)`` (renamed and rescaled), ``"eps": None`` (without effect);
- ``defaults_1_3``: the defaults of 1.3 where 2.0 changed them, in the words of 2.0.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, TypeAlias

from sfumato.core.spec import describe_settings, spec_name
from sfumato.errors import SpecError

__all__ = [
    "BORDERS",
    "INTERPOLATIONS",
    "Legacy",
    "as_range",
    "as_tuple",
    "border_word",
    "from_low",
    "get_compat",
    "interpolation_word",
    "set_compat",
    "symmetric",
    "translate",
]

Legacy: TypeAlias = str | tuple[str, int] | tuple[str, Callable[[Any], Any]] | None
Compat: TypeAlias = Literal["1.3", "2.0"]

_compat: list[Compat] = ["2.0"]

INTERPOLATIONS = {
    0: "nearest", 1: "linear", 2: "cubic", 3: "area",
    4: "lanczos", 5: "linear_exact", 6: "nearest_exact",
}  # fmt: skip
"""OpenCV's numbers, which albumentations takes, and our words."""
BORDERS = {0: "constant", 1: "replicate", 2: "reflect", 3: "wrap", 4: "reflect_101"}


def set_compat(version: Compat) -> None:
    """Choose whose defaults hold where albumentations 1.3 and 2.0 differ, for what is built next.

    A single transform is switched by its own argument ``compat=``.

    Raises:
        SpecError: the version is neither ``"1.3"`` nor ``"2.0"``.
    """
    _compat[0] = _checked_compat(version, "set_compat")


def get_compat() -> Compat:
    """Say whose defaults hold now."""
    return _compat[0]


def _checked_compat(version: Any, who: str) -> Compat:
    if version not in ("1.3", "2.0"):
        raise SpecError(f"{who}: compat is '1.3' or '2.0', got {version!r}")
    return version  # type: ignore[no-any-return]


def symmetric(value: Any) -> Any:
    """Read a bare limit as the range from minus to plus that limit."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (-value, value) if value >= 0 else (value, -value)
    return value


def from_low(low: float) -> Callable[[Any], Any]:
    """Read a bare number as the range between ``low`` and that number."""

    def read(value: Any) -> Any:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return (low, value) if value >= low else (value, low)
        return value

    return read


def as_range(value: Any) -> Any:
    """Read a bare number as the range that holds only it."""
    return (value, value) if isinstance(value, (int, float)) else value


def as_tuple(value: Any) -> Any:
    """Read a list, or a set, as a tuple."""
    return tuple(value) if isinstance(value, (list, tuple, set)) else value


def interpolation_word(value: Any) -> Any:
    """Read OpenCV's number of an interpolation as our word."""
    return _worded(value, INTERPOLATIONS)


def border_word(value: Any) -> Any:
    """Read OpenCV's number of a border, or a word of scikit-image or NumPy, as our word."""
    synonyms = {"edge": "replicate", "symmetric": "reflect", "mirror": "reflect_101"}
    if isinstance(value, str):
        return synonyms.get(value, value)
    return _worded(value, BORDERS)


def _worded(value: Any, words: Mapping[int, str]) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return words.get(int(value), value)
    return value


def translate(cls: Any, args: tuple[Any, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings of a transform in its own words, whatever words the caller used.

    One `DeprecationWarning` names the new word of every old one.

    Raises:
        SpecError: too many bare values, or a setting given twice.
    """
    settings = dict(given)
    compat = _checked_compat(settings.pop("compat", _compat[0]), cls.__name__)
    if args:
        _name_positional(cls, args, settings, compat)
    settings = dict(cls.understand(settings))
    old = [name for name in settings if name == "always_apply" or name in cls.legacy]
    if old:
        said = [_renew(cls, name, settings, compat) for name in old]
        warnings.warn(f"{cls.__name__}: {'; '.join(said)}", DeprecationWarning, stacklevel=3)
    if compat == "1.3":
        settings = dict(cls.understand_1_3(settings))
        for name, value in cls.defaults_1_3.items():
            settings.setdefault(name, value)
    for name, read in cls.shorthand.items():
        if name in settings:
            settings[name] = read(settings[name])
    return settings


def positional_order(cls: Any, compat: Compat = "2.0") -> tuple[str, ...]:
    """Name the settings in the order in which they may be given bare."""
    if compat == "1.3" and cls.order_1_3 is not None:
        return tuple(cls.order_1_3)
    if cls.order is not None:
        return tuple(cls.order)
    return (*(f.name for f in fields(cls) if f.init and f.name != "p"), "p")


def _name_positional(
    cls: Any, args: tuple[Any, ...], settings: dict[str, Any], compat: Compat
) -> None:
    order = list(positional_order(cls, compat))
    slot = order.index("p") if "p" in order else len(order)
    if len(args) > slot and isinstance(args[slot], bool) and "always_apply" not in order:
        order.insert(slot, "always_apply")  # 1.3 has it before p, and p is never a bool
    if len(args) > len(order):
        raise SpecError(
            f"{spec_name(cls)}: got {len(args)} bare values for {len(order)} settings",
            hint=describe_settings(cls),
        )
    for name, value in zip(order, args, strict=False):
        if name in settings:
            raise SpecError(f"{spec_name(cls)}: '{name}' is given by place and by name")
        settings[name] = value


def _renew(cls: Any, name: str, settings: dict[str, Any], compat: Compat) -> str:
    """Replace one old word, and say by what."""
    value = settings.pop(name)
    if name == "always_apply":
        if value:
            settings["p"] = 1.0
        return "'always_apply=True' is now 'p=1'"
    became: Legacy = cls.legacy[name]
    if became is None:
        return f"'{name}' no longer has an effect"
    if isinstance(became, str):
        _give(cls, became, value, name, settings)
        return f"'{name}' is now '{became}'"
    new, how = became
    if callable(how):
        _give(cls, new, how(value), name, settings)
        return f"'{name}' is now '{new}' (in other units)"
    if value is not None:
        ends = list(settings.get(new, _default(cls, new, compat)) or (None, None))
        ends[how] = value
        settings[new] = tuple(ends)
    return f"'{name}' is now one end of '{new}'"


def _give(cls: Any, new: str, value: Any, old: str, settings: dict[str, Any]) -> None:
    if new in settings:
        raise SpecError(f"{spec_name(cls)}: '{old}' and '{new}' are the same setting")
    if value is not None or _default(cls, new, "2.0") is None:
        settings[new] = value


def _default(cls: Any, name: str, compat: Compat) -> Any:
    if compat == "1.3" and name in cls.defaults_1_3:
        return cls.defaults_1_3[name]
    declared = {f.name: f.default for f in fields(cls)}[name]
    return None if declared is MISSING else declared
