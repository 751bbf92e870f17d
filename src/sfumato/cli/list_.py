"""`sfumato list`: what a recipe can name."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato list
  sfumato list capture
  sfumato list capture.Deghost
"""


@click.command("list", epilog=EPILOG)
@click.argument("what", metavar="[ROOM|ROOM.CLASS]", required=False)
def command(what: str | None) -> None:
    """List operators and methods, and their settings."""
    if what and "." in what:
        lines = _settings(what)
    else:
        lines = _operators(what)
    for line in lines:
        click.echo(line)


def _operators(room: str | None) -> list[str]:
    import importlib

    from sfumato.core.spec import rooms
    from sfumato.errors import SpecError

    open_rooms = [name for name in rooms() if name != "cli"]
    if room is not None and room not in open_rooms:
        raise SpecError(f"there is no room '{room}'", hint=f"rooms: {', '.join(open_rooms)}")
    found: list[tuple[str, str]] = []
    for name in [room] if room else open_rooms:
        module = importlib.import_module(f"sfumato.{name}")
        for entry in module.__all__:
            try:
                thing = getattr(module, entry)
            except ImportError:
                continue  # what learns, where torch is not installed
            if _listed(thing):
                found.append((f"{name}.{entry}", _first_line(thing)))
    width = max((len(name) for name, _ in found), default=0)
    return [f"{name:{width}}  {line}" for name, line in sorted(found)]


def _listed(thing: Any) -> bool:
    """Tell whether it is an operator, or a method: the only others that predict."""
    from sfumato.core.operator import Operator
    from sfumato.core.spec import Buildable

    if not isinstance(thing, type) or getattr(thing, "__abstractmethods__", None):
        return False
    return issubclass(thing, Operator) or (
        issubclass(thing, Buildable) and hasattr(thing, "predict") and hasattr(thing, "loss")
    )


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _settings(name: str) -> list[str]:
    import inspect

    from sfumato.core.bounds import describe_type
    from sfumato.core.spec import defaults_of, look_up, settings_of

    cls = look_up(name)
    defaults = defaults_of(cls)
    lines = [f"{name}  {_first_line(cls)}", ""]
    for setting, annotation in settings_of(cls).items():
        tail = f" = {defaults[setting]!r}" if setting in defaults else ""
        lines.append(f"  {setting}: {describe_type(annotation)}{tail}")
    return [*lines, "", *inspect.cleandoc(cls.__doc__ or "").splitlines()[2:]]
