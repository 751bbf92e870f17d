"""`sfumato run`: a written recipe, carried out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sfumato.cli.inputs import frames_argument, read_frames, seed_option, trust_option
from sfumato.cli.outputs import check_picture, output_options, write_picture
from sfumato.cli.progress import alignment_lines, say, showing_steps

if TYPE_CHECKING:
    from sfumato.core.pipeline import Pipeline

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato run dusk.yaml tower_*.jpg -o tower.png
  sfumato run mine.yaml photo.tif -o photo.png --trust my_filters --seed 7

\b
A recipe names operators and their settings:
  - capture.AlignFrames
  - capture.FuseExposures: {saturation: 0.5}
  - raster.Resize: {long_side_px: 2400}
"""


@click.command("run", epilog=EPILOG)
@click.argument("recipe", type=click.Path(path_type=Path))
@frames_argument
@output_options
@trust_option
@seed_option("Of every random step.")
def command(
    *,
    recipe: Path,
    frames: tuple[Path, ...],
    output: Path,
    depth: int | None,
    overwrite: bool,
    quiet: bool,
    trust: tuple[str, ...],
    seed: int,
) -> None:
    """Carry out a recipe.

    Pictures go through the steps of RECIPE, and the result is written.

    Several pictures are frames of one series. See `sfumato list` for operators. Where the first
    step works on raw mosaics, the frames are camera raws and read as such.
    """
    from sfumato.core.pipeline import Pipeline
    from sfumato.io.mosaic import read_mosaic

    check_picture(output, overwrite=overwrite, inputs=(*frames, recipe), depth=depth)
    pipeline = Pipeline.load(recipe, trust=trust)
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = read_mosaic(*frames) if _begins_raw(pipeline) else read_frames(frames)
        tell(f"running {len(pipeline.steps)} steps")
        result = pipeline(sample, seed)
        tell("write")
        written = write_picture(output, result, overwrite=overwrite, depth=depth)
    say([*alignment_lines(result), written], quiet=quiet)


def _begins_raw(pipeline: Pipeline) -> bool:
    """Tell whether the first step takes mosaics, by the samples that it can be tried on."""
    if not pipeline.steps:
        return False
    samples = pipeline.steps[0].practice_samples()
    return bool(samples) and all(sample.space == "raw" for sample in samples)
