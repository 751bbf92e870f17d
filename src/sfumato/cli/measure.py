"""`sfumato measure`: how far pictures are from what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sfumato.cli.outputs import check_folder
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from sfumato.measure.comparison import Comparison

__all__ = ["METRIC_NAMES", "command"]

METRIC_NAMES = (
    "psnr", "ssim", "ms_ssim", "delta_e_2000", "mse", "mae", "mean_iou", "dice", "boundary_f",
)  # fmt: skip
MOST_NAMED = 8

EPILOG = """\b
Examples:
  sfumato measure developed.png reference.png
  sfumato measure denoised/ clean/ --report denoised-report
  sfumato measure denoised/ clean/ --metric ssim --metric psnr --json > scores.json
  sfumato measure predicted/ labels/ --metric mean_iou --metric boundary_f --ignore 11
"""


@click.command("measure", epilog=EPILOG)
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--metric",
    "names",
    multiple=True,
    type=click.Choice(METRIC_NAMES),
    help="Repeat for several; the first one ranks. The last three compare PNG maps of labels. "
    "By default psnr, ssim, ms_ssim and delta_e_2000, as far as they fit.",
)
@click.option("--ignore", type=int, metavar="LABEL", help="Label of B that does not count.")
@click.option(
    "--radius", type=float, metavar="PX", help="How far boundary_f lets a boundary lie off."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a line for each pair and nothing else.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write DIR/index.html with maps of the ten worst, and DIR/scores.csv.",
)
@click.option("--overwrite", is_flag=True, help="Replace what exists.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def command(
    *,
    first: Path,
    second: Path,
    names: tuple[str, ...],
    ignore: int | None,
    radius: float | None,
    as_json: bool,
    as_csv: bool,
    report: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Measure how far A is from B, two files or two folders.

    Of two folders, pictures of one name are pairs, whatever their endings; means
    come with intervals of 95 %.
    """
    from sfumato.errors import SpecError
    from sfumato.measure.comparison import build_metrics, compare_pictures
    from sfumato.measure.pairing import pair_pictures

    if as_json and as_csv:
        raise SpecError("--json does not go with --csv", hint="leave one of them out")
    if report is not None:
        check_folder(report, ("index.html", "scores.csv"), overwrite=overwrite)
    # Without a name the settings of label maps have nothing to set, and are refused.
    asked = names or (("psnr",) if (ignore, radius) != (None, None) else ())
    metrics = build_metrics(dict.fromkeys(asked), ignore=ignore, radius_px=radius)
    with showing_steps(quiet=quiet) as tell:
        found = compare_pictures(pair_pictures(first, second), metrics or None, progress=tell)
        written = []
        if report is not None:
            from sfumato.measure.comparison_report import write_comparison

            tell("report")
            report.mkdir(exist_ok=True)
            written = [str(path) for path in write_comparison(report, found)]
    if as_json or as_csv:
        click.echo(found.to_json() if as_json else found.to_csv().rstrip("\n"))
    elif not quiet:
        _print_table(found)
        say([*_remarks(found), *written], quiet=False)


def _print_table(found: Comparison) -> None:
    import sys

    from rich.console import Console
    from rich.table import Table

    from sfumato.measure.comparison_report import format_score

    several = len(found.rows) > 1
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("metric", no_wrap=True)
    head = "score" if not several else "set" if found.of_labels else "mean"
    table.add_column(head, justify="right", no_wrap=True)
    if several:
        table.add_column("95 % interval", justify="center", no_wrap=True)
        table.add_column("worst", justify="right", no_wrap=True)
        table.add_column("pair", overflow="fold")
    table.add_column("better", no_wrap=True)
    for name, score in found.estimates.items():
        cells = [name, format_score(score.value)]
        if several:
            ends = [format_score(end) for end in (score.low, score.high)]
            cells.append(" to ".join(ends) if score.low is not None else "-")
            worst = next(iter(found.worst(name)), None)
            cells += [format_score(worst.scores[name]), worst.pair.name] if worst else ["-", ""]
        better = "higher" if found.metrics[name].higher_is_better else "lower"
        table.add_row(*_plain_text([*cells, better]))
    Console(file=sys.stdout, highlight=False).print(table)


def _plain_text(cells: list[str]) -> list[str]:
    """Keep names of files from being read as markup."""
    from rich.markup import escape

    return [escape(cell) for cell in cells]


def _remarks(found: Comparison) -> list[str]:
    lines = []
    if len(found.rows) > 1:
        lines.append(f"{len(found.rows)} pairs. {found.method()}".rstrip())
    alone = [str(path) for path in found.pairing.alone]
    if alone:
        more = f" and {len(alone) - MOST_NAMED} more" if len(alone) > MOST_NAMED else ""
        lines.append(f"without a partner: {', '.join(alone[:MOST_NAMED])}{more}")
    return [*lines, *found.notes]
