"""`sfumato fuse`: exposure fusion of aligned frames, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sfumato.cli.inputs import frames_argument, raised_to, read_frames
from sfumato.cli.lean import import_numba
from sfumato.cli.outputs import check_picture, output_options, write_picture
from sfumato.cli.progress import say, showing_steps

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato fuse aligned/*.png -o fused.png
  sfumato fuse dark.tif mid.tif bright.tif -o fused.tif --levels 9 --border reflect
"""


@click.command("fuse", epilog=EPILOG)
@frames_argument
@output_options
@click.option(
    "--contrast", type=float, default=1.0, show_default=True, help="Exponent of contrast."
)
@click.option(
    "--saturation", type=float, default=1.0, show_default=True, help="Exponent of saturation."
)
@click.option(
    "--exposure", type=float, default=1.0, show_default=True, help="Exponent of well-exposedness."
)
@click.option("--levels", type=int, help="Pyramid levels; by default by size.")
@click.option(
    "--border",
    type=click.Choice(["symmetric", "reflect"]),
    default="symmetric",
    show_default=True,
    help="What lies beyond the edge: symmetric as published, reflect as in OpenCV.",
)
@click.option("--exact", is_flag=True, help="Whole pictures in float64; slow, for comparing.")
def command(
    *,
    frames: tuple[Path, ...],
    output: Path,
    depth: int | None,
    overwrite: bool,
    quiet: bool,
    exact: bool,
    **settings: Any,
) -> None:
    """Fuse the exposures of aligned frames.

    Nothing is aligned and no ghosts are removed: see `sfumato develop`.
    """
    import_numba()
    from sfumato.capture.fuse_exposures import FuseExposures

    check_picture(output, overwrite=overwrite, inputs=frames, depth=depth)
    fuse = FuseExposures(mode="exact" if exact else "fast", **settings)
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = raised_to(read_frames(frames, at_least=2, who="fuse"), depth)
        tell("fuse")
        fused = fuse(sample)
        tell("write")
        written = write_picture(output, fused, overwrite=overwrite, depth=depth)
    say([written], quiet=quiet)
