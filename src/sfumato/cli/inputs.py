"""The frames of a command: named on the line, checked, read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sfumato.core.sample import Sample

__all__ = [
    "apply_options",
    "check_frames",
    "different_stems",
    "frames_argument",
    "raised_to",
    "read_frames",
    "read_settings",
    "seed_option",
    "trust_option",
]

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


def seed_option(about: str) -> Callable[[Command], Command]:
    """Add a seed: a whole number from 0 on."""
    return click.option(
        "--seed",
        type=click.IntRange(0),
        metavar="N",
        default=0,
        show_default=True,
        help=about,
    )


def apply_options(command: Command) -> Command:
    """Add where and in which tiles a network answers large pictures."""
    device = click.option("--device", default="cpu", show_default=True, help="As torch calls it.")
    tile = click.option(
        "--tile", type=int, metavar="PX", help="Side of a tile; by default what memory allows."
    )
    return device(tile(command))


def read_settings(changes: tuple[str, ...]) -> dict[str, Any]:
    """Read settings NAME=VALUE, the values as YAML.

    Raises:
        SpecError: one is none.
    """
    from sfumato.core.spec import parse_yaml
    from sfumato.errors import SpecError

    settings = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise SpecError(f"--set {change}: expected NAME=VALUE", hint="--set sigma=1.5")
        try:
            settings[name.strip()] = parse_yaml(value)
        except SpecError as error:
            raise SpecError(f"--set {change}: '{value}' is no value") from error
    return settings


def different_stems(frames: tuple[Path, ...], answers: str) -> tuple[str, ...]:
    """Give the names of pictures without their endings, by which answers are called.

    Raises:
        FileError: two have the same.
    """
    from sfumato.errors import FileError

    stems = tuple(path.stem for path in frames)
    twice = next((name for name in stems if stems.count(name) > 1), None)
    if twice is not None:
        raise FileError(
            f"two pictures are called '{twice}': their {answers} would overwrite each other",
            hint="write them into two folders",
        )
    return stems


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
