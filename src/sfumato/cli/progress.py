"""What is going on, shown on a terminal while it goes on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sfumato.core.sample import Sample

__all__ = ["alignment_lines", "say", "showing_count", "showing_steps", "telling_warnings"]

DOING = {
    "read": "reading the frames",
    "raw": "developing the raws",
    "recognize": "looking what the frames are",
    "align": "aligning",
    "deghost": "removing ghosts",
    "fuse": "fusing exposures",
    "stack": "stacking focus",
    "merge": "merging the burst",
    "resize": "resizing",
    "autograde": "grading",
    "tone": "bending tones",
    "sharpen": "sharpening",
    "write": "writing",
    "denoise": "removing noise",
    "simulate": "reading as the sensor does",
    "calibrate": "measuring the noise",
    "report": "writing the report",
}


@contextlib.contextmanager
def showing_steps(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Give a function that is told the name of each step as it begins.

    It shows them on stderr where that is a terminal, else nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda name: status.update(DOING.get(name, name))


@contextlib.contextmanager
def showing_count(doing: str, total: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Give a function to be called as each of ``total`` parts of the work is done.

    It moves a bar with the time left on stderr where that is a terminal, else nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(doing, total=total)
        yield lambda: progress.advance(bar)


def alignment_lines(sample: Sample) -> list[str]:
    """Say for each frame how it was aligned."""
    records = sample.meta.get("alignment", ())
    frames = sample.meta.get("frames", ())
    kept = iter(frames)
    lines = []
    for record in records:
        about: Mapping[str, Any] = next(kept, {}) if record.method != "dropped" else {}
        name = about.get("file_name", f"frame {record.frame + 1}")
        said = {
            "reference": "reference",
            "identity": f"lies right already, residual {record.residual_px:.2f} px",
            "dropped": f"left out: {record.reason}",
            "unaligned": f"not aligned: {record.reason}",
        }.get(
            record.method,
            f"{record.inliers} inliers, residual {record.residual_px:.2f} px"
            + (" (by correlation)" if record.method == "ecc" else ""),
        )
        lines.append(f"  {name}: {said}")
    return lines


@contextlib.contextmanager
def telling_warnings(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show what the library warns of as one line on stderr, and each of it once.

    Gives a function that warns likewise.
    """
    import logging
    import os

    for library in ("DIFFUSERS", "TRANSFORMERS"):  # what they warn of is nothing to act on
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    told: set[str] = set()

    def tell(line: str) -> None:
        if line not in told and not quiet:
            click.echo(f"warning: {line}", err=True)
        told.add(line)

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(record.getMessage())

    logger, handler = logging.getLogger("sfumato"), Told(logging.WARNING)
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield tell
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def say(lines: list[str], *, quiet: bool) -> None:
    """Print lines unless told to be quiet."""
    if not quiet:
        for line in lines:
            click.echo(line)
