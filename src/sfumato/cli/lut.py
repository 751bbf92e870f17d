"""`sfumato lut`: color tables, applied, converted, examined, made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.outputs import (
    check_file,
    check_picture,
    output_options,
    run_options,
    write_picture,
)
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from sfumato.color.color_table import ColorTable

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato lut apply dusk.cube photo.jpg -o out.jpg --strength 0.7
  sfumato lut convert look.3dl look.cube --size 33
  sfumato lut convert look.cube look.png
  sfumato lut info look.cube
  sfumato lut export grade.yaml -o grade.cube

\b
Tables are .cube, HALD pictures (.png, .tif), and with sfumato[ocio] .3dl, .csp, .spi3d.
"""
FILE = click.Path(path_type=Path)
SIZE = click.IntRange(2, 129)


@click.group("lut", epilog=EPILOG, no_args_is_help=False)
def command() -> None:
    """Apply, convert, examine and make 3D LUTs."""


@command.command("apply")
@click.argument("table", type=FILE)
@click.argument("picture", type=FILE)
@output_options
@click.option(
    "--strength", type=float, default=1.0, show_default=True, help="0 is the picture, 1 the table."
)
@click.option(
    "--interpolation",
    type=click.Choice(["tetrahedral", "trilinear"]),
    default="tetrahedral",
    show_default=True,
    help="Between the entries of the table.",
)
@click.option("--mask", type=FILE, metavar="PNG", help="Grade only where this is white.")
def apply_(
    *,
    table: Path,
    picture: Path,
    output: Path,
    depth: int | None,
    overwrite: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Grade PICTURE with TABLE."""
    from sfumato.cli.inputs import raised_to, read_frames
    from sfumato.color.lut3d import LUT3D

    check_picture(output, overwrite=overwrite, inputs=(picture, table), depth=depth)
    look = LUT3D(file=table, **settings)
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = raised_to(read_frames((picture,)), depth)
        tell("grading")
        result = look(sample)
        tell("write")
        written = write_picture(output, result, overwrite=overwrite, depth=depth)
    say([written], quiet=quiet)


@command.command("convert")
@click.argument("table", type=FILE)
@click.argument("result", type=FILE)
@click.option("--size", type=SIZE, help="Entries along an edge; by default as they are.")
@click.option("--then", "others", type=FILE, multiple=True, help="Another table to go through.")
@click.option("--invert", is_flag=True, help="Find the table that undoes it.")
@click.option("--title", help="What the new file says about itself.")
@run_options
def convert(
    *,
    table: Path,
    result: Path,
    size: int | None,
    others: tuple[Path, ...],
    invert: bool,
    title: str | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Write TABLE as RESULT: another form, another size, joined or turned around."""
    from sfumato.color.table_file import read_table
    from sfumato.color.table_inverse import invert_table

    check_file(result, overwrite=overwrite, inputs=(table, *others))
    made, lines = read_table(table), []
    for other in others:
        made = made.then(read_table(other))
    if size is not None and not invert:
        made = made.resampled(size)
    if invert:
        made, report = invert_table(made, size=size)
        lines = [
            f"inverse: {report.reachable:.1%} of its entries can be reached; colors sent there and "
            f"back are {report.mean_error:.5f} off on average, {report.p99_error:.5f} in 99 of 100 "
            f"cases, {report.max_error:.5f} at most"
        ]
    made = made if title is None else made.but(title=title)
    say([*lines, _write(result, made, overwrite=overwrite)], quiet=quiet)


@command.command("info")
@click.argument("table", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def info(*, table: Path, as_json: bool) -> None:
    """Tell what TABLE does: range, monotony, smoothness, greys, folds."""
    import json
    from dataclasses import asdict

    from sfumato.color.table_file import read_table
    from sfumato.color.table_report import examine_table

    read = read_table(table)
    about = asdict(examine_table(read))
    if as_json:
        more = {
            "title": read.title,
            "domain_min": read.input_min,
            "domain_max": read.input_max,
            "shaper": 0 if read.shaper is None else len(read.shaper),
        }
        click.echo(json.dumps(about | more, indent=2))
        return
    for line in _told(table, read, about):
        click.echo(line)


def _told(path: Path, table: ColorTable, about: dict[str, Any]) -> list[str]:
    def triple(values: Any) -> str:
        return " ".join(f"{v:g}" for v in values)

    low, high = triple(table.input_min), triple(table.input_max)
    shaper = f", shaper of {len(table.shaper)}" if table.shaper is not None else ""
    return [
        f"{path}: {table.size}^3 entries{shaper}" + (f', "{table.title}"' if table.title else ""),
        f"  input       {low} to {high}",
        f"  output      {triple(about['low'])} to {triple(about['high'])}; "
        f"{about['outside']:.1%} outside 0 to 1",
        f"  change      {about['change']:.4f} on average",
        f"  monotony    {about['falling']:.2%} of the steps fall",
        f"  smoothness  {about['roughness']:.4f} cells on average, {about['roughest']:.3f} at most",
        f"  greys       {about['grey_drift']:.4f} from grey at most",
        f"  folds       {about['folded']:.2%} of the cells",
    ]


@command.command("export")
@click.argument("recipe", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, help="The table to write.")
@click.option("--size", type=SIZE, default=33, show_default=True, help="Entries along an edge.")
@click.option("--title", default="", help="What the file says about itself.")
@click.option("--trust", multiple=True, metavar="PACKAGE", help="Let the recipe name this package.")
@run_options
def export(
    *,
    recipe: Path,
    output: Path,
    size: int,
    title: str,
    trust: tuple[str, ...],
    overwrite: bool,
    quiet: bool,
) -> None:
    """Make the table of RECIPE, whose steps change colors only."""
    from sfumato.color.table_of import table_of
    from sfumato.core.pipeline import Pipeline

    check_file(output, overwrite=overwrite, inputs=(recipe,))
    made = table_of(Pipeline.load(recipe, trust=trust), size=size, title=title or recipe.stem)
    say([_write(output, made, overwrite=overwrite)], quiet=quiet)


def _write(path: Path, table: ColorTable, *, overwrite: bool) -> str:
    from sfumato.color.table_file import read_table, write_table

    write_table(path, table, overwrite=overwrite)
    return f"{path}: {read_table(path).size}^3 entries"
