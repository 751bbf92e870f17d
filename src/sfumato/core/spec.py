"""The one written form of everything with a constructor: ``room.Class: {setting: value}``.

A name is looked up on a room's menu, so a recipe can reach only what sfumato
offers in public. Foreign code is written ``package.module:Class`` and is
imported only where the caller names the package in ``trust``.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, dataclass_transform, get_type_hints

import yaml

from sfumato.core.bounds import check_setting, describe_type
from sfumato.core.files import read_text, write_atomically
from sfumato.errors import SfumatoError, SpecError

__all__ = [
    "Buildable",
    "Configured",
    "from_spec",
    "from_yaml",
    "is_class_name",
    "parse_yaml",
    "rooms",
    "to_spec",
    "to_yaml",
]

MAX_DEPTH = 50
"""Nesting beyond this is no recipe that a person wrote."""


class Buildable:
    """What a recipe can name: built from keywords alone, which it can tell again.

    Operators and metrics are `Configured`; what holds weights is a
    `sfumato.core.network.Network`. Only these two derive from it directly.
    """

    @property
    def config(self) -> dict[str, Any]:
        """Every setting and its value."""
        raise NotImplementedError


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Configured(Buildable):
    """A class whose settings are declared once, checked when built, and written down.

    Subclasses become frozen keyword-only dataclasses by themselves. Each
    setting is checked against its annotation (see `sfumato.core.bounds`).
    """

    _example: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(frozen=True, kw_only=True)(cls)
        cls.__init__ = _refusing_strangers(cls, cls.__init__)  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        for name, annotation in settings_of(type(self)).items():
            label = f"{type(self).__name__}.{name}"
            checked = check_setting(getattr(self, name), annotation, label)
            object.__setattr__(self, name, checked)
        self.check()

    def check(self) -> None:
        """Refuse settings that do not fit together; nothing by default."""

    @classmethod
    def example(cls) -> Any:
        """Build one, also where a setting has no default."""
        return cls(**cls._example)

    @property
    def config(self) -> dict[str, Any]:
        """Every setting and its value."""
        return {name: getattr(self, name) for name in settings_of(type(self))}

    def to_yaml(self) -> str:
        """Write this as YAML, settings in the order of their declaration."""
        return to_yaml(self)

    @classmethod
    def from_yaml(cls, text: str, *, trust: tuple[str, ...] = ()) -> Self:
        """Read what `to_yaml` wrote.

        Raises:
            SpecError: the text cannot be understood, or describes something else.
        """
        built = from_yaml(text, trust=trust)
        if not isinstance(built, cls):
            raise SpecError(f"expected a {cls.__name__}, got {type(built).__name__}")
        return built

    def save(self, path: str | Path) -> None:
        """Write this to a YAML file.

        Raises:
            FileError: the file cannot be written.
        """
        write_atomically(path, self.to_yaml().encode())

    @classmethod
    def load(cls, path: str | Path, *, trust: tuple[str, ...] = ()) -> Self:
        """Read what `save` wrote.

        Raises:
            FileError: the file cannot be read.
            SpecError: as `from_yaml`; the message names the file.
        """
        try:
            return cls.from_yaml(read_text(path), trust=trust)
        except SpecError as error:
            raise SpecError(f"{path}: {error.message}", hint=error.hint) from error


def settings_of(cls: Any) -> dict[str, Any]:
    """Give the settings of a class that a recipe can name, and their resolved annotations."""
    return dict(_resolved(cls))


@functools.cache
def _resolved(cls: Any) -> dict[str, Any]:
    if is_dataclass(cls):
        hints = get_type_hints(cls, include_extras=True)
        return {f.name: hints[f.name] for f in fields(cls) if f.init}
    hints = get_type_hints(cls.__init__, include_extras=True)
    return {name: hints.get(name, Any) for name in inspect.signature(cls).parameters}


def defaults_of(cls: Any) -> dict[str, Any]:
    """Give the settings that may be left out, and what they are then."""
    if is_dataclass(cls):
        own = {f.name: f for f in fields(cls) if f.init}
        made = {n: f.default_factory() for n, f in own.items() if callable(f.default_factory)}
        return made | {n: f.default for n, f in own.items() if f.default is not MISSING}
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def describe_settings(cls: type[Any]) -> str:
    """List what a class takes, with types, bounds and defaults, in one line."""
    defaults = defaults_of(cls)

    def one(name: str, annotation: Any) -> str:
        tail = f" = {defaults[name]!r}" if name in defaults else ""
        return f"{name}: {describe_type(annotation)}{tail}"

    listed = ", ".join(one(*item) for item in settings_of(cls).items())
    return f"it takes {listed}" if listed else "it takes no settings"


def refuse_strangers(cls: type[Any], args: Sequence[Any], settings: Mapping[str, Any]) -> None:
    """Refuse what a class does not take, and say what it lacks.

    Raises:
        SpecError: a bare value, a setting that does not exist, or one that is missing.
    """
    known = settings_of(cls)
    strangers = [name for name in settings if name not in known]
    if args or strangers:
        what = f"an unexpected setting '{strangers[0]}'" if strangers else "a bare value"
        raise SpecError(
            f"{spec_name(cls)}: got {what}",
            hint=_did_you_mean(strangers, known) + describe_settings(cls),
        )
    optional = defaults_of(cls)
    missing = [name for name in known if name not in settings and name not in optional]
    if missing:
        raise SpecError(
            f"{spec_name(cls)}: the setting '{missing[0]}' is missing",
            hint=describe_settings(cls),
        )


def _refusing_strangers(cls: type[Any], init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def checked_init(self: Any, *args: Any, **settings: Any) -> None:
        if type(self) is cls:
            refuse_strangers(cls, args, settings)
        init(self, *args, **settings)

    return checked_init


def _did_you_mean(strangers: Sequence[str], known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(strangers[0], known, n=1) if strangers else []
    return f"did you mean '{close[0]}'? " if close else ""


@functools.cache
def rooms() -> tuple[str, ...]:
    """Name the rooms of the house that have a menu."""
    import sfumato  # noqa: PLC0415 (the root is above this floor)

    return tuple(sorted(m.name for m in pkgutil.iter_modules(sfumato.__path__) if m.ispkg))


def spec_name(cls: type[Any]) -> str:
    """Name a class as a recipe does."""
    package, *inner = cls.__module__.split(".")
    if package == "sfumato" and inner:
        return f"{inner[0]}.{cls.__name__}"
    return f"{cls.__module__}:{cls.__qualname__}"


def to_spec(value: Any) -> Any:
    """Write a configured object, and all that its settings hold, as plain data.

    Example:
        >>> import sfumato as sf
        >>> to_spec(sf.raster.Resize(long_side_px=640))
        {'raster.Resize': {'long_side_px': 640}}
    """
    if isinstance(value, Buildable):
        return {spec_name(type(value)): {name: to_spec(v) for name, v in value.config.items()}}
    if isinstance(value, Mapping):
        return {str(key): to_spec(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_spec(item) for item in value]
    if isinstance(value, Path):
        return value.as_posix()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise SpecError(f"a value of type {type(value).__name__} cannot be written into a recipe")


def from_spec(spec: Any, *, trust: tuple[str, ...] = ()) -> Any:
    """Build what `to_spec` wrote.

    Args:
        spec: plain data as YAML or JSON gives it.
        trust: packages whose classes the recipe may name.

    Raises:
        SpecError: a name is not on a menu or not trusted, or a setting is wrong.
    """
    return _build(spec, trust, 0)


def _build(spec: Any, trust: tuple[str, ...], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise SpecError(f"the recipe is nested deeper than {MAX_DEPTH} levels")
    if isinstance(spec, list):
        return tuple(_build(item, trust, depth + 1) for item in spec)
    if isinstance(spec, str) and is_class_name(spec) and spec.partition(".")[0] in rooms():
        spec = {spec: None}  # "- capture.AlignFrames" without settings
    if not isinstance(spec, Mapping):
        return spec
    if len(spec) == 1 and is_class_name(next(iter(spec))):
        name, settings = next(iter(spec.items()))
        return _build_one(name, settings, trust, depth)
    return {str(key): _build(item, trust, depth + 1) for key, item in spec.items()}


def _build_one(name: str, settings: Any, trust: tuple[str, ...], depth: int) -> Any:
    settings = {} if settings is None else settings
    if not isinstance(settings, Mapping):
        raise SpecError(f"{name}: expected settings as 'name: value', got {settings!r}")
    cls = look_up(name, trust)
    return cls(**{str(key): _build(item, trust, depth + 1) for key, item in settings.items()})


def is_class_name(text: Any) -> bool:
    """Tell whether a word is the name of a class, as a recipe writes it."""
    if not isinstance(text, str):
        return False
    head, _, tail = text.partition(":" if ":" in text else ".")
    return tail.isidentifier() and tail[0].isupper() and bool(head) and " " not in head


def look_up(name: str, trust: tuple[str, ...] = ()) -> type[Any]:
    """Find a class by its written name.

    Raises:
        SpecError: there is no such public class, or its package is not trusted.
    """
    if ":" in name:
        found = _look_up_foreign(name, trust)
    else:
        room, _, class_name = name.partition(".")
        if room not in rooms():
            raise SpecError(
                f"{name}: there is no room '{room}'", hint=f"rooms: {', '.join(rooms())}"
            )
        module = importlib.import_module(f"sfumato.{room}")
        if class_name not in module.__all__:
            close = difflib.get_close_matches(class_name, module.__all__, n=1)
            hint = f"did you mean {room}.{close[0]}?" if close else "see: sfumato list"
            raise SpecError(f"{name}: '{class_name}' is not on the menu of '{room}'", hint=hint)
        found = getattr(module, class_name)
    if not (isinstance(found, type) and issubclass(found, Buildable)):
        raise SpecError(f"{name} is not something that a recipe can build")
    return found


def _look_up_foreign(name: str, trust: tuple[str, ...]) -> Any:
    module_name, _, class_name = name.partition(":")
    if not any(module_name == t or module_name.startswith(f"{t}.") for t in trust):
        raise SpecError(
            f"{name}: foreign code is not trusted here",
            hint=f"if you know it, allow it: trust=('{module_name.split('.')[0]}',)",
        )
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise SpecError(f"{name} cannot be imported: {error}") from error


class _PlainLoader(yaml.SafeLoader):
    """Plain data only; aliases could blow a small file up, repeated keys hide mistakes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise SpecError("a recipe may not use YAML aliases (*name)")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        repeated = next((key for key in keys if keys.count(key) > 1), None)
        if repeated is not None:
            raise SpecError(f"the recipe has '{repeated}' twice in one place")
        return super().construct_mapping(node, deep)


def from_yaml(text: str, *, trust: tuple[str, ...] = ()) -> Any:
    """Build what `to_yaml` wrote.

    Raises:
        SpecError: the text is not YAML, or as `from_spec`.
    """
    return from_spec(parse_yaml(text), trust=trust)


def parse_yaml(text: str) -> Any:
    """Read YAML as plain data: numbers, words, lists and mappings.

    Raises:
        SpecError: the text is not YAML, or uses what a recipe may not.
    """
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 (a SafeLoader made stricter)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, SfumatoError):
            raise
        where = " ".join(str(error).split()) or type(error).__name__
        raise SpecError(f"the recipe is not valid YAML: {where}") from error


def to_yaml(value: Any) -> str:
    """Write a configured object as YAML, settings in the order of their declaration."""
    return yaml.dump(
        to_spec(value), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=100
    )


class _PlainDumper(yaml.SafeDumper):
    """Escape what a person cannot see; a bare control character would come back as a space."""

    def represent_str(self, data: str) -> Any:
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_PlainDumper.add_representer(str, _PlainDumper.represent_str)
