"""`sfumato simulate`: a clean picture in, the raw file of a given camera out."""

from __future__ import annotations

from pathlib import Path

import click

from sfumato.cli.inputs import seed_option
from sfumato.cli.outputs import check_writable, output_option, refuse_inputs, run_options
from sfumato.cli.progress import say, showing_steps
from sfumato.cli.raw_options import camera_noise

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato simulate clean.png --profile camera.yaml --iso 3200 -o noisy.dng
  sfumato simulate clean.tif --profile noiseprofiles.json --camera "Nikon D850" --iso 6400 \\
      --exposure -2 --seed 7 -o dark.dng
"""


@click.command("simulate", epilog=EPILOG)
@click.argument("picture", type=click.Path(path_type=Path))
@output_option("DNG", "The raw file to write.")
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="Noise of the camera: YAML of sfumato calibrate, or darktable's JSON.",
)
@click.option("--camera", metavar="NAME", help="Which camera of darktable's JSON.")
@click.option("--iso", type=float, required=True, help="Within what the profile was measured at.")
@click.option(
    "--exposure",
    type=float,
    default=0.0,
    show_default=True,
    metavar="EV",
    help="Stops above the exposure at which white just saturates.",
)
@click.option(
    "--pattern",
    type=click.Choice(["RGGB", "BGGR", "GRBG", "GBRG"], case_sensitive=False),
    default="RGGB",
    show_default=True,
    help="Colors of the 2 x 2 cell, row by row.",
)
@seed_option("Of the noise.")
@run_options
def command(
    *,
    picture: Path,
    output: Path,
    profile: Path,
    camera: str | None,
    iso: float,
    exposure: float,
    pattern: str,
    seed: int,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Make the raw file that a camera would write of a clean PICTURE.

    The same seed gives the same file. sRGB pictures are taken back to light; float and linear
    TIFF are light already.
    """
    from sfumato.capture.raw_camera import RawCamera
    from sfumato.cli.inputs import check_frames
    from sfumato.io.dng_write import check_mosaic_output, write_mosaic
    from sfumato.io.picture import read

    check_frames((picture,))
    refuse_inputs(output, (picture,))
    check_mosaic_output(output, overwrite=overwrite)
    check_writable(output.parent)
    noise = camera_noise(profile, camera)
    assert noise is not None
    lens = RawCamera(noise=noise, pattern=pattern.upper())
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        clean = read(picture)
        tell("simulate")
        raw = lens.expose(clean, iso, seed, exposure_ev=exposure)
        write_mosaic(output, raw, overwrite=overwrite)
    model, (height, width) = lens.model(iso), raw.size
    blown = float((raw.image >= 1.0).mean())
    lines = [
        f"ISO {iso:g}: K {max(model.gain):.3g} DN/e, read noise {max(model.read_noise):.3g} DN, "
        f"{blown:.1%} of the sites saturated",
        f"{output}: {width} x {height} px, {pattern.upper()}, seed {seed}",
    ]
    say(lines, quiet=quiet)
