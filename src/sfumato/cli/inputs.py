"""The frames of a command: named on the line, checked, read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sfumato.core.sample import Sample

__all__ = ["check_frames", "frames_argument", "raised_to", "read_frames", "trust_option"]

Command = TypeVar("Command", bound=Callable[..., Any])


def trust_option(command: Command) -> Command:
    """Add packages whose classes a recipe may name; the current folder is searched too."""
    add = click.option(
        "--trust",
        multiple=True,
        metavar="PACKAGE",
        callback=_in_reach,
        help="Let it name this package, of yours or in the current folder; repeatable.",
    )
    return add(command)


def _in_reach(_context: Any, _option: Any, packages: tuple[str, ...]) -> tuple[str, ...]:
    # Last, so that a file of that name hides nothing; Python itself does so for scripts only.
    here = str(Path.cwd())
    if packages and here not in sys.path:
        sys.path.append(here)
    return packages


def frames_argument(command: Command) -> Command:
    """Add the pictures that a command works on."""
    add = click.argument(
        "frames", metavar="FRAME...", nargs=-1, required=True, type=click.Path(path_type=Path)
    )
    return add(command)


def read_frames(paths: tuple[Path, ...], *, at_least: int = 1, who: str = "") -> Sample:
    """Read pictures, all of them checked before the first is decoded.

    Raises:
        FileError: one is missing, a folder, or no picture.
        ShapeError: fewer than the command needs, or of different sizes.
    """
    from sfumato.errors import ShapeError
    from sfumato.io.picture import read

    check_frames(paths)
    if len(paths) < at_least:
        raise ShapeError(
            f"{who} needs at least {at_least} frames, got {len(paths)}",
            hint="name all frames of the series",
        )
    return read(*paths)


def check_frames(paths: tuple[Path, ...]) -> None:
    """Refuse names that are no files.

    Raises:
        FileError: one is missing or a folder.
    """
    from sfumato.errors import FileError

    for path in paths:
        if path.is_dir():
            raise FileError(f"{path}: this is a folder", hint=f"name its pictures: {path}/*.jpg")
        if not path.exists():
            raise FileError(f"{path}: there is no such file", hint="check the name")


def raised_to(sample: Sample, depth: int | None) -> Sample:
    """Give the frames more bits where the output has more, so that blending can use them."""
    import numpy as np

    from sfumato.io.depth import DEPTHS, with_depth

    if depth is None or 8 * sample.image.dtype.itemsize >= depth:
        return sample
    if sample.stack is None:
        return sample.but(image=with_depth(sample.image, depth))  # type: ignore[arg-type]
    stack: Any = np.empty(sample.stack.shape, DEPTHS[depth])
    for place, frame in zip(stack, sample.stack, strict=True):
        place[...] = with_depth(frame, depth)  # type: ignore[arg-type]
    return sample.but(image=stack[0], stack=stack)
