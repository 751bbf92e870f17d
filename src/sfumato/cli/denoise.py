"""`sfumato denoise`: one noisy raw frame, or a burst of them, into a clean one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import frames_argument
from sfumato.cli.outputs import (
    check_writable,
    output_option,
    refuse_inputs,
    run_options,
    write_picture,
)
from sfumato.cli.progress import say, showing_steps
from sfumato.cli.raw_options import camera_noise, profile_options

if TYPE_CHECKING:
    from sfumato.core.sample import Sample

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato denoise night.dng -o clean.dng --profile camera.yaml
  sfumato denoise night.nef -o clean.jpg --method wavelet
  sfumato denoise burst_*.dng -o clean.png --profile camera.yaml
"""


@click.command("denoise", epilog=EPILOG)
@frames_argument
@output_option("OUT", "A .dng for the clean raw, or the picture of it: .jpg, .png, .webp or .tif.")
@profile_options
@click.option(
    "--method",
    type=click.Choice(["nlm", "wavelet"]),
    default="nlm",
    show_default=True,
    help="Non-local means, or undecimated wavelets.",
)
@click.option(
    "--strength", type=float, default=1.0, show_default=True, help="1 takes all noise off."
)
@run_options
def command(
    *,
    frames: tuple[Path, ...],
    output: Path,
    profile: Path | None,
    camera: str | None,
    iso: float | None,
    method: Any,
    strength: float,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Remove the noise of a camera raw, knowing how much there is.

    The noise is that of --profile, else that which the file states, else it is read from the
    picture. Several frames are a burst: they are laid over the first and merged before what
    is left is removed.
    """
    from sfumato.capture.denoise_burst import DenoiseBurst
    from sfumato.capture.denoise_raw import DenoiseRaw
    from sfumato.cli.inputs import check_frames
    from sfumato.errors import FileError
    from sfumato.io.mosaic import is_mosaic_file, read_mosaic

    check_frames(frames)
    picture = next((frame for frame in frames if not is_mosaic_file(frame)), None)
    if picture is not None:
        raise FileError(
            f"{picture}: not a camera raw",
            hint="in a finished picture noise is no longer what the sensor made; give the raw",
        )
    _check_output(output, frames, overwrite=overwrite)
    noise = camera_noise(profile, camera)
    single = DenoiseRaw(noise=noise, iso=iso, method=method, strength=strength)
    burst = DenoiseBurst(noise=noise, iso=iso, method=method, strength=strength)
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = read_mosaic(*frames)
        model = single.model(sample.but(stack=None))
        most = float(model.variance((1.0,) * 4).max()) ** 0.5
        lines = [f"noise at white: {most:.2%} of white"]
        tell("denoise")
        if sample.stack is None:
            clean = single(sample)
        else:
            clean = burst(sample)
            mean = clean.meta["merged_frames"]
            lines.append(f"burst of {len(frames)} frames, {mean:.1f} of them in each place")
        tell("write")
        lines.append(_write(output, clean, overwrite=overwrite))
    say(lines, quiet=quiet)


def _check_output(output: Path, frames: tuple[Path, ...], *, overwrite: bool) -> None:
    from sfumato.io.dng_write import check_mosaic_output
    from sfumato.io.output import check_output

    refuse_inputs(output, frames)
    check = check_mosaic_output if output.suffix.lower() == ".dng" else check_output
    check(output, overwrite=overwrite)
    check_writable(output.parent)


def _write(output: Path, clean: Sample, *, overwrite: bool) -> str:
    if output.suffix.lower() == ".dng":
        from sfumato.io.dng_write import write_mosaic

        write_mosaic(output, clean, overwrite=overwrite)
        height, width = clean.size
        return f"{output}: {width} x {height} px, {clean.meta['mosaic'].pattern}"
    from sfumato.capture.develop_raw import DevelopRaw
    from sfumato.io.formats import HOLDS, format_of_name

    depth = min(16, max(HOLDS[format_of_name(output)]))
    return write_picture(output, DevelopRaw()(clean), overwrite=overwrite, depth=depth)
