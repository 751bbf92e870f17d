"""`sfumato demo`: the whole journey on pictures that are computed on the spot."""

from __future__ import annotations

from pathlib import Path

import click

from sfumato.cli.develop import build_develop, carry_out
from sfumato.cli.outputs import check_folder
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
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the scene.")
@click.option("--overwrite", is_flag=True, help="Replace what exists.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def command(*, output: Path, size: int, seed: int, overwrite: bool, quiet: bool) -> None:
    """Show the whole journey on a computed scene.

    A hand-held bracket with a moving subject is aligned, freed of ghosts and
    fused; a focus series is aligned and stacked. Each gets a report.
    """
    from sfumato.data.demo import write_demo_frames

    results = tuple(f"{name}.png" for name in SERIES)
    reports = tuple(f"{name}-report" for name in SERIES)
    check_folder(output, ("frames", *results, *reports), overwrite=overwrite)
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
    written = [frames / path.name for series in paths for path in series]
    written += [output / name for name in results]
    written += [output / name / "index.html" for name in reports]
    say(["These files were written:", *(f"  {path}" for path in written)], quiet=quiet)
