"""`sfumato stack`: one sharp picture from an aligned focus series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import frames_argument, raised_to, read_frames
from sfumato.cli.outputs import check_picture, output_options, write_picture
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from sfumato.core.sample import Sample

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato stack aligned/*.png -o sharp.png
  sfumato stack aligned/*.png -o sharp.tif --depth-map depth.png
"""


@click.command("stack", epilog=EPILOG)
@frames_argument
@output_options
@click.option(
    "--method",
    type=click.Choice(["pyramid", "depth_map"]),
    default="pyramid",
    show_default=True,
    help="Choose band by band, or whole pixels by depth.",
)
@click.option(
    "--depth-map",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write where things lie: black the first frame, white the last; .tif holds frame numbers.",
)
def command(
    *,
    frames: tuple[Path, ...],
    output: Path,
    depth: int | None,
    overwrite: bool,
    quiet: bool,
    method: Any,
    depth_map: Path | None,
) -> None:
    """Stack an aligned focus series.

    Give the frames in the order of focus.
    Nothing is aligned: see `sfumato develop --as focus`.
    """
    from sfumato.capture.focus_stack import FocusStack

    check_picture(output, overwrite=overwrite, inputs=frames, depth=depth)
    if depth_map is not None:
        check_picture(depth_map, overwrite=overwrite, inputs=frames)
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = raised_to(read_frames(frames, at_least=2, who="stack"), depth)
        tell("stack")
        stacked = FocusStack(method=method)(sample)
        tell("write")
        written = [write_picture(output, stacked, overwrite=overwrite, depth=depth)]
        if depth_map is not None:
            shown = _depth_picture(stacked, depth_map, len(frames))
            written.append(write_picture(depth_map, shown, overwrite=overwrite, depth=None))
    say(written, quiet=quiet)


def _depth_picture(stacked: Sample, path: Path, frames: int) -> Sample:
    import numpy as np

    from sfumato.core.sample import Sample
    from sfumato.core.shapes import from_unit
    from sfumato.io.formats import format_of_name

    depth = np.asarray(stacked.require("depth", "stack"), np.float32)[..., None]
    if format_of_name(path) == "tiff":
        return Sample(depth)
    return Sample(from_unit(depth / max(1, frames - 1), np.uint16))
