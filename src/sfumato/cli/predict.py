"""`sfumato predict`: send pictures through a trained method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import (
    apply_options,
    check_frames,
    different_stems,
    frames_argument,
    seed_option,
    trust_option,
)
from sfumato.cli.outputs import check_folder, output_option, refuse_inputs, run_options
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from sfumato.core.sample import Sample

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato predict old.jpg --weights runs/denoiser -o clean
  sfumato predict scans/*.tif --weights runs/denoiser/best -o clean --tile 512 --device cuda
  sfumato predict photo.jpg --weights hub:owner/name -o out
"""


@click.command("predict", epilog=EPILOG)
@frames_argument
@click.option(
    "--weights",
    required=True,
    help="A folder that a training wrote, the name of weights, or hub:owner/name.",
)
@output_option("DIR", "Gets NAME.png or, from float pictures, NAME.tif.")
@apply_options
@seed_option("Of all that is random.")
@trust_option
@run_options
def command(
    *,
    frames: tuple[Path, ...],
    weights: str,
    output: Path,
    device: str,
    tile: int | None,
    seed: int,
    trust: tuple[str, ...],
    overwrite: bool,
    quiet: bool,
) -> None:
    """Send pictures through a trained method, one by one.

    Pictures may have any size; they keep their depth. Labels become grey PNG.
    """
    from sfumato.core.apply import Apply
    from sfumato.io.picture import read, write

    check_frames(frames)
    stems = different_stems(frames, "answers")
    names = tuple(f"{stem}{ending}" for stem in stems for ending in (".png", ".tif"))
    check_folder(output, names, overwrite=overwrite)
    for name in names:
        refuse_inputs(output / name, frames)
    for package in trust:
        _import(package)
    step = Apply(weights=weights, device=device, tile_px="auto" if tile is None else tile)
    writes = step.outputs
    lines = []
    with showing_steps(quiet=quiet) as tell:
        for path in frames:
            tell(f"answering {path.name}")
            result = _shown(step(read(path), seed), writes)
            ending = ".tif" if result.image.dtype.kind == "f" else ".png"
            output.mkdir(exist_ok=True)
            write(output / f"{path.stem}{ending}", result, overwrite=overwrite)
            height, width = result.size
            lines.append(f"{output / path.stem}{ending}: {width} x {height} px")
    say(lines, quiet=quiet)


def _import(package: str) -> None:
    """Let `Apply` know the classes of a package, which it imports for nobody."""
    import importlib

    from sfumato.errors import SpecError

    try:
        importlib.import_module(package)
    except ImportError as error:
        raise SpecError(f"--trust: {package} cannot be imported: {error}") from error


def _shown(result: Sample, writes: tuple[str, ...]) -> Sample:
    """Give what the method wrote as a picture: the image, else its labels."""
    import numpy as np

    from sfumato.core.sample import Sample as Picture

    if "image" in writes or result.mask is None:
        return result
    labels: Any = np.asarray(result.mask)[..., None]
    return Picture(labels.astype(np.uint8 if int(labels.max()) < 256 else np.uint16))
