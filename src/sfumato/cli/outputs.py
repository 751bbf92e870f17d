"""The result of a command: refused early where it could not be written, written at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sfumato.core.sample import Sample

__all__ = [
    "check_file",
    "check_folder",
    "check_picture",
    "check_writable",
    "output_option",
    "output_options",
    "picture_options",
    "refuse_inputs",
    "run_options",
    "write_picture",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def output_option(metavar: str, about: str) -> Callable[[Command], Command]:
    """Add where the result goes, which has to be said."""
    return click.option(
        "-o",
        "--output",
        metavar=metavar,
        required=True,
        type=click.Path(path_type=Path),
        help=about,
    )


PICTURE = output_option("OUT", "The picture to write: .jpg, .png, .webp or .tif.")
DEPTH = click.option(
    "--depth",
    type=click.Choice(["8", "16", "32"]),
    callback=lambda _context, _option, bits: None if bits is None else int(bits),
    help="Bits per channel. By default those of the frames, or what OUT can hold.",
)
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace what exists.")
QUIET = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")


def output_options(command: Command) -> Command:
    """Add where the picture goes and how many bits it has."""
    return PICTURE(DEPTH(OVERWRITE(QUIET(command))))


def picture_options(command: Command) -> Command:
    """Add where a picture goes that has the bits it was made with."""
    return PICTURE(OVERWRITE(QUIET(command)))


def run_options(command: Command) -> Command:
    """Add what a command has that writes something else than a picture."""
    return OVERWRITE(QUIET(command))


def check_picture(
    path: Path, *, overwrite: bool, inputs: tuple[Path, ...] = (), depth: int | None = None
) -> None:
    """Refuse an output before the work that would be lost.

    Raises:
        FileError: a wrong ending, an existing file, a missing or closed folder, or
            one of the inputs.
    """
    from sfumato.io.output import check_output

    refuse_inputs(path, inputs)
    check_output(path, overwrite=overwrite, depth=depth)  # type: ignore[arg-type]
    check_writable(path.parent)


def refuse_inputs(path: Path, inputs: tuple[Path, ...]) -> None:
    """Refuse to write over a picture that is read, also where overwriting is allowed.

    Raises:
        FileError: the path is one of the inputs, by whatever name.
    """
    from sfumato.errors import FileError

    if path.exists() and any(i.exists() and path.samefile(i) for i in inputs):
        raise FileError(f"{path}: this is one of the frames", hint="choose another name")


def check_file(path: Path, *, overwrite: bool, inputs: tuple[Path, ...] = ()) -> None:
    """Refuse a file that is no picture, before the work that would be lost.

    Raises:
        FileError: it exists, is one of the inputs, or its folder is missing or closed.
    """
    from sfumato.errors import FileError

    refuse_inputs(path, inputs)
    if path.exists() and not overwrite:
        raise FileError(
            f"{path}: exists already and is kept",
            hint="choose another name, or replace it with --overwrite",
        )
    if not path.parent.is_dir():
        raise FileError(f"{path}: the folder {path.parent} does not exist", hint="create it first")
    check_writable(path.parent)


def check_folder(folder: Path, names: tuple[str, ...], *, overwrite: bool) -> None:
    """Refuse a folder to be made or filled, before the work that would be lost.

    Raises:
        FileError: it is a file, cannot be made, or holds one of the names already.
    """
    from sfumato.errors import FileError

    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder}: this is a file, a folder is needed", hint="choose another name")
    if not folder.exists() and not folder.parent.is_dir():
        raise FileError(
            f"{folder}: the folder {folder.parent} does not exist", hint="create it first"
        )
    taken = next((name for name in names if (folder / name).exists()), None)
    if taken is not None and not overwrite:
        raise FileError(
            f"{folder / taken}: exists already and is kept",
            hint="choose another folder, or replace it with --overwrite",
        )
    check_writable(folder if folder.exists() else folder.parent)


def check_writable(folder: Path) -> None:
    """Try to write into a folder, since its permissions do not tell all.

    Raises:
        FileError: nothing can be written there.
    """
    import tempfile

    from sfumato.errors import FileError

    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FileError(
            f"{folder}: cannot be written to: {error.strerror}", hint="choose another folder"
        ) from error


def write_picture(path: Path, sample: Sample, *, overwrite: bool, depth: int | None) -> str:
    """Write the result and say what was written.

    Without a depth the values keep theirs where the ending can hold it, else they
    get the most that it holds.
    """
    from sfumato.io.formats import HOLDS, format_of_name
    from sfumato.io.picture import write

    own, held = 8 * sample.image.dtype.itemsize, HOLDS[format_of_name(path)]
    bits: Any = depth if depth is not None else own if own in held else max(held)
    write(path, sample, overwrite=overwrite, depth=bits)
    height, width = sample.size
    return f"{path}: {width} x {height} px, {bits} bits"
