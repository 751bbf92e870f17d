"""`sfumato train`: teach a method, as a config says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.errors import INTERRUPTED
from sfumato.cli.inputs import trust_option

if TYPE_CHECKING:
    from sfumato.train.report import Report

__all__ = ["changes_option", "command"]

EPILOG = """\b
Examples:
  sfumato train configs/segment/unet_camvid.yaml
  sfumato train denoise.yaml --set recipe.steps=500 --set data.batch_size=4
  sfumato train denoise.yaml --resume
  accelerate launch -m sfumato.cli.main train denoise.yaml

\b
A config names the method, its data, and how to train; docs/teach.md explains it:
  method: {segment.UNet: {classes: 11}}
  data:
    data.Loader:
      source: {data.PicturePairs: {images: train, masks: labels}}
  recipe: {train.Recipe: {steps: 10000, lr: 1.0e-3}}
  out: runs/unet

Ctrl-C saves and ends; --resume goes on with the same bits.
"""

changes_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting of the config, such as recipe.steps=500; repeatable.",
)


@click.command("train", epilog=EPILOG)
@click.argument("config", metavar="CONFIG.yaml", type=click.Path(path_type=Path))
@changes_option
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint, if there is one.")
@click.option(
    "--changed", is_flag=True, help="Resume even though settings are others than they were."
)
@click.option(
    "--check", is_flag=True, help="Two steps and one validation that leave nothing behind."
)
@trust_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def command(
    *,
    config: Path,
    changes: tuple[str, ...],
    resume: bool,
    changed: bool,
    check: bool,
    trust: tuple[str, ...],
    quiet: bool,
) -> int | None:
    """Teach a method, as a config says."""
    from sfumato.errors import SpecError
    from sfumato.train.progress_bar import ProgressBar
    from sfumato.train.run import TrainingRun

    if changed and not resume:
        raise SpecError("--changed goes with --resume only")
    run = TrainingRun.read(config, changes=changes, trust=trust)
    callbacks: Any = () if quiet else (ProgressBar(),)
    if check:
        run.check_works()
        if not quiet:
            click.echo(f"{config}: two steps and a validation went well")
        return None
    report = run.run(resume="changed" if changed else resume, callbacks=callbacks)
    if not quiet and _main():
        for line in _lines(report):
            click.echo(line)
    if report.stopped == "interrupted":
        raise click.exceptions.Exit(INTERRUPTED)
    return None


def _main() -> bool:
    import os

    return int(os.environ.get("RANK", "0")) == 0


def _lines(report: Report) -> list[str]:
    ends = {"done": "", "max_seconds": ", the time was up", "interrupted": ", interrupted"}
    lines = [f"{report.steps} steps in {report.seconds:.0f} s{ends[report.stopped]}"]
    lines += [
        f"  {name}: {value:.6g}" for name, value in report.losses.items() if "/gr" not in name
    ]
    lines += [f"  {name}: {value:.6g}" for name, value in report.scores.items()]
    if report.best is not None:
        lines.append(f"best {report.best:.6g} after {report.best_step} steps")
    if report.non_finite:
        lines.append(f"{report.non_finite} optimiser steps were left out: a number was none")
    if report.skipped:
        lines.append(f"{len(report.skipped)} files were passed over, such as {report.skipped[0]}")
    if report.out is not None:
        lines.append(f"{report.out}: checkpoints, log.csv, last" + _best(report))
        if report.stopped != "done":
            lines.append("go on with --resume")
    return lines


def _best(report: Report) -> str:
    return "" if report.best is None else ", best"
