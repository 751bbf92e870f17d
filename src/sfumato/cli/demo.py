"""`sfumato demo`: the whole journey on pictures that are computed on the spot."""

from __future__ import annotations

from pathlib import Path

import click

from sfumato.cli.develop import build_develop, carry_out
from sfumato.cli.inputs import seed_option
from sfumato.cli.outputs import check_folder, run_options, write_picture
from sfumato.cli.progress import say, showing_steps

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato demo
  sfumato demo -o try --overwrite
"""
SERIES = {
    "dusk": "A room at dusk, three hand-held exposures, a balloon drifting:",
    "table": "A table, five frames focused from near to far:",
}

GRADING = "The room, graded by the learned tables that come with sfumato:"
GRADED = ("dusk-graded.jpg", "dusk-graded.cube")
PAINTING = "A line drawing, painted by the generator that comes with sfumato:"
PAINTED = ("sketch.png", "sketch-painted.png")
DRAWING = 4
"""A house under an evening sky."""


@click.command("demo", epilog=EPILOG)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    default="demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the frames, pictures and reports, made if it is missing.",
)
@click.option(
    "--size",
    metavar="PX",
    default=1280,
    show_default=True,
    type=click.IntRange(64, 8000),
    help="Width of the frames.",
)
@seed_option("Of the scene.")
@run_options
def command(*, output: Path, size: int, seed: int, overwrite: bool, quiet: bool) -> None:
    """Show the whole journey on a computed scene.

    A hand-held bracket with a moving subject is aligned, freed of ghosts and
    fused, and the result is graded; a focus series is aligned and stacked. Each
    gets a report. Where torch is installed, a line drawing is painted by its words.
    """
    from sfumato.data.demo import write_demo_frames

    results = tuple(f"{name}.png" for name in SERIES)
    reports = tuple(f"{name}-report" for name in SERIES)
    taken_names = ("frames", *results, *reports, *GRADED, *PAINTED)
    check_folder(output, taken_names, overwrite=overwrite)
    frames = output / "frames"
    frames.mkdir(parents=True, exist_ok=True)
    with showing_steps(quiet=quiet) as tell:
        tell("photographing the scene")
        taken = write_demo_frames(frames, size=(round(size / 1.6), size), seed=seed)
    paths = (taken.bracket_paths, taken.focus_paths)
    del taken
    for series, result, report, words in zip(paths, results, reports, SERIES.values(), strict=True):
        lines = carry_out(
            build_develop(),
            series,
            output / result,
            report=output / report,
            depth=None,
            overwrite=overwrite,
            quiet=quiet,
        )
        say([words, *("  " + line for line in lines), ""], quiet=quiet)
    lines = _grade(output, overwrite=overwrite, quiet=quiet)
    say([GRADING, *("  " + line for line in lines), ""], quiet=quiet)
    lines, painted = _paint(output, overwrite=overwrite, quiet=quiet)
    say([PAINTING, *("  " + line for line in lines), ""], quiet=quiet)
    written = [frames / path.name for series in paths for path in series]
    written += [output / name for name in results]
    written += [output / name / "index.html" for name in reports]
    written += [output / name for name in (*GRADED, *painted)]
    say(["These files were written:", *(f"  {path}" for path in written)], quiet=quiet)


def _grade(folder: Path, *, overwrite: bool, quiet: bool) -> list[str]:
    """Grade the developed room, and keep the table that was chosen for it."""
    from sfumato.color.auto_grade import AutoGrade
    from sfumato.color.table_file import write_table
    from sfumato.io.picture import read

    picture, cube = (folder / name for name in GRADED)
    with showing_steps(quiet=quiet) as tell:
        tell("grading")
        grade, sample = AutoGrade(), read(folder / "dusk.png")
        table = grade.table_for(sample.image).but(title="Dusk, graded by auto-enhance")
        written = write_picture(picture, grade(sample), overwrite=overwrite, depth=8)
        write_table(cube, table, overwrite=overwrite)
    return [written, f"{cube}: {table.size}^3 entries"]


def _paint(folder: Path, *, overwrite: bool, quiet: bool) -> tuple[list[str], tuple[str, ...]]:
    """Paint a computed drawing by its caption, and keep its lines."""
    import importlib.util

    from sfumato.core.sample import Sample
    from sfumato.data.caption_scenes import CaptionScenes

    if importlib.util.find_spec("torch") is None:
        return ['left out, it needs torch: pip install "sfumato[learn]"'], ()
    from sfumato.adapt.colorize_lines import ColorizeLines

    scene = CaptionScenes(size_px=384, seed=41, things=(1, 1), hint="lines")[DRAWING]
    assert scene.hint is not None
    sketch, words = Sample(scene.hint), str(scene.text)
    with showing_steps(quiet=quiet) as tell:
        tell("painting")
        painted = ColorizeLines(weights="scenes-lines", prompt=words)(sketch, 0)
        paths = [folder / name for name in PAINTED]
        lines = [
            write_picture(path, sample, overwrite=overwrite, depth=8)
            for path, sample in zip(paths, (sketch, painted), strict=True)
        ]
    return [f'"{words}"', *lines], PAINTED
