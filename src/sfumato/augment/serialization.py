"""Transforms as plain data, in the form of albumentations, and in files.

Files that albumentations wrote are read too. A name is looked up on the menu of this room, or
among the transforms of your own that have been defined; nothing is ever imported for a file.
Everything also saves itself in the form of the house: ``compose.save("recipe.yaml")``.
"""

from __future__ import annotations

import functools
import importlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from sfumato.augment._declare import Bilingual
from sfumato.augment.own_transforms import BasicTransform
from sfumato.core.files import read_text, write_atomically
from sfumato.core.operator import Operator
from sfumato.core.spec import from_spec, to_spec
from sfumato.errors import SpecError

__all__ = ["from_dict", "load", "save", "to_dict"]

NAME = "__class_fullname__"
MAX_DEPTH = 50
MOST_NODES = 100_000
"""Values in a file, those counted again that YAML aliases repeat; no person wrote more."""
DataFormat = Literal["json", "yaml"]
IGNORED = ("save_key", "save_applied_params", "applied", "params")
"""Keys that albumentations writes and that are no settings here."""


def to_dict(transform: Any, on_not_implemented_error: str = "raise") -> dict[str, Any]:
    """Write a transform or a composition as plain data.

    Raises:
        SpecError: something in it cannot be written, such as a `Lambda` without a name.
    """
    return {"__version__": _version(), "transform": describe(transform)}


def describe(thing: Any) -> Any:
    """Write one thing and all that it holds."""
    if isinstance(thing, Bilingual):
        settings = {name: describe(value) for name, value in thing.config.items()}
        if isinstance(thing, Operator):
            return {NAME: type(thing).__name__, **settings}
        return settings
    if isinstance(thing, BasicTransform):
        if type(thing).__name__ == "Lambda":
            if getattr(thing, "name", None) is None:
                raise SpecError(
                    "a Lambda without a name cannot be saved", hint="Lambda(..., name='mine')"
                )
            return {NAME: "Lambda", "name": getattr(thing, "name", None), "p": thing.p}
        settings = {k: describe(v) for k, v in thing.get_transform_init_args().items()}
        cls = type(thing)
        return {NAME: f"{cls.__module__}.{cls.__qualname__}", **settings, "p": thing.p}
    if isinstance(thing, Operator):
        return {"sfumato": to_spec(thing)}
    return _plain(thing)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Path):
        return value.as_posix()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise SpecError(f"a value of type {type(value).__name__} cannot be written: {value!r}")


def from_dict(
    written: Mapping[str, Any],
    nonserializable: Mapping[str, Any] | None = None,
    lambda_transforms: Mapping[str, Any] | None = None,
) -> Any:
    """Build what `to_dict` wrote, here or in albumentations.

    Args:
        written: plain data.
        nonserializable: the `Lambda` transforms by their names.
        lambda_transforms: the older word for it.

    Raises:
        SpecError: the data cannot be understood.
    """
    if not isinstance(written, Mapping) or not isinstance(written.get("transform"), Mapping):
        raise SpecError("expected a dict with the key 'transform', as to_dict writes it")
    return build(written["transform"], {**(lambda_transforms or {}), **(nonserializable or {})}, 0)


def build(spec: Mapping[str, Any], named: Mapping[str, Any], depth: int) -> Any:
    """Build one transform from its plain form."""
    if depth > MAX_DEPTH:
        raise SpecError(f"the transforms are nested deeper than {MAX_DEPTH} levels")
    if "sfumato" in spec:
        return from_spec(spec["sfumato"])
    full_name = spec.get(NAME)
    if not isinstance(full_name, str):
        raise SpecError(f"a transform lacks its '{NAME}': {dict(spec)!r:.80}")
    settings = {k: v for k, v in spec.items() if k != NAME and k not in IGNORED}
    name = full_name.rpartition(".")[2]
    if name == "Lambda":
        if settings.get("name") not in named:
            raise SpecError(
                f"the Lambda '{settings.get('name')}' cannot be read from data",
                hint="hand it in: from_dict(data, nonserializable={name: transform})",
            )
        return named[settings["name"]]
    cls = _find(full_name, name)
    if "transforms" in settings:
        settings["transforms"] = [build(item, named, depth + 1) for item in settings["transforms"]]
    settings = {key: _tuples(value) for key, value in settings.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old files are not the caller's fault
        return cls(**settings)


def _find(full_name: str, name: str) -> Any:
    room = importlib.import_module("sfumato.augment")
    foreign = "." in full_name and full_name.partition(".")[0] not in ("albumentations", "sfumato")
    if not foreign and name in room.__all__:
        cls = getattr(room, name)
        if isinstance(cls, type) and issubclass(cls, (Bilingual, BasicTransform)):
            return cls
    if full_name in BasicTransform.classes:
        return BasicTransform.classes[full_name]
    raise SpecError(
        f"there is no transform '{full_name}'",
        hint="a transform of your own must be defined (imported) before it is read",
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def save(
    transform: Any,
    filepath_or_buffer: str | Path | Any,
    data_format: DataFormat = "json",
    on_not_implemented_error: str = "raise",
) -> None:
    """Write a transform to a JSON or YAML file, or to an open text file.

    Raises:
        FileError: the file cannot be written.
        SpecError: the format is unknown, or the transform cannot be written.
    """
    written = to_dict(transform)
    if data_format not in ("json", "yaml"):
        raise SpecError(f"data_format is 'json' or 'yaml', got {data_format!r}")
    text = json.dumps(written) if data_format == "json" else yaml.safe_dump(written)
    if hasattr(filepath_or_buffer, "write"):
        filepath_or_buffer.write(text)
    else:
        write_atomically(filepath_or_buffer, text.encode())


def load(
    filepath_or_buffer: str | Path | Any,
    data_format: DataFormat = "json",
    nonserializable: Mapping[str, Any] | None = None,
    lambda_transforms: Mapping[str, Any] | None = None,
) -> Any:
    """Read what `save` wrote, here or in albumentations.

    Raises:
        FileError: the file cannot be read.
        SpecError: it cannot be understood.
    """
    if data_format not in ("json", "yaml"):
        raise SpecError(f"data_format is 'json' or 'yaml', got {data_format!r}")
    if hasattr(filepath_or_buffer, "read"):
        text, who = filepath_or_buffer.read(), "the open file"
    else:
        text, who = read_text(filepath_or_buffer), str(filepath_or_buffer)
    try:
        written = json.loads(text) if data_format == "json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise SpecError(f"{who} is not valid {data_format.upper()}: {error}") from error
    _refuse_endless(written, who)
    return from_dict(written, nonserializable, lambda_transforms)


def _refuse_endless(written: Any, who: str) -> None:
    """Refuse what YAML aliases blow up or close to a circle; harmless ones may come."""
    waiting, seen = [written], 0
    while waiting:
        thing = waiting.pop()
        seen += 1
        if seen > MOST_NODES:
            raise SpecError(f"{who} holds more than {MOST_NODES} values, this is no recipe")
        if isinstance(thing, Mapping):
            waiting.extend(thing.values())
        elif isinstance(thing, list):
            waiting.extend(thing)


@functools.cache
def _version() -> str:
    import sfumato  # noqa: PLC0415 (the root is above this floor)

    return sfumato.__version__
