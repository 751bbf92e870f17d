"""`sfumato segment`: what each pixel of some pictures shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import apply_options, check_frames, different_stems, frames_argument
from sfumato.cli.outputs import check_folder, output_option, refuse_inputs, run_options
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["command"]

OVERLAY = "-overlay.jpg"
MOST_TOLD = 6

EPILOG = """\b
Examples:
  sfumato segment street.jpg --weights runs/unet/best -o labels
  sfumato segment drive/*.png --weights runs/unet/best -o labels --tile 512 --device cuda
  sfumato measure labels truth --metric mean_iou --metric boundary_f --ignore 255
"""


@click.command("segment", epilog=EPILOG)
@frames_argument
@click.option(
    "--weights", required=True, help="A folder that a training wrote, or the name of weights."
)
@output_option("DIR", "Gets NAME.png, the number of the class at each pixel, and NAME-overlay.jpg.")
@click.option("--overlay/--no-overlay", default=True, help="Write pictures to look at, or not.")
@click.option(
    "--opacity", type=float, default=0.5, show_default=True, help="Of the colours in them."
)
@apply_options
@run_options
def command(
    *,
    frames: tuple[Path, ...],
    weights: str,
    output: Path,
    overlay: bool,
    opacity: float,
    device: str,
    tile: int | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Say what each pixel shows, by a trained network."""
    from sfumato.core.apply import Apply
    from sfumato.errors import SpecError
    from sfumato.io.picture import read, write
    from sfumato.segment.label_overlay import LabelOverlay

    paint = LabelOverlay(opacity=opacity)
    names = different_stems(frames, "labels")
    endings = (".png", OVERLAY) if overlay else (".png",)
    files = tuple(name + ending for name in names for ending in endings)
    check_frames(frames)
    check_folder(output, files, overwrite=overwrite)
    for file in files:
        refuse_inputs(output / file, frames)
    segment = Apply(weights=weights, device=device, tile_px="auto" if tile is None else tile)
    if "mask" not in segment.outputs:
        raise SpecError(
            f"{weights}: holds {type(segment.method).__name__}, which does not label pixels",
            hint="sfumato segment needs a method that writes a mask, such as segment.UNet",
        )
    lines = []
    with showing_steps(quiet=quiet) as tell:
        for path, name in zip(frames, names, strict=True):
            tell(f"labelling {path.name}")
            sample = segment(read(path))
            labels = _as_picture(sample.require("mask", "segment"))
            output.mkdir(exist_ok=True)
            write(output / f"{name}.png", labels, overwrite=overwrite)
            if overlay:
                write(output / (name + OVERLAY), paint(sample), overwrite=overwrite)
            lines.append(f"{output / name}.png: {_shares(labels)}")
    say(lines, quiet=quiet)


def _as_picture(mask: Any) -> NDArray[Any]:
    """Give labels as grey of 8 bits where these hold them, else of 16."""
    import numpy as np

    return np.asarray(mask)[..., None].astype(np.uint8 if int(np.max(mask)) < 256 else np.uint16)


def _shares(labels: NDArray[Any]) -> str:
    import numpy as np

    found, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_TOLD]
    told = [f"class {found[k]} {100 * counts[k] / labels.size:.1f} %" for k in order]
    return ", ".join(told) + (", ..." if len(found) > MOST_TOLD else "")
