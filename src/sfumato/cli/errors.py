"""What a person sees when something is wrong: one line, and a code for scripts."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from sfumato.errors import SfumatoError

__all__ = ["BAD_INPUT", "ENDED", "INTERRUPTED", "one_line", "plain_errors"]

BAD_INPUT = 2
"""Exit code of everything that the user can mend; also what click uses."""
INTERRUPTED, ENDED = 130, 143
"""Exit codes after Ctrl-C and SIGTERM, as shells have them: 128 and the number of the signal."""
LEARNED = frozenset({"torch", "safetensors", "accelerate", "huggingface_hub"})
"""Packages of an extra that whole rooms stand on."""


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """End the program with one line on stderr where the library or click refuses.

    What is not refused on purpose is a mistake of ours and keeps its traceback.

    Example:
        >>> with plain_errors():
        ...     raise SfumatoError("no picture", hint="give one")
        Traceback (most recent call last):
        ...
        SystemExit: 2
    """
    try:
        yield
    except SfumatoError as error:
        _leave(one_line(error), BAD_INPUT)
    except click.UsageError as error:
        asked = error.ctx.command_path if error.ctx is not None else "sfumato"
        _leave(f"error: {_joined(error.format_message())}; hint: {asked} --help", BAD_INPUT)
    except click.ClickException as error:
        _leave(f"error: {_joined(error.format_message())}", BAD_INPUT)
    except (KeyboardInterrupt, click.Abort):
        _leave("error: interrupted", INTERRUPTED)
    except ModuleNotFoundError as error:
        if error.name not in LEARNED:
            raise
        hint = 'pip install "sfumato[learn]"'
        _leave(f"error: this needs {error.name}, which is not installed; hint: {hint}", BAD_INPUT)
    except MemoryError:
        _leave("error: not enough memory; hint: give fewer or smaller frames", BAD_INPUT)


def one_line(error: SfumatoError) -> str:
    """Put what is wrong, where and what to do about it on one line.

    Example:
        >>> one_line(SfumatoError("frame 2 is larger", hint="crop it"))
        'error: frame 2 is larger; hint: crop it'
    """
    where = "".join(f" ({note.partition('(')[0]})" for note in getattr(error, "__notes__", ()))
    hint = f"; hint: {_joined(error.hint)}" if error.hint else ""
    return f"error: {_joined(error.message)}{where}{hint}"


def _joined(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _leave(line: str, code: int) -> None:
    click.echo(line, err=True)
    sys.exit(code)
