"""`sfumato hint`: what guides a generator, made from a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import read_frames, read_settings, seed_option
from sfumato.cli.outputs import check_picture, output_options, write_picture
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from sfumato.core.operator import Operator
    from sfumato.core.sample import Sample

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato hint canny photo.jpg -o edges.png
  sfumato hint lines photo.jpg -o drawing.png --set sigma=1.5
  sfumato hint clean scan.jpg -o lineart.png
  sfumato hint depth depth.tif -o near_is_white.png
  sfumato hint scribble photo.jpg -o scribble.png --seed 3

\b
Kinds:
  canny     thin edges                     subpixel  thin edges, drawn smoothly
  soft      shades of edges                lines     a pen drawing, white on black
  scribble  wobbly outlines                clean     a scanned drawing, cleaned
  palette   where colors lie               mask      colors of a label map
  depth     near is white, from a depth map of one channel
  normals   directions of surfaces, from a depth map
"""

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "canny": ("features.Canny", {"into": "hint"}),
    "subpixel": ("features.DevernayEdges", {}),
    "soft": ("features.SoftEdges", {"into": "hint"}),
    "lines": ("features.LineDrawing", {"into": "hint", "inverted": True}),
    "scribble": ("features.Scribble", {"into": "hint"}),
    "clean": ("features.CleanLines", {"into": "hint", "inverted": True}),
    "palette": ("color.ShowPalette", {}),
    "mask": ("raster.ShowLabels", {}),
    "depth": ("features.ShowDepth", {}),
    "normals": ("features.ShowNormals", {}),
}


@click.command("hint", epilog=EPILOG)
@click.argument("kind", type=click.Choice(list(KINDS)), metavar="KIND")
@click.argument("picture", type=click.Path(path_type=Path))
@output_options
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the operator behind the kind; see: sfumato list.",
)
@seed_option("Of what is random.")
def command(
    *,
    kind: str,
    picture: Path,
    output: Path,
    depth: int | None,
    overwrite: bool,
    quiet: bool,
    changes: tuple[str, ...],
    seed: int,
) -> None:
    """Make a hint for a generator: edges, lines, depth, colors.

    KIND says what is drawn of PICTURE; the kinds are listed below. Drawings are white
    on black, as published generators were taught.
    """
    operator = _operator(kind, changes)
    check_picture(output, overwrite=overwrite, inputs=(picture,), depth=depth)
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = _with_planes(read_frames((picture,)), operator)
        tell(kind)
        drawn = operator(sample, seed)
        tell("write")
        shown = drawn.but(image=drawn.require("hint", f"sfumato hint {kind}"), hint=None)
        line = write_picture(output, shown, overwrite=overwrite, depth=depth)
    say([line], quiet=quiet)


def _operator(kind: str, changes: tuple[str, ...]) -> Operator:
    """Build the operator of a kind with the settings that were given."""
    from sfumato.core.spec import from_spec

    name, settings = KINDS[kind]
    built: Operator = from_spec({name: {**settings, **read_settings(changes)}})
    return built


def _with_planes(sample: Sample, operator: Operator) -> Sample:
    """Let a picture of one channel stand for the depth or the labels that are read."""
    import numpy as np

    from sfumato.core.shapes import to_unit
    from sfumato.errors import ShapeError

    plane = next((name for name in ("depth", "mask") if name in operator.reads), None)
    if plane is None:
        return sample
    if sample.image.shape[2] != 1:
        raise ShapeError(
            f"{sample.meta.get('file_name', 'the picture')}: a {plane} map has one channel, "
            f"this has {sample.image.shape[2]}",
            hint="name the map itself, not the photograph",
        )
    values = sample.image[..., 0]
    if plane == "mask":
        if values.dtype.kind == "f":
            raise ShapeError("a label map holds whole numbers: 8 or 16 bits")
        return sample.but(mask=values.astype(np.int32))
    far = np.where(values > 0, to_unit(values), np.float32(np.inf))  # 0 stands for no depth
    return sample.but(depth=far)
