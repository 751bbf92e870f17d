"""`sfumato grade`: exposure, white balance and contrast repaired by a learned table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import frames_argument, raised_to, read_frames
from sfumato.cli.outputs import (
    check_file,
    check_folder,
    check_picture,
    output_options,
    write_picture,
)
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from sfumato.color.grade_frames import GradeFrames

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato grade photo.jpg -o out.jpg
  sfumato grade photo.tif -o out.tif --strength 0.6 --lut look.cube
  sfumato grade frame_*.jpg -o graded/ --smooth 12

\b
Several pictures are frames of one video or burst: they are graded alike, without
flicker, and written under their names into the folder OUT.
"""


@click.command("grade", epilog=EPILOG)
@frames_argument
@output_options
@click.option(
    "--strength", type=float, default=1.0, show_default=True, help="0 is the picture, 1 all of it."
)
@click.option(
    "--weights",
    default="auto-enhance",
    show_default=True,
    help="Weights that come with sfumato, or a folder of an AdaptiveLUT.",
)
@click.option(
    "--lut", type=click.Path(path_type=Path), metavar="CUBE", help="Write the table that is used."
)
@click.option(
    "--smooth",
    type=float,
    default=8.0,
    show_default=True,
    metavar="FRAMES",
    help="Of several frames: average tables over so many.",
)
def command(
    *,
    frames: tuple[Path, ...],
    output: Path,
    depth: int | None,
    overwrite: bool,
    quiet: bool,
    strength: float,
    weights: str,
    lut: Path | None,
    smooth: float,
) -> None:
    """Repair exposure, white balance, contrast and saturation.

    A small network looks at the picture and mixes learned 3D LUTs for it. Nothing is
    downloaded, and no GPU is needed.
    """
    from sfumato.color.auto_grade import AutoGrade
    from sfumato.color.grade_frames import GradeFrames
    from sfumato.errors import SpecError

    settings: dict[str, Any] = {"weights": weights, "strength": strength}
    if len(frames) > 1:
        if lut is not None:
            raise SpecError("--lut writes one table, several frames have one each")
        grade_all = GradeFrames(**settings, smoothing_frames=smooth)
        lines = _grade_series(grade_all, frames, output, depth, overwrite=overwrite, quiet=quiet)
        say(lines, quiet=quiet)
        return
    check_picture(output, overwrite=overwrite, inputs=frames, depth=depth)
    if lut is not None:
        check_file(lut, overwrite=overwrite, inputs=frames)
    grade = AutoGrade(**settings)
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = raised_to(read_frames(frames), depth)
        tell("grading")
        result = grade(sample)
        tell("write")
        lines = [write_picture(output, result, overwrite=overwrite, depth=depth)]
        if lut is not None:
            from sfumato.color.table_file import write_table

            table = grade.table_for(sample.image)
            write_table(lut, table.but(title=frames[0].stem), overwrite=overwrite)
            lines.append(f"{lut}: {table.size}^3 entries")
    say(lines, quiet=quiet)


def _grade_series(
    grade: GradeFrames,
    frames: tuple[Path, ...],
    folder: Path,
    depth: int | None,
    *,
    overwrite: bool,
    quiet: bool,
) -> list[str]:
    """Grade the frames of a series alike, into a folder, under their names."""
    from sfumato.errors import SpecError

    names = tuple(frame.name for frame in frames)
    if len(set(names)) < len(names):
        raise SpecError("two frames have the same name", hint="grade them folder by folder")
    check_folder(folder, names, overwrite=overwrite)
    if folder.is_dir():
        for name in names:
            check_picture(folder / name, overwrite=overwrite, inputs=frames, depth=depth)
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = raised_to(read_frames(frames), depth)
        tell("grading")
        result = grade(sample)
        tell("write")
        folder.mkdir(exist_ok=True)
        lines = []
        stack, facts = result.require("stack", "grade"), sample.meta["frames"]
        for name, image, meta in zip(names, stack, facts, strict=True):
            one = result.but(image=image, stack=None, meta=meta)
            lines.append(write_picture(folder / name, one, overwrite=overwrite, depth=depth))
    return lines
