"""The command `sfumato`: finds the file of a command when it is called for."""

from __future__ import annotations

import gc
import importlib
import signal
import sys
from typing import Any

import click

from sfumato import __version__
from sfumato.cli.errors import ENDED, INTERRUPTED, plain_errors

__all__ = ["group", "main"]

COMMANDS = (
    "develop",
    "fuse",
    "stack",
    "align",
    "match",
    "measure",
    "hint",
    "augment",
    "generate",
    "colorize",
    "segment",
    "grade",
    "lut",
    "denoise",
    "calibrate",
    "simulate",
    "exposure",
    "train",
    "evaluate",
    "predict",
    "convert",
    "export",
    "run",
    "list",
    "demo",
    "completion",
)
"""In the order of `sfumato --help`; the command ``name`` lives in ``cli/name.py``, ``list``
in ``list_.py``, since that name belongs to Python."""


class LazyGroup(click.Group):
    """A group that imports a command's file when the command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        file_name = "list_" if cmd_name == "list" else cmd_name
        command = importlib.import_module(f"sfumato.cli.{file_name}").command
        assert isinstance(command, click.Command)
        return command

    def main(self, *args: Any, **options: Any) -> Any:
        """Run, and end with one line and a code where something is wrong."""
        options["standalone_mode"] = False
        with plain_errors():
            code = super().main(*args, **options)
        sys.exit(code or 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a command's own return value is no exit code."""
        try:
            super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("error: interrupted; no file is left half written", err=True)
            return INTERRUPTED
        return 0


@click.group(
    "sfumato",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `sfumato demo`. Each command has examples: sfumato develop --help",
)
@click.version_option(__version__, prog_name="sfumato", message="%(prog)s %(version)s")
def group() -> None:
    """From a bracket, a focus series or a burst of frames to one better picture."""


def _end(_number: int, _frame: Any) -> None:
    click.echo("error: ended from outside; no file is left half written", err=True)
    sys.exit(ENDED)


def main() -> None:
    """Run the command line; the entry point of the package.

    Whoever ends it with SIGTERM finds no temporary file. What was made deaf for Ctrl-C, as
    shells make jobs in the background, stays so.
    """
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)
    try:
        group.main(prog_name="sfumato")
    finally:
        # All goes now: looking for garbage once more would take a fifth of a second.
        gc.freeze()


if __name__ == "__main__":
    main()
