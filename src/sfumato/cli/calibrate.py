"""`sfumato calibrate`: flat and dark frames in, the noise of the camera out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sfumato.cli.outputs import check_file, check_folder, output_option, run_options
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from sfumato.capture.calibration import Calibration

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato calibrate flats/ darks/ --white 16383 -o camera.yaml --report calibration
  sfumato calibrate raw_flats/ raw_darks/ -o camera.yaml
  sfumato calibrate flats/ --black 512 --white 16383 --pattern GRBG -o camera.yaml
"""


@click.command("calibrate", epilog=EPILOG)
@click.argument("flats", type=click.Path(path_type=Path))
@click.argument("darks", type=click.Path(path_type=Path), required=False)
@output_option("YAML", "The noise model to write.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write DIR/index.html with the photon transfer and its residuals.",
)
@click.option(
    "--pattern",
    type=click.Choice(["RGGB", "BGGR", "GRBG", "GBRG", "none"], case_sensitive=False),
    help="Colors of the 2 x 2 cell, row by row.  [default: what raws say, else RGGB]",
)
@click.option("--black", type=float, metavar="DN", help="Value of no light, without darks.")
@click.option("--white", type=float, metavar="DN", help="Value where the sensor clips.")
@click.option("--iso", type=float, help="Of frames that do not say it.")
@run_options
def command(
    *,
    flats: Path,
    darks: Path | None,
    output: Path,
    report: Path | None,
    pattern: str | None,
    black: float | None,
    white: float | None,
    iso: float | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Measure the noise of a camera from flat and dark frames.

    FLATS is a folder with two frames of each of several exposures of an evenly lit surface,
    DARKS one with frames without light. They are camera raws, or linear mosaics as grey TIFF
    or PNG of 16 bits.
    """
    from sfumato.capture.calibration_frames import calibrate_folder

    check_file(output, overwrite=overwrite)
    if report is not None:
        check_folder(report, ("index.html",), overwrite=overwrite)
    with showing_steps(quiet=quiet) as tell:
        tell("calibrate")
        found = calibrate_folder(
            flats,
            darks,
            pattern=None if pattern == "none" else (pattern or "auto"),
            black=black,
            white=white,
            iso=iso,
        )
        found.noise.save(output)
        written = [str(output)]
        if report is not None:
            from sfumato.capture.calibration_report import write_calibration

            tell("report")
            report.mkdir(exist_ok=True)
            written.append(str(write_calibration(report, found)))
    say([*_lines(found), *written], quiet=quiet)


def _lines(found: Calibration) -> list[str]:
    lines = []
    for one in found.isos:
        for k, (name, fit) in enumerate(zip(one.sites, one.fits, strict=True)):
            gain, read = fit.gain_interval(), one.read_interval(k)
            lines.append(
                f"ISO {one.iso:g} {name}: K {fit.gain:.4g} DN/e ({gain[0]:.4g} to {gain[1]:.4g}), "
                f"read noise {one.model.read_noise[k]:.4g} DN ({read[0]:.4g} to {read[1]:.4g}), "
                f"{len(fit.used)} levels"
            )
        left_out = {p.name: p.excluded for fit in one.fits for p in fit.points if p.excluded}
        lines += [f"left out: {name}: {why}" for name, why in left_out.items()]
        lines += one.notes
    return [*lines, *found.notes]
